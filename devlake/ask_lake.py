"""Asks the lake, and writes the page about it, through the query layer in a process of its own, as a person would."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from b3lake.lake.names import DEFAULT_ENV
from devlake import paths
from devlake.emulator import Emulator
from devlake.errors import DevLakeError

LIMIT_SECONDS = 300
TOUR_COMMAND = [sys.executable, "-m", "b3lake", "tour"]
"""The command that shows the stages of the lake."""


def query_command(arguments: Sequence[str]) -> list[str]:
    """The command that asks `arguments` (`--sql …` or `--file …`)."""
    return [sys.executable, "-m", "b3lake", "ask", *arguments]


def query_environment(aws: Emulator) -> dict[str, str]:
    """The environment in which the query layer asks this lake."""
    return aws.environment() | {"LAKE_ENV": DEFAULT_ENV}


def ask_file(aws: Emulator, path: Path) -> str:
    """The answer to the question in the SQL file `path`, as a printed table. Raises DevLakeError when there is none."""
    return _output_of(query_command(["--file", str(path)]), aws)


def report_command(output: Path) -> list[str]:
    """The command that writes the page about the lake to `output`."""
    return [sys.executable, "-m", "b3lake", "report", "--output", str(output)]


def write_report(aws: Emulator, output: Path) -> None:
    """Write the page about the lake. Raises DevLakeError when it cannot be written."""
    _output_of(report_command(output), aws)


def _output_of(command: Sequence[str], aws: Emulator) -> str:
    environment = query_environment(aws)
    try:
        done = subprocess.run(
            command, cwd=paths.ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DevLakeError(f"The lake did not answer within {LIMIT_SECONDS} s: try again, or see {aws.log}.") from error
    if done.returncode != 0:
        raise DevLakeError(f"The lake did not answer: {done.stderr.strip().partition(': ')[2]}")
    return done.stdout
