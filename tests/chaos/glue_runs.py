"""Glue's book of one job's runs: one run at a time, and the states that the function sees.

The AWS emulator calls every run succeeded at once and never refuses one. This stands before it, for the function.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from functions.start_glue_job.refine_runs import TRIES

UNDER_WAY = frozenset({"STARTING", "RUNNING"})


@dataclass
class JobRun:
    """One run: `started` is the second since 1970 in which it was asked for."""

    id: str
    started: float
    state: str = "STARTING"


@dataclass
class GlueRuns:
    """The runs of the job `name`; `turn_away` are the error codes of the next calls, `refuse` of the next requests."""

    name: str
    runs: list[JobRun] = field(default_factory=list)
    turn_away: list[str] = field(default_factory=list)
    refuse: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, operation: str, _arguments: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """What Glue answers to StartJobRun and GetJobRuns; None for anything else."""
        if operation not in {"StartJobRun", "GetJobRuns"}:
            return None
        with self._lock:
            if self.turn_away:
                return _refusal(self.turn_away.pop(0))
            if operation == "GetJobRuns":
                return 200, {"JobRuns": [self._described(run) for run in reversed(self.runs)]}
            if self.refuse or self._under_way():
                self.refuse -= bool(self.refuse)
                self.refused += 1
                return _refusal("ConcurrentRunsExceededException")
            return 200, {"JobRunId": self._add().id}

    def asked_for(self) -> JobRun | None:
        """The run that waits to be carried out."""
        with self._lock:
            return next((run for run in self.runs if run.state == "STARTING"), None)

    def ask(self) -> JobRun:
        """Ask for a run as an operator would, when none is under way."""
        with self._lock:
            return self._add()

    def begin(self, run: JobRun) -> None:
        with self._lock:
            run.state = "RUNNING"

    def end(self, run: JobRun, *, succeeded: bool) -> None:
        with self._lock:
            run.state = "SUCCEEDED" if succeeded else "FAILED"

    def given_up(self) -> bool:
        """Whether the newest runs failed, and an alarm has told somebody: their events get no further one."""
        with self._lock:
            newest = [run.state for run in self.runs[-TRIES:]]
            return newest == ["FAILED"] * TRIES

    def _under_way(self) -> bool:
        return any(run.state in UNDER_WAY for run in self.runs)

    def _add(self) -> JobRun:
        run = JobRun(f"jr_{len(self.runs)}", time.time())
        self.runs.append(run)
        return run

    def _described(self, run: JobRun) -> dict[str, Any]:
        return {
            "Id": run.id,
            "JobName": self.name,
            "StartedOn": run.started,
            "JobRunState": run.state,
        }


def _refusal(code: str) -> tuple[int, dict[str, Any]]:
    return 400, {"__type": code, "message": "torture"}
