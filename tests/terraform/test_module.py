"""The module as a text: formatted, valid, its plan as promised (`make check` has checkov look at it too)."""

import os
import subprocess
from pathlib import Path

import pytest

from devlake import paths
from tests.terraform.find_provider import find_mirror
from tests.terraform.terraform_cli import Terraform

MODULE = paths.ROOT / "terraform"
SCRIPTS = sorted([*MODULE.glob("host/*.sh"), *paths.ROOT.glob("ec2/*.sh")])


@pytest.fixture(scope="module")
def terraform(make_terraform) -> Terraform:
    return make_terraform(whole=False, AWS_REGION="us-east-1")


@pytest.mark.slow
@pytest.mark.usefixtures("stacks")  # they apply in the background meanwhile
def test_module_is_formatted_and_valid(terraform):
    assert terraform.run("fmt", "-check", "-recursive", "-diff").stdout == ""
    assert "The configuration is valid" in terraform.run("validate", "-no-color").stdout


@pytest.mark.slow
@pytest.mark.usefixtures("stacks")
def test_plan_against_a_mock_of_aws(terraform):
    printed = terraform.run("test", "-no-color").stdout
    runs = (MODULE / "tests" / "module.tftest.hcl").read_text(encoding="utf-8").count("\nrun ")
    assert f"Success! {runs} passed, 0 failed." in printed


def test_every_suppression_has_a_reason():
    for file in MODULE.glob("*.tf"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if "checkov:skip" in line:
                assert len(line.partition("checkov:skip=")[2].partition(":")[2]) > 20, f"{file.name}: {line}"


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_everything_is_described(kind):
    text = (MODULE / f"{kind}s.tf").read_text(encoding="utf-8")
    blocks = text.split(f'\n{kind} "')[1:]
    assert blocks
    for block in blocks:
        body = block.split("\n}\n")[0]
        assert "\n  description = " in body, block.partition('"')[0]
        assert kind == "output" or "\n  type        = " in body, block.partition('"')[0]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_has_nothing_to_say(shellcheck: Path, script: Path):
    done = subprocess.run(
        [shellcheck, "-x", script], cwd=paths.ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
    assert os.access(script, os.X_OK)


def test_the_named_mirror_wins(tmp_path):
    (tmp_path / "mirror" / "registry.terraform.io" / "hashicorp" / "aws").mkdir(parents=True)
    assert find_mirror({"TF_PLUGIN_MIRROR": str(tmp_path / "mirror")}) == tmp_path / "mirror"
    assert find_mirror({"TF_PLUGIN_MIRROR": str(tmp_path)}) is None
