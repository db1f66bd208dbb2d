"""A second environment in the account of a chaos run, which whatever goes wrong in the first one leaves alone."""

import random
import time
from typing import Any

from b3lake.lake.names import Names
from devlake.deploy_stack import STACK
from devlake.emulator import ACCOUNT_ID, Emulator
from tests.chaos.errors import ChaosError
from tests.chaos.events import left_in
from tests.chaos.pipeline import VISIBILITY_SECONDS
from tests.template import deploy

NAMES = Names("next")
_SECONDS = 120.0


class Neighbour:
    """An environment of its own, deployed at the first ingestion into it."""

    def __init__(self, aws: Emulator) -> None:
        self._aws, self._s3 = aws, aws.client("s3")
        self._bucket = NAMES.raw_bucket(ACCOUNT_ID)
        self._etags: dict[str, str] = {}

    def ingest(self, bucket: str, keys: list[str], rng: random.Random) -> None:
        """Put copies of some of the first environment's raw objects here."""
        if not self._etags:
            deploy.apply(self._aws, NAMES.prefix, {"Env": NAMES.env}, packaged_as=STACK)
            visibility = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
            self._aws.client("sqs").set_queue_attributes(QueueUrl=self._queue(), Attributes=visibility)
        for key in rng.sample(keys, min(len(keys), 5)):
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            self._etags[key] = self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)["ETag"]

    def rest(self) -> int:
        """Wait until its events are served; returns how many runs it has had. Raises ChaosError."""
        if not self._etags:
            return 0
        sqs, queue = self._aws.client("sqs"), self._queue()
        deadline = time.monotonic() + _SECONDS
        while left_in(sqs, queue):
            if time.monotonic() > deadline:
                raise ChaosError(f"The events of {NAMES.prefix} were not served within {_SECONDS:.0f} s")
            time.sleep(0.3)
        runs: list[dict[str, Any]] = self._aws.client("glue").get_job_runs(JobName=NAMES.refine_job)["JobRuns"]
        if not runs:
            raise ChaosError(f"The events of {NAMES.prefix} started no run of its job")
        return len(runs)

    def _queue(self) -> str:
        return str(self._aws.client("sqs").get_queue_url(QueueName=NAMES.raw_events_queue)["QueueUrl"])

    def disturbed(self) -> list[str]:
        """A sentence for each thing that somebody else did to it."""
        if not self._etags:
            return []
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        there = {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}
        changed = sorted(key for key in there.keys() | self._etags.keys() if there.get(key) != self._etags.get(key))
        glue = self._aws.client("glue")
        tables = [table["Name"] for table in glue.get_tables(DatabaseName=NAMES.database)["TableList"]]
        registered = {
            name: len(glue.get_partitions(DatabaseName=NAMES.database, TableName=name)["Partitions"]) for name in tables
        }
        return [
            *(f"{self._bucket} has another {key}" for key in changed),
            *(f"{NAMES.database}.{name} has {count} partitions" for name, count in registered.items() if count),
        ]
