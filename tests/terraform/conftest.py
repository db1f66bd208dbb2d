"""Fixtures of the Terraform tests: the real Terraform with its provider, and an AWS for it on this machine."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from devlake import paths
from devlake.emulator import Emulator
from devlake.moto_server import moto_server
from tests.terraform.find_provider import find_mirror, write_cli_config
from tests.terraform.stack_life import Stack, apply_stack, side_by_side
from tests.terraform.terraform_cli import Terraform, TerraformError, clean_environment, copy_project

# moto knows EC2, IAM, alarms and the public parameters that name images; the AWS emulator has the rest.
AT_MOTO = ("EC2", "IAM", "SSM", "CLOUDWATCH")
SIDE_BY_SIDE = ("sideone", "sidetwo")
BUCKET_KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"


def _without_terraform(reason: str) -> None:
    """Skip, or fail in CI, where these tests must run."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must run the Terraform tests: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def make_terraform(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Terraform]:
    """Makes initialised copies of the module, which ship the whole package or one file of it (`whole=False`).

    Skips where Terraform or its AWS provider is not to be had.
    """
    if not shutil.which("terraform"):
        _without_terraform("Terraform is not installed: install 1.7 or newer to run this test")
    cli_config = tmp_path_factory.mktemp("terraform-cli") / "terraform.rc"
    mirror = find_mirror(os.environ)
    write_cli_config(mirror, cli_config)

    def make(*variables: str, whole: bool = True, **environment: str) -> Terraform:
        project = copy_project(tmp_path_factory.mktemp("terraform"), whole=whole)
        terraform = Terraform(project, clean_environment(cli_config) | environment, variables)
        try:
            terraform.run("init", "-input=false", "-no-color", "-backend=false")
        except TerraformError as error:
            if mirror:
                raise
            _without_terraform(f"Terraform cannot get its AWS provider: name a mirror in TF_PLUGIN_MIRROR ({error})")
        return terraform

    return make


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A moto server of its own process, which must load the managed policies when it starts."""
    with moto_server(tmp_path_factory.mktemp("moto"), seconds=3600, MOTO_IAM_LOAD_MANAGED_POLICIES="true") as url:
        yield url


@pytest.fixture(scope="session")
def aws_environment(emulator: Emulator, moto_url: str) -> dict[str, str]:
    """The AWS_… variables with which Terraform and the AWS CLI talk to this machine alone."""
    ours = {name: value for name, value in emulator.environment().items() if name.startswith("AWS_")}
    return ours | {f"AWS_ENDPOINT_URL_{service}": moto_url for service in AT_MOTO}


@pytest.fixture(scope="session")
def client(aws_environment: dict[str, str]) -> Callable[[str], object]:
    """Makes a boto3 client for a service, at the endpoint that Terraform uses for it."""

    def make(service: str) -> object:
        endpoint = aws_environment.get(f"AWS_ENDPOINT_URL_{service.upper()}", aws_environment["AWS_ENDPOINT_URL"])
        key = aws_environment["AWS_SECRET_ACCESS_KEY"]
        return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1",
                            aws_access_key_id="test", aws_secret_access_key=key)  # fmt: skip

    return make


@pytest.fixture(scope="session")
def stacks(make_terraform, aws_environment, client) -> Iterator[dict[str, Stack]]:
    """Two stacks, and two environments side by side, whose first `apply` runs in the background: the provider waits
    55 s for a bucket's lifecycle rules, during which other tests run."""
    iam = client("iam")
    iam.create_role(RoleName="LabRole", AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')
    iam.create_instance_profile(InstanceProfileName="LabInstanceProfile")
    iam.add_role_to_instance_profile(InstanceProfileName="LabInstanceProfile", RoleName="LabRole")
    # A host runs the release of the default one alone.
    default = ("env=tfdev", f"raw_bucket_kms_key_arn={BUCKET_KEY}")
    terraforms = {
        "default": make_terraform(*default, **aws_environment),
        "lab": make_terraform("env=tflab", "manage_iam=false", whole=False, **aws_environment),
    }
    terraforms |= side_by_side(make_terraform(whole=False, **aws_environment), *SIDE_BY_SIDE)
    with ThreadPoolExecutor(max_workers=len(terraforms)) as pool:
        yield {name: apply_stack(pool, terraform) for name, terraform in terraforms.items()}


@pytest.fixture(scope="session")
def shellcheck() -> Path:
    return paths.tool("tech", "shellcheck")
