"""Deploys the real template with the real SAM CLI, as a person would, into an AWS emulator."""

import json
import subprocess
from pathlib import Path
from typing import Any

from devlake import paths
from devlake.deploy_stack import SAM_ENVIRONMENT
from devlake.emulator import Emulator

SAM = str(paths.tool("sam", "sam"))
SAMCONFIG = paths.ROOT / "samconfig.toml"


def build(folder: Path) -> Path:
    """`sam build` into `folder`, with no Python on the PATH; returns the built template."""
    command = [SAM, "build", "--template-file", str(paths.TEMPLATE), "--build-dir", str(folder)]
    environment = {"SAM_CLI_TELEMETRY": "0", "HOME": str(folder), "PATH": str(folder)}
    subprocess.run(command, cwd=paths.ROOT, env=environment, check=True, capture_output=True)
    return folder / "template.yaml"


def deploy(
    aws: Emulator,
    template: Path,
    config_env: str,
    *options: str,
    parameters: dict[str, str] | None = None,
    config: Path = SAMCONFIG,
) -> "subprocess.CompletedProcess[str]":
    """`sam deploy --config-env …` of `config`; with `parameters`, those replace the environment's."""
    command = ["deploy", "--template-file", str(template), "--no-confirm-changeset", *options]
    if parameters:
        command += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    return sam(aws, config, config_env, *command)


def sam(
    aws: Emulator, config: Path, config_env: str, command: str, *options: str
) -> "subprocess.CompletedProcess[str]":
    """`sam COMMAND --config-env …`; what it printed, and its exit code."""
    words = [SAM, command, "--config-file", str(config), "--config-env", config_env, *options]
    environment = aws.environment() | SAM_ENVIRONMENT
    both: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(words, cwd=paths.ROOT, env=environment, text=True, check=False, **both)


def apply(aws: Emulator, name: str, parameters: dict[str, str], *, packaged_as: str) -> None:
    """Create or update a stack from the template that was deployed as another one: quicker than the SAM CLI."""
    client = aws.client("cloudformation")
    body = client.get_template(StackName=packaged_as)["TemplateBody"]
    arguments = {
        "StackName": name,
        "TemplateBody": body if isinstance(body, str) else json.dumps(body),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    kind = "update" if name == packaged_as else "create"
    getattr(client, f"{kind}_stack")(**arguments)
    client.get_waiter(f"stack_{kind}_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def stack(aws: Emulator, name: str) -> dict[str, Any]:
    """A stack as CloudFormation describes it."""
    return aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]


def outputs(aws: Emulator, name: str) -> dict[str, str]:
    return {item["OutputKey"]: item["OutputValue"] for item in stack(aws, name).get("Outputs", [])}


def physical_ids(aws: Emulator, name: str) -> dict[str, str]:
    """Logical to physical ids of a stack's resources."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
    return {
        item["LogicalResourceId"]: item["PhysicalResourceId"]
        for page in pages
        for item in page["StackResourceSummaries"]
    }
