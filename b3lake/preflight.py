"""`b3lake preflight`: asks an AWS account what it allows, before anything is deployed into it.

It changes nothing. Every check is one read-only call; what a denied call means, and what to set, is said beside it.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from b3lake.lake.errors import B3LakeError
from b3lake.lake.names import DEFAULT_ENV, Names
from b3lake.lake.session import DEFAULT_REGION
from b3lake.lake.settings import read_env
from b3lake.options import Parser

PROGRAM = "b3lake preflight"

OK, NOTE, MISSING = "ok", "note", "missing"
# The services that the stack and the module use, each with a call that reads one page and nothing else.
SERVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "cloudformation": ("list_stacks", {}),
    "s3": ("list_buckets", {}),
    "sqs": ("list_queues", {"MaxResults": 1}),
    "lambda": ("list_functions", {"MaxItems": 1}),
    "glue": ("get_databases", {"MaxResults": 1}),
    "athena": ("list_work_groups", {"MaxResults": 1}),
    "logs": ("describe_log_groups", {"limit": 1}),
    "ec2": ("describe_vpcs", {"Filters": [{"Name": "is-default", "Values": ["true"]}]}),
    "ssm": ("describe_parameters", {"MaxResults": 1}),
}
LAB_ROLE, LAB_PROFILE = "LabRole", "LabInstanceProfile"


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


def client_of(service: str) -> Any:
    """A boto3 client of the caller's account, in the region that the stack is deployed to (samconfig.toml)."""
    session: Any = boto3.session.Session()
    return session.client(service, region_name=DEFAULT_REGION)


def check_account(env: str, client: Callable[[str], Any] = client_of) -> Iterator[Finding]:
    """Look at the account of the caller's credentials for a lake named `env`.

    The first finding is about the credentials; when they do not work it is the only one.
    """
    try:
        caller = client("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        yield Finding(
            "credentials",
            MISSING,
            f"{_said(error)}. In a lab: start it, and copy the credentials under AWS Details, AWS CLI, anew.",
        )
        return
    yield Finding("credentials", OK, f"account {caller['Account']}, {caller['Arn'].split(':')[-1]}")
    for service, (call, arguments) in SERVICES.items():
        yield _check_service(client, service, call, arguments)
    yield _check_bucket(client, Names(env).raw_bucket(caller["Account"]))
    yield from _check_roles(client, caller["Arn"])


def _check_service(client: Callable[[str], Any], service: str, call: str, arguments: dict[str, Any]) -> Finding:
    try:
        answer = getattr(client(service), call)(**arguments)
    except (ClientError, BotoCoreError) as error:
        return Finding(service, MISSING, f"{_said(error)}. The lake needs this service: ask for access to it.")
    if service == "ec2" and not answer["Vpcs"]:
        return Finding(service, NOTE, "There is no default VPC: give Terraform a subnet_id.")
    return Finding(service, OK, "answers")


def _check_bucket(client: Callable[[str], Any], bucket: str) -> Finding:
    try:
        client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
            return Finding("raw bucket", OK, f"{bucket} is free")
        return Finding("raw bucket", MISSING, f"{bucket} cannot be had ({_said(error)}): set RawBucketName.")
    text = f"{bucket} is there: a deployed stack owns it, or set UseExistingRawBucket=true."
    return Finding("raw bucket", NOTE, text)


def _check_roles(client: Callable[[str], Any], caller_arn: str) -> Iterator[Finding]:
    """Whether roles can be created here, or which existing ones take their place."""
    if _may_create_roles(client, caller_arn):
        yield Finding("roles", OK, "may be created: `sam deploy`, and Terraform with manage_iam = true")
        return
    yield Finding("roles", NOTE, "may not be created: use `sam deploy --config-env lab`, and manage_iam = false")
    iam = client("iam")
    try:
        trust = json.dumps(iam.get_role(RoleName=LAB_ROLE)["Role"]["AssumeRolePolicyDocument"])
    except (ClientError, BotoCoreError) as error:
        text = f"{_said(error)}: give LambdaRoleArn and GlueRoleArn, of roles that Lambda and Glue may assume."
        yield Finding(LAB_ROLE, MISSING, text)
    else:
        lacking = [name for name in ("lambda", "glue") if f"{name}.amazonaws.com" not in trust]
        text = (
            f"cannot be assumed by {' and '.join(lacking)}: give the ARNs of roles that can" if lacking else "is there"
        )
        yield Finding(LAB_ROLE, MISSING if lacking else OK, text)
    try:
        iam.get_instance_profile(InstanceProfileName=LAB_PROFILE)
    except (ClientError, BotoCoreError) as error:
        yield Finding(LAB_PROFILE, NOTE, f"{_said(error)}: set instance_profile_name in Terraform.")
    else:
        yield Finding(LAB_PROFILE, OK, "is there")


def _may_create_roles(client: Callable[[str], Any], caller_arn: str) -> bool:
    """Ask IAM's simulator about iam:CreateRole; a caller that may not even ask may not create either."""
    parts = caller_arn.split(":")
    if parts[5].startswith("assumed-role/"):  # the simulator wants the role, not its session
        parts[2], parts[5] = "iam", f"role/{parts[5].split('/')[1]}"
    try:
        answer = client("iam").simulate_principal_policy(
            PolicySourceArn=":".join(parts).removesuffix(":"), ActionNames=["iam:CreateRole", "iam:PassRole"]
        )
    except (ClientError, BotoCoreError):
        # The account's own root user cannot be simulated, and may do everything.
        return parts[5] == "root"
    return all(result["EvalDecision"] == "allowed" for result in answer["EvaluationResults"])


def _said(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("Message") or error.response["Error"]["Code"]).rstrip(".")
    return str(error).rstrip(".")


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
    table = Table("", "what", "found", box=None, pad_edge=False)
    signs = {OK: Text("✓", "green"), NOTE: Text("!", "yellow"), MISSING: Text("✗", "bold red")}
    findings = []
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    with console.status("Asking the account …"):
        for finding in check_account(request.env):
            findings.append(finding)
            table.add_row(signs[finding.state], finding.subject, Text(finding.text))
    console.print(table)
    missing = [finding.subject for finding in findings if finding.state == MISSING]
    if missing:
        raise PreflightError(f"The lake cannot be deployed here yet; missing: {', '.join(missing)}.")
    console.print("The lake can be deployed here.")
    return 0


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Look at one account; the exit code."""
    return run(parse(arguments, os.environ, program))
