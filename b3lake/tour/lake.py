"""The lake that a tour looks at: its names, clients, and the day that every stage is followed by."""

import datetime as dt
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from b3lake.lake.errors import B3LakeError
from b3lake.lake.keys import OBJECT_NAME, RAW_PREFIX, REFINED_PREFIX, parse_partition_key, partition_key, raw_key
from b3lake.lake.names import Names
from b3lake.lake.schemas import RAW_SCHEMA, REFINED_SCHEMA

STREAMS_LOOKED_AT = 20
_REQUEST = re.compile(r'(?:RequestId: |"request_?[Ii]d": ?")([0-9a-f-]{36})')
_STARTED = re.compile(r'"job_run_id": ?"([^"]+)"')


class NotSeenError(B3LakeError):
    """A stage's evidence is not there: `key` names the sentence of the texts that says so, with its `values`."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key, self.values = key, values


@dataclass(frozen=True)
class StoredObject:
    """A Parquet object: its key, its size in bytes, its rows, and the id of the request that brought it."""

    key: str
    size: int
    request: str
    rows: pa.Table


@dataclass(frozen=True)
class Invocation:
    """One invocation in the function's log: when (aware), its request id, the Glue run it says it started or ""."""

    time: dt.datetime
    request: str
    started: str


@dataclass(frozen=True)
class TouredLake:
    """A deployed lake. `client` makes boto3 clients, `ask` answers SQL through Athena."""

    names: Names
    bucket: str
    client: Callable[[str], Any]
    ask: Callable[[str], pa.Table]

    @cached_property
    def days(self) -> list[dt.date]:
        """The days that have bronze objects, oldest first. Raises NotSeenError where there are none."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket, Prefix=f"{RAW_PREFIX}/dt=", Delimiter="/")
        keys = [f"{one['Prefix']}ticker=-/{OBJECT_NAME}" for page in found for one in page.get("CommonPrefixes", [])]
        days = sorted(parsed[0] for key in keys if (parsed := parse_partition_key(RAW_PREFIX, key)))
        while days and not self._tickers(days[-1]):  # a folder of strays
            days.pop()
        if not days:
            raise NotSeenError("missing.raw", uri=f"s3://{self.bucket}/{RAW_PREFIX}/")
        return days

    @cached_property
    def tickers(self) -> list[str]:
        """The tickers of the newest day."""
        return self._tickers(self.days[-1])

    def _tickers(self, day: dt.date) -> list[str]:
        prefix = f"{RAW_PREFIX}/dt={day}/"
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return sorted(parsed[1] for key in keys if (parsed := parse_partition_key(RAW_PREFIX, key)))

    @property
    def sample(self) -> tuple[dt.date, str]:
        """The day and the ticker that the stages are followed by."""
        return self.days[-1], self.tickers[0]

    def read(self, key: str, missing: str) -> StoredObject:
        """The object of `key`. Raises NotSeenError with the sentence `missing` where it is not there."""
        uri = f"s3://{self.bucket}/{key}"
        try:
            answer = self.client("s3").get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise NotSeenError(missing, uri=uri) from error
            raise
        body = answer["Body"].read()
        try:
            rows = pq.read_table(io.BytesIO(body))
        except (pa.ArrowInvalid, OSError) as error:
            raise NotSeenError("missing.unreadable", uri=uri) from error
        return StoredObject(key, len(body), answer["ResponseMetadata"]["RequestId"], rows)

    def raw(self, day: dt.date, ticker: str) -> StoredObject:
        """The bronze object of a day, with all its columns. Raises NotSeenError."""
        stored = self.read(raw_key(day, ticker), "missing.raw")
        lacking = [name for name in RAW_SCHEMA.names if name not in stored.rows.column_names]
        if lacking or not stored.rows.num_rows:
            raise NotSeenError("missing.columns", uri=stored.key, columns=", ".join(lacking) or "—")
        return stored

    def refined_row(self, day: dt.date, ticker: str) -> dict[str, Any]:
        """The silver row of a day. Raises NotSeenError."""
        key = partition_key(REFINED_PREFIX, day, ticker)
        rows = self.read(key, "missing.refined").rows
        lacking = [name for name in REFINED_SCHEMA.names if name not in rows.column_names]
        if lacking or rows.num_rows != 1:
            raise NotSeenError("missing.unreadable", uri=key)
        return dict(rows.to_pylist()[0])

    def runs(self) -> list[dict[str, Any]]:
        """The newest runs of the refine job as Glue tells them, newest first."""
        runs = self.client("glue").get_job_runs(JobName=self.names.refine_job, MaxResults=50)["JobRuns"]
        return sorted(runs, key=lambda run: run["StartedOn"], reverse=True)

    @cached_property
    def invocations(self) -> list[Invocation]:
        """The invocations in the newest streams of the function's log, newest first; its format is text or JSON."""
        logs, group = self.client("logs"), f"/aws/lambda/{self.names.start_glue_job}"
        streams = logs.describe_log_streams(
            logGroupName=group, orderBy="LastEventTime", descending=True, limit=STREAMS_LOOKED_AT
        )["logStreams"]
        found: dict[str, Invocation] = {}
        for stream in streams:
            answer = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=False)
            for event in answer["events"]:
                if not (request := _REQUEST.search(event["message"])):
                    continue
                started = _STARTED.search(event["message"])
                before = found.get(request[1])
                run = started[1] if started else before.started if before else ""
                time = dt.datetime.fromtimestamp(event["timestamp"] / 1000, dt.timezone.utc)
                found[request[1]] = Invocation(time, request[1], run)
        if not found:
            raise NotSeenError("missing.invocation", group=group)
        return sorted(found.values(), key=lambda one: one.time, reverse=True)
