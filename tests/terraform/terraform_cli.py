"""Runs the real Terraform on a copy of the module, so that nothing is left in the checkout."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devlake import paths

COMMAND_SECONDS = 240
# What the module reads: itself, the package, launchers and requirements that it ships, the named queries.
SHIPPED = ("terraform", "b3lake", "ec2", "requirements", "queries")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".terraform*", "*.tfstate*", "*.tfvars")


class TerraformError(Exception):
    """Terraform ended with an error; the text is what it printed."""


@dataclass(frozen=True)
class Terraform:
    """One copy of the module, initialised, with a state of its own; `variables` go with every command."""

    project: Path
    environment: Mapping[str, str]
    variables: tuple[str, ...] = ()

    def run(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run `terraform ARGUMENTS`; raises TerraformError when it hangs, or ends with a code not in `accept`."""
        try:
            done = subprocess.run(
                ["terraform", *arguments],
                cwd=self.project / "terraform",
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            printed = (error.stdout or b"").decode(errors="replace")[-3000:]
            raise TerraformError(f"terraform {arguments[0]} did not end in {COMMAND_SECONDS} s:\n{printed}") from error
        if done.returncode not in accept:
            raise TerraformError(f"terraform {arguments[0]}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def apply(self, *more: str) -> str:
        """Apply, with further variables (`name=value`); returns what Terraform printed."""
        return self.run("apply", "-auto-approve", *self._given(more)).stdout

    def plan_exit_code(self, *more: str) -> tuple[int, str]:
        """0 and the plan's text when nothing is to be done, 2 when something is."""
        done = self.run("plan", "-detailed-exitcode", *self._given(more), accept=(0, 2))
        return done.returncode, done.stdout

    def destroy(self, *options: str) -> str:
        return self.run("destroy", "-auto-approve", *options, *self._given(())).stdout

    def outputs(self) -> dict[str, Any]:
        """The outputs by name."""
        return {name: one["value"] for name, one in json.loads(self.run("output", "-json").stdout).items()}

    def resources(self) -> list[str]:
        """The addresses of the managed resources in the state."""
        return [line for line in self.run("state", "list").stdout.split() if not line.startswith("data.")]

    def _given(self, more: tuple[str, ...]) -> list[str]:
        return ["-input=false", "-no-color", *(f"-var={one}" for one in (*self.variables, *more))]


def copy_project(folder: Path, *, whole: bool) -> Path:
    """A copy of what the module reads, in `folder`: with the whole package, or with its first file alone.

    A release is an object a file: with one of them, Terraform makes and removes a stack in half the time.
    """
    for name in SHIPPED:
        shutil.copytree(paths.ROOT / name, folder / name, ignore=LEFT_OUT)
    if not whole:
        shutil.rmtree(folder / "b3lake")
        (folder / "b3lake").mkdir()
        shutil.copy(paths.ROOT / "b3lake" / "__init__.py", folder / "b3lake")
    shutil.copy(paths.ROOT / "pyproject.toml", folder)
    return folder


def clean_environment(cli_config: Path) -> dict[str, str]:
    """This process's environment without what would steer Terraform or AWS clients elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    return kept | {"TF_CLI_CONFIG_FILE": str(cli_config), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
