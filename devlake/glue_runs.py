"""A model of one Glue job's runs: one at a time, with refusals, throttling and failures.

The AWS emulator calls every run succeeded at once and never refuses one. `GlueRuns.answer` gives Glue's answers as they
are on the wire, for a proxy before the emulator; `GlueClient` gives the same to code that takes a boto3 client.

    runs = GlueRuns("job")
    runs.answer("StartJobRun", {})       # (200, {"JobRunId": "jr_0"})
    runs.answer("StartJobRun", {})       # (400, {"__type": "ConcurrentRunsExceededException", …})
    runs.end("SUCCEEDED")
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

UNDER_WAY = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class JobRun:
    """One run: when it was asked for, Glue's word for how it fares, and the arguments of its own."""

    id: str
    started: datetime
    state: str = "STARTING"
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass
class GlueRuns:
    """The runs of the job `job`, oldest first.

    `errors` are the codes with which the next calls fail ("": that call works), `refusals` is how many of the next
    requests for a run are refused; `refused` counts those that were, for whatever reason. A run ends by `end`, or by
    itself after `run_seconds`.
    """

    job: str
    clock: Callable[[], datetime] = _now
    run_seconds: float | None = None
    runs: list[JobRun] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refusals: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, operation: str, arguments: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """The status and the document with which Glue answers StartJobRun and GetJobRuns; None for anything else."""
        if operation not in {"StartJobRun", "GetJobRuns"}:
            return None
        with self._lock:
            self._let_runs_end()
            if self.errors and (code := self.errors.pop(0)):
                return _error(code)
            if operation == "GetJobRuns":
                newest = [self._describe(run) for run in reversed(self.runs)]
                return 200, {"JobRuns": newest[: arguments.get("MaxResults")]}
            if self.refusals or any(run.state in UNDER_WAY for run in self.runs):
                self.refusals -= bool(self.refusals)
                self.refused += 1
                return _error("ConcurrentRunsExceededException")
            return 200, {"JobRunId": self._add(arguments.get("Arguments", {})).id}

    def requested(self) -> JobRun | None:
        """The run that waits to be carried out."""
        with self._lock:
            return next((run for run in self.runs if run.state == "STARTING"), None)

    def request(self) -> JobRun:
        """Ask for a run as an operator would, when none is under way."""
        with self._lock:
            return self._add({})

    def begin(self, run: JobRun) -> None:
        with self._lock:
            run.state = "RUNNING"

    def end(self, state: str) -> None:
        """End the run that is under way, if one is, in `state`."""
        with self._lock:
            for run in self.runs:
                if run.state in UNDER_WAY:
                    run.state = state

    def _let_runs_end(self) -> None:
        for run in self.runs:
            age = (self.clock() - run.started).total_seconds()
            if self.run_seconds is not None and run.state in UNDER_WAY and age >= self.run_seconds:
                run.state = "SUCCEEDED"

    def _add(self, arguments: dict[str, str]) -> JobRun:
        run = JobRun(f"jr_{len(self.runs)}", self.clock(), arguments=dict(arguments))
        self.runs.append(run)
        return run

    def _describe(self, run: JobRun) -> dict[str, Any]:
        return {
            "Id": run.id,
            "JobName": self.job,
            "StartedOn": run.started.timestamp(),
            "JobRunState": run.state,
            "Arguments": run.arguments,
        }


def _error(code: str) -> tuple[int, dict[str, Any]]:
    return 400, {"__type": code, "message": code}


@dataclass
class GlueClient:
    """boto3's Glue client, as far as it starts and lists the runs of `runs`."""

    runs: GlueRuns

    def start_job_run(self, **arguments: Any) -> dict[str, Any]:
        return self._call("StartJobRun", arguments)

    def get_job_runs(self, **arguments: Any) -> dict[str, Any]:
        listed = self._call("GetJobRuns", arguments)["JobRuns"]
        return {
            "JobRuns": [run | {"StartedOn": datetime.fromtimestamp(run["StartedOn"], timezone.utc)} for run in listed]
        }

    def _call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        status, document = self.runs.answer(operation, arguments) or _error("UnknownOperationException")
        if status != 200:
            raise ClientError({"Error": {"Code": document["__type"], "Message": document["message"]}}, operation)
        return document
