"""Builds and deploys the real template into the AWS emulator with the SAM CLI."""

from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import ClientError

from b3lake.lake.names import DEFAULT_ENV, Names
from devlake import paths
from devlake.aws_environment import REGION
from devlake.child_process import run_child
from devlake.emulator import Emulator
from devlake.errors import DevLakeError

ENV = DEFAULT_ENV  # the environment in the names of a local lake
NAMES = Names(ENV)
STACK = NAMES.prefix
# An event waits in the queue until its run has succeeded, and is looked at again after so long: 300 s in an account,
# and less here, where a run takes seconds.
VISIBILITY_SECONDS = 2
SAM_ENVIRONMENT = {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.2"}
"""The SAM CLI asks how far a stack is only after 5 s, which is for an account: the emulator has it at once."""
# Named, since the URL in the outputs of a kept lake holds the port of the day on which it was deployed.
RAW_EVENTS_QUEUE = NAMES.raw_events_queue


def build_stack(folder: Path, environment: dict[str, str], on_line: Callable[[str], None]) -> Path:
    """`sam build` into `folder`; returns the built template. Raises DevLakeError when it fails."""
    built = folder / "build"
    sam = paths.tool("sam", "sam")
    if not sam.exists():
        raise DevLakeError("The SAM CLI is not installed: run `make setup`.")
    log = folder / "sam_build.log"
    command: list[str | Path] = [sam, "build", "--template-file", paths.TEMPLATE, "--build-dir", built]
    if run_child(command, environment=environment, log=log, on_line=on_line) != 0:
        raise DevLakeError(f"`sam build` failed: see {log}.")
    return built / "template.yaml"


def deploy_stack(
    aws: Emulator,
    folder: Path,
    *,
    parameters: dict[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> dict[str, str]:
    """`sam build` and `sam deploy` of template.yaml; returns the stack's outputs by name.

    Logs and the build stay in `folder`. Raises DevLakeError when either fails.
    """
    environment = aws.environment() | SAM_ENVIRONMENT
    template = build_stack(folder, environment, on_line)
    log = folder / "sam_deploy.log"
    command: list[str | Path] = [paths.tool("sam", "sam"), "deploy", "--template-file", template]
    command += ["--config-file", paths.ROOT / "samconfig.toml", "--config-env", ENV, "--stack-name", STACK]
    command += ["--region", REGION, "--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]
    if parameters:
        command += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    if run_child(command, environment=environment, log=log, on_line=on_line) != 0:
        raise DevLakeError(f"`sam deploy` failed: see {log}.")
    sqs = aws.client("sqs")
    queue = sqs.get_queue_url(QueueName=RAW_EVENTS_QUEUE)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)})
    return stack_outputs(aws)


def stack_outputs(aws: Emulator) -> dict[str, str]:
    """The deployed stack's outputs by name. Raises DevLakeError when somebody has deleted it."""
    try:
        stacks = aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise DevLakeError(f"A lake is up, but its stack {STACK} was deleted: `make up` deploys it again.") from error
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
