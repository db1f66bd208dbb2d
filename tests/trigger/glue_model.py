"""A model of Glue's runs as the handler sees them: one at a time, refusals, throttling, failures, a clock."""

import itertools
import json
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import ClientError

EPOCH = datetime(2024, 1, 3, tzinfo=timezone.utc)
UNDER_WAY = ("STARTING", "RUNNING")


@dataclass
class GlueModel:
    """Answers get_job_runs and start_job_run like boto3's Glue client; `advance` and `end_run` move it on."""

    now: datetime = EPOCH
    run_seconds: float | None = None  # None: a run ends when `end_run` says so
    runs: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # error codes that the next calls answer with
    ids: Any = field(default_factory=itertools.count)

    def get_job_runs(self, JobName: str, MaxResults: int) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._fault("GetJobRuns")
        return {"JobRuns": [dict(run) for run in reversed(self.runs)][:MaxResults]}

    def start_job_run(self, JobName: str) -> dict[str, Any]:  # noqa: N803
        self._fault("StartJobRun")
        if any(run["JobRunState"] in UNDER_WAY for run in self.runs):
            raise client_error("ConcurrentRunsExceededException", "StartJobRun")
        run = {"Id": f"jr_{next(self.ids)}", "JobName": JobName, "StartedOn": self.now, "JobRunState": "STARTING"}
        self.runs.append(run)
        return {"JobRunId": run["Id"]}

    def advance(self, seconds: float) -> None:
        """Let time pass; a run of `run_seconds` that is over has succeeded."""
        self.now += timedelta(seconds=seconds)
        for run in self.runs:
            age = (self.now - run["StartedOn"]).total_seconds()
            if self.run_seconds is not None and run["JobRunState"] in UNDER_WAY and age >= self.run_seconds:
                run["JobRunState"] = "SUCCEEDED"

    def end_run(self, state: str) -> None:
        """End the run that is under way, if one is, in `state`."""
        for run in self.runs:
            if run["JobRunState"] in UNDER_WAY:
                run["JobRunState"] = state

    def _fault(self, operation: str) -> None:
        if self.faults:
            code = self.faults.pop(0)
            if code:
                raise client_error(code, operation)


def client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def message(number: int, *times: datetime) -> dict[str, Any]:
    """An SQS record whose body is an S3 event of one raw object for each of `times`."""
    records = [
        {
            "eventSource": "aws:s3",
            "eventTime": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "s3": {"object": {"key": f"raw/b3/dt%3D2024-01-03/ticker%3DT{number}/data.parquet"}},
        }
        for time in times
    ]
    return {"messageId": str(number), "eventSource": "aws:sqs", "body": json.dumps({"Records": records})}


@dataclass
class QueueModel:
    """A standard queue: what is received is hidden for a while, and comes back unless deleted, in any order."""

    visibility_seconds: float
    messages: dict[str, tuple[dict[str, Any], datetime]] = field(default_factory=dict)
    receives: dict[str, int] = field(default_factory=dict)
    dice: random.Random = field(default_factory=lambda: random.Random(0))

    def send(self, record: dict[str, Any], now: datetime) -> None:
        self.messages[record["messageId"]] = (record, now)

    def receive(self, now: datetime, size: int) -> list[dict[str, Any]]:
        """Up to `size` visible messages, shuffled; they are hidden for the visibility timeout."""
        visible = [id_ for id_, (_, since) in self.messages.items() if since <= now]
        chosen = self.dice.sample(visible, min(size, len(visible)))
        for id_ in chosen:
            self.messages[id_] = (self.messages[id_][0], now + timedelta(seconds=self.visibility_seconds))
            self.receives[id_] = self.receives.get(id_, 0) + 1
        return [self.messages[id_][0] for id_ in chosen]

    def delete_but(self, received: list[dict[str, Any]], failures: list[dict[str, str]]) -> list[str]:
        """What Lambda does after a batch: delete all but the item failures; returns the ids deleted."""
        kept = {failure["itemIdentifier"] for failure in failures}
        deleted = [record["messageId"] for record in received if record["messageId"] not in kept]
        for id_ in deleted:
            self.messages.pop(id_, None)
        return deleted
