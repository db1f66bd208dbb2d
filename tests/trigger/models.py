"""Glue and a queue as the handler sees them, on a clock that the tests move on."""

import json
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import ClientError

from devlake.glue_runs import GlueClient, GlueRuns, JobRun

EPOCH = datetime(2024, 1, 3, tzinfo=timezone.utc)


class ClockedGlue(GlueClient):
    """A Glue client with a job whose runs are on the clock `now`; `job.errors` makes its next calls fail."""

    def __init__(self, run_seconds: float | None = None) -> None:
        self.now = EPOCH
        self.job = GlueRuns("job", clock=lambda: self.now, run_seconds=run_seconds)
        super().__init__(self.job)

    def add_run(self, started: datetime, state: str, **arguments: str) -> None:
        """A run with `arguments`, which are written without their dashes."""
        given = {f"--{name}": value for name, value in arguments.items()}
        self.job.runs.append(JobRun(f"jr_{len(self.job.runs)}", started, state, given))

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def states(self) -> list[str]:
        """The states of all runs, oldest first."""
        return [run.state for run in self.job.runs]


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
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def send(self, record: dict[str, Any], now: datetime) -> None:
        self.messages[record["messageId"]] = (record, now)

    def receive(self, now: datetime, size: int) -> list[dict[str, Any]]:
        """Up to `size` visible messages, shuffled; they are hidden for the visibility timeout."""
        visible = [id_ for id_, (_, since) in self.messages.items() if since <= now]
        chosen = self.rng.sample(visible, min(size, len(visible)))
        for id_ in chosen:
            self.messages[id_] = (self.messages[id_][0], now + timedelta(seconds=self.visibility_seconds))
            self.receives[id_] = self.receives.get(id_, 0) + 1
        return [self.messages[id_][0] for id_ in chosen]

    def delete_but(self, received: list[dict[str, Any]], failures: list[dict[str, str]]) -> list[str]:
        """Delete all of a batch but the item failures, as Lambda does; returns the ids deleted."""
        kept = {failure["itemIdentifier"] for failure in failures}
        deleted = [record["messageId"] for record in received if record["messageId"] not in kept]
        for id_ in deleted:
            self.messages.pop(id_, None)
        return deleted
