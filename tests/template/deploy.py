"""Deploys the real template with the real SAM CLI, as a person would, into an embedded AWS."""

import subprocess
from pathlib import Path
from typing import Any

from local import paths
from local.embedded_aws import EmbeddedAws

SAM = str(paths.tool("sam", "sam"))


def build(folder: Path) -> Path:
    """`sam build` into `folder`, with no Python on the PATH; returns the built template."""
    command = [SAM, "build", "--template-file", str(paths.TEMPLATE), "--build-dir", str(folder)]
    subprocess.run(
        command, cwd=paths.ROOT, check=True, capture_output=True, env={"SAM_CLI_TELEMETRY": "0", "HOME": str(folder)}
    )
    return folder / "template.yaml"


def deploy(
    aws: EmbeddedAws, template: Path, config_env: str, *options: str, parameters: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """`sam deploy --config-env …`; with `parameters`, those replace the environment's."""
    command = [SAM, "deploy", "--template-file", str(template), "--config-file", str(paths.ROOT / "samconfig.toml")]
    command += ["--config-env", config_env, "--no-confirm-changeset", *options]
    if parameters:
        command += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    environment = aws.environment() | {"SAM_CLI_TELEMETRY": "0"}
    return subprocess.run(
        command,
        cwd=paths.ROOT,
        env=environment,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def stack(aws: EmbeddedAws, name: str) -> dict[str, Any]:
    """A stack as CloudFormation describes it."""
    return aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]


def outputs(aws: EmbeddedAws, name: str) -> dict[str, str]:
    return {item["OutputKey"]: item["OutputValue"] for item in stack(aws, name).get("Outputs", [])}


def physical_ids(aws: EmbeddedAws, name: str) -> dict[str, str]:
    """Logical to physical ids of a stack's resources."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
    return {
        item["LogicalResourceId"]: item["PhysicalResourceId"]
        for page in pages
        for item in page["StackResourceSummaries"]
    }
