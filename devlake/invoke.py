"""Runs the function start_glue_job with an event, without Docker."""

import importlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from b3lake.lake.words import counted
from devlake.deploy_stack import deploy_stack, stack_outputs
from devlake.emulator import Emulator, running
from devlake.errors import DevLakeError
from devlake.local_lake import find_lake
from devlake.terminal import console, say

USUAL = "events/s3_put.json"


@contextmanager
def _deployed() -> Iterator[tuple[Emulator, dict[str, str]]]:
    """The lake that is up and its stack's outputs; where none is up, one for this invocation alone."""
    kept = find_lake()
    if kept is not None:
        yield kept, stack_outputs(kept)
        return
    say("No lake is up: deploying the stack into an AWS emulator for this invocation.")
    with running() as aws, tempfile.TemporaryDirectory(prefix="b3-lake-") as folder:
        yield aws, deploy_stack(aws, Path(folder))


def read_event(file: Path) -> Any:
    """The event in `file`. Raises DevLakeError when there is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # too long a number is a plain ValueError
        raise DevLakeError(f"{file} is no event to send ({error}): see events/ for some.") from error


def invoke_function(aws: Emulator, function_name: str, event: Any) -> Any:
    """The value that the function's handler returns for `event`, run in this process with its deployed environment."""
    deployed = aws.client("lambda").get_function_configuration(FunctionName=function_name)
    os.environ.clear()
    os.environ.update(aws.environment() | deployed["Environment"]["Variables"])
    module, handler = deployed["Handler"].rsplit(".", 1)
    sys.dont_write_bytecode = True  # the folder is uploaded as it is, and must not change by being run
    try:
        return getattr(importlib.import_module(f"functions.{module}"), handler)(event, None)
    except Exception as error:  # what a function raises is what Lambda shows, whatever it is
        raise DevLakeError(f"The function raised {type(error).__name__}: {error}") from error


class _WithFields(logging.Formatter):
    """Shows the fields of a record, which Lambda's JSON log keeps beside its message."""

    _USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in self._USUAL}
        return f"{record.levelname} {record.getMessage()} {fields or ''}"


def _show_log() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_WithFields())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("functions.start_glue_job.coalesce").setLevel(logging.INFO)


def invoke() -> int:
    """Send the event in the file EVENT; prints what the function returned and how many runs the job has."""
    _show_log()
    event = read_event(Path(os.environ.get("EVENT") or USUAL))
    with _deployed() as (aws, outputs):
        answer = invoke_function(aws, outputs["StartGlueJobFunctionName"], event)
        console.print_json(data=answer)
        runs = aws.client("glue").get_job_runs(JobName=outputs["RefineJobName"])["JobRuns"]
        say(f"{outputs['RefineJobName']} has {counted(len(runs), 'run')} on record.")
    return 0
