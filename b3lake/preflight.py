"""`b3lake preflight`: asks an AWS account what it allows, before anything is deployed into it.

It changes nothing. Every check is one read-only call; what a denied call means, and what to set, is said beside it.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.errors import B3LakeError, without_passwords
from b3lake.lake.names import DEFAULT_ENV, Names
from b3lake.lake.session import DEFAULT_REGION, open_session
from b3lake.lake.settings import read_env
from b3lake.options import Parser
from b3lake.texts.told import told

PROGRAM = "b3lake preflight"

OK, NOTE, MISSING = "ok", "note", "missing"
LAB_ROLE, LAB_PROFILE = "LabRole", "LabInstanceProfile"
LAB_REGIONS = ("us-east-1", "us-west-2")
IMAGE_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
# An account that is out of reach is told of in seconds, not in the minutes that boto3 would try for.
CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 2})

DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "OptInRequired",
        "SubscriptionRequiredException",
        "UnauthorizedAccess",
        "UnauthorizedOperation",
    }
)
NOT_THERE = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "EntityNotFoundException",
        "InvalidRequestException",
        "NoSuchBucket",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "ValidationError",
    }
)


def services(names: Names) -> dict[str, tuple[str, dict[str, Any]]]:
    """The services that the stack and the module use, each with a call that deploying makes, too, and that only reads.

    So a call that is denied is one that deploying would fail on; none asks for what the lake does not need.
    """
    return {
        "cloudformation": ("describe_stacks", {"StackName": names.prefix}),
        "sqs": ("get_queue_url", {"QueueName": names.raw_events_queue}),
        "lambda": ("get_function", {"FunctionName": names.start_glue_job}),
        "glue": ("get_database", {"Name": names.database}),
        "logs": ("describe_log_groups", {"logGroupNamePrefix": f"/aws/lambda/{names.start_glue_job}"}),
        "cloudwatch": ("describe_alarms", {"AlarmNamePrefix": names.snake_prefix}),
        "athena": ("get_work_group", {"WorkGroup": names.workgroup}),
        "ec2": ("describe_vpcs", {"Filters": [{"Name": "is-default", "Values": ["true"]}]}),
        "scheduler": ("get_schedule", {"Name": f"{names.prefix}-start-ingestion-host"}),
        "ssm": ("get_parameter", {"Name": IMAGE_PARAMETER}),
    }


@dataclass(frozen=True)
class PreflightRequest:
    """One look at the account of the credentials, for a lake of the environment `env`."""

    env: str = DEFAULT_ENV


class PreflightError(B3LakeError):
    """The lake cannot be deployed."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `state` is ok, note (deployable, but know this) or missing (not deployable so)."""

    subject: str
    state: str
    text: str


def open_client() -> Callable[[str], Any]:
    """Makes boto3 clients of the caller's account, in the caller's region, else in the one of samconfig.toml.

    Raises botocore's ProfileNotFound when AWS_PROFILE names no profile.
    """
    session: Any = open_session()
    return lambda service: session.client(service, config=CLIENT_CONFIG)


def check_account(env: str, client: Callable[[str], Any]) -> Iterator[Finding]:
    """Look at the account of the caller's credentials for a lake named `env`.

    The first finding is about the credentials; when they do not work, or AWS is out of reach, it is the only one.
    """
    sts, names = client("sts"), Names(env)
    try:
        caller = sts.get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        out_of_reach = isinstance(error, HTTPClientError | BotoConnectionError)
        yield Finding("network" if out_of_reach else "credentials", MISSING, str(as_aws_error(error, "AWS")))
        return
    yield Finding("credentials", OK, f"account {caller['Account']}, {caller['Arn'].split(':')[-1]}")
    yield _check_region(sts.meta.region_name)
    for service, (call, arguments) in services(names).items():
        yield _check_service(client, service, call, arguments)
    yield _check_bucket(client, names.raw_bucket(caller["Account"]))
    yield from _check_roles(client, names, caller["Arn"], sts.meta.region_name)


def _check_region(region: str) -> Finding:
    if region == DEFAULT_REGION:
        return Finding("region", OK, f"{region}, where samconfig.toml and Terraform deploy")
    text = f'{region}: use `sam deploy --region {region}`, and region = "{region}" in Terraform.'
    return Finding("region", NOTE, text)


def _check_service(client: Callable[[str], Any], service: str, call: str, arguments: dict[str, Any]) -> Finding:
    try:
        answer = getattr(client(service), call)(**arguments)
    except (ClientError, BotoCoreError) as error:
        if _code(error) in NOT_THERE:
            return Finding(service, OK, "answers")
        if _code(error) in DENIED:
            return Finding(service, MISSING, f"{_said(error)}. Deploying makes the same call: ask for access to it.")
        return Finding(service, NOTE, f"could not be looked at: {_said(error)}.")
    if service == "ec2" and not answer["Vpcs"]:
        return Finding(service, NOTE, "There is no default VPC: give Terraform a subnet_id.")
    return Finding(service, OK, "answers")


def _check_bucket(client: Callable[[str], Any], bucket: str) -> Finding:
    s3 = client("s3")
    try:
        answer = s3.head_bucket(Bucket=bucket)
    except (ClientError, BotoCoreError) as error:
        if _code(error) in NOT_THERE:
            return Finding("raw bucket", OK, f"{bucket} is free")
        return Finding("raw bucket", NOTE, f"{bucket} could not be looked at ({_said(error)}).")
    region = answer.get("BucketRegion") or s3.meta.region_name
    if region != s3.meta.region_name:
        return Finding("raw bucket", MISSING, f"{bucket} is there, in {region}: deploy there, or set RawBucketName.")
    text = f"{bucket} is there: a deployed stack owns it, or set UseExistingRawBucket=true."
    return Finding("raw bucket", NOTE, text)


def _check_roles(client: Callable[[str], Any], names: Names, caller_arn: str, region: str) -> Iterator[Finding]:
    """Whether roles can be created here, or which existing ones take their place."""
    iam = client("iam")
    may, why = _may_create_roles(iam, names, caller_arn)
    if may:
        yield Finding("roles", OK, "may be created: `sam deploy`, and Terraform with manage_iam = true")
        return
    without = "use `sam deploy --config-env lab`, and manage_iam = false"
    if may is None:
        yield Finding("roles", NOTE, f"could not be determined ({why}). If you may not create them: {without}.")
    else:
        yield Finding("roles", NOTE, f"may not be created: {without}")
        if region not in LAB_REGIONS:
            yield Finding("region", NOTE, f"a lab of AWS Academy has {' and '.join(LAB_REGIONS)} only, not {region}.")
    yield from _check_lab_role(iam, needed=may is False)


def _check_lab_role(iam: Any, *, needed: bool) -> Iterator[Finding]:
    """The role and the profile that a lab brings; where they are not `needed`, only what is there is told."""
    try:
        trust = json.dumps(iam.get_role(RoleName=LAB_ROLE)["Role"]["AssumeRolePolicyDocument"])
    except (ClientError, BotoCoreError) as error:
        if needed:
            text = f"{_said(error)}: give LambdaRoleArn and GlueRoleArn, of roles that Lambda and Glue may assume."
            yield Finding(LAB_ROLE, MISSING, text)
    else:
        lacking = [name for name in ("lambda", "glue", "scheduler") if f"{name}.amazonaws.com" not in trust]
        if lacking == ["scheduler"]:
            yield Finding(LAB_ROLE, NOTE, "cannot be assumed by scheduler: set stop_after_run = false in Terraform.")
        elif lacking:
            text = f"cannot be assumed by {' and '.join(lacking)}: give the ARNs of roles that can."
            yield Finding(LAB_ROLE, MISSING if needed else NOTE, text)
        else:
            yield Finding(LAB_ROLE, OK, "is there")
    try:
        iam.get_instance_profile(InstanceProfileName=LAB_PROFILE)
    except (ClientError, BotoCoreError) as error:
        if needed:
            yield Finding(LAB_PROFILE, NOTE, f"{_said(error)}: set instance_profile_name in Terraform.")
    else:
        yield Finding(LAB_PROFILE, OK, "is there")


def _may_create_roles(iam: Any, names: Names, caller_arn: str) -> tuple[bool | None, str]:
    """IAM's simulator on creating and passing the lake's roles: yes, no, or None and why it cannot be known."""
    parts = caller_arn.split(":")
    if parts[5] == "root":  # cannot be simulated, and may do everything
        return True, ""
    roles = ":".join([*parts[:2], "iam", "", parts[4], f"role/{names.prefix}-RefineJobRole"])
    try:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=_principal(iam, parts),
            ActionNames=["iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole"],
            ResourceArns=[roles],
        )
    except (ClientError, BotoCoreError) as error:
        return None, _said(error)
    return all(result["EvalDecision"] == "allowed" for result in answer["EvaluationResults"]), ""


def _principal(iam: Any, parts: list[str]) -> str:
    """The ARN that policies hang on: of a role's session, the role's, whose path the session does not tell."""
    kind, _, rest = parts[5].partition("/")
    if kind != "assumed-role":
        return ":".join(parts)
    return str(iam.get_role(RoleName=rest.split("/")[0])["Role"]["Arn"])


def _code(error: Exception) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""


def _said(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("Message") or error.response["Error"]["Code"]).rstrip(".")
    return without_passwords(str(error).rstrip("."))


def parse(arguments: Sequence[str], environ: Mapping[str, str], program: str = PROGRAM) -> PreflightRequest:
    """The checked request. Raises UsageError; exits 0 on `--help`."""
    parser = Parser(
        program,
        "Ask an AWS account what it allows, before anything is deployed into it; change nothing.",
        "Exit codes: 0 the lake can be deployed; 1 something is missing; 2 wrong usage.",
    )
    parser.add_setting("--env", "LAKE_ENV", "the environment that will be deployed", DEFAULT_ENV)
    return PreflightRequest(read_env({"LAKE_ENV": parser.read(arguments, environ).text("env")}))


def run(request: PreflightRequest) -> int:
    """Print what was found; 0. Raises PreflightError when something is missing."""
    table = Table("", told("what"), told("found"), box=None, pad_edge=False)
    signs = {OK: Text("✓", "green"), NOTE: Text("!", "yellow"), MISSING: Text("✗", "bold red")}
    findings = []
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    with console.status(told("Asking the account …")):
        for finding in check_account(request.env, open_client()):
            findings.append(finding)
            table.add_row(signs[finding.state], told(finding.subject), Text(told(finding.text)))
    console.print(table)
    missing = [told(finding.subject) for finding in findings if finding.state == MISSING]
    if missing:
        raise PreflightError(f"The lake cannot be deployed here yet; missing: {', '.join(missing)}.")
    console.print(told("The lake can be deployed here."))
    return 0


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Look at one account; the exit code."""
    return run(parse(arguments, os.environ, program))
