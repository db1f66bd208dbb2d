"""Reads a whole lake and tells two of them apart: every row of the three tables, every key, every partition."""

import io
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from b3lake.lake.keys import HISTORY_PREFIX, RAW_PREFIX, REFINED_PREFIX, STATE_PREFIX, UNREADABLE_NAME
from b3lake.lake.names import HISTORY_TABLE, RAW_TABLE, REFINED_TABLE
from devlake.emulator import Emulator

PREFIXES = {
    RAW_TABLE: f"{RAW_PREFIX}/",
    REFINED_TABLE: f"{REFINED_PREFIX}/",
    HISTORY_TABLE: f"{HISTORY_PREFIX}/",
}
UNREADABLE = f"{STATE_PREFIX}/{REFINED_PREFIX}/{UNREADABLE_NAME}"
_SHOWN = 5


@dataclass(frozen=True)
class Contents:
    """A lake: per table the rows of each key, and the partitions (values and location without the bucket)."""

    rows: dict[str, dict[str, list[dict[str, Any]] | str]]
    partitions: dict[str, set[tuple[str, ...]]]
    unreadable: list[str]

    def row_counts(self) -> dict[str, int]:
        """The rows of each table; an unreadable object has none."""
        return {
            table: sum(len(rows) for rows in keys.values() if isinstance(rows, list))
            for table, keys in self.rows.items()
        }


def read_contents(aws: Emulator, bucket: str, database: str) -> Contents:
    """Everything in the lake; an object that is no Parquet file stands as a sentence in place of its rows."""
    s3, glue = aws.client("s3"), aws.client("glue")

    def rows_of(key: str) -> list[dict[str, Any]] | str:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        try:
            rows: list[dict[str, Any]] = pq.ParquetFile(io.BytesIO(body)).read().to_pylist()
        except (OSError, ValueError) as error:
            return f"{key} cannot be read: {error}"
        return rows

    rows: dict[str, dict[str, list[dict[str, Any]] | str]] = {}
    partitions: dict[str, set[tuple[str, ...]]] = {}
    with ThreadPoolExecutor(4) as threads:
        for table, prefix in PREFIXES.items():
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
            rows[table] = dict(zip(keys, threads.map(rows_of, keys), strict=True))
            found = glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table)
            partitions[table] = {
                (*part["Values"], part["StorageDescriptor"]["Location"].replace(f"s3://{bucket}/", "").rstrip("/"))
                for page in found
                for part in page["Partitions"]
            }
    return Contents(rows, partitions, unreadable_objects(s3, bucket))


def unreadable_objects(s3: Any, bucket: str) -> list[str]:
    """The raw objects that the job lists as unreadable."""
    try:
        body = s3.get_object(Bucket=bucket, Key=UNREADABLE)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return []
    return sorted(entry["object"].removeprefix(f"s3://{bucket}/") for entry in json.loads(body)["unreadable"])


def differences(there: Contents, wanted: Contents, *, partitions: bool = True) -> list[str]:
    """A sentence for each thing lost, doubled or wrong in the lake `there`; none when it is the lake `wanted`."""
    found: list[str] = []
    for table in PREFIXES:
        objects, right = there.rows[table], wanted.rows[table]
        found += _sets(table, "object", objects, right)
        wrong = [key for key in sorted(objects.keys() & right.keys()) if objects[key] != right[key]]
        found += _some(f"{table}: {key} has {objects[key]} instead of {right[key]}" for key in wrong)
        if partitions:
            found += _sets(table, "partition", there.partitions[table], wanted.partitions[table])
    return found + _some(f"{key} is listed as unreadable" for key in there.unreadable)


def _sets(table: str, what: str, there: Iterable[Any], wanted: Iterable[Any]) -> list[str]:
    lost, added = set(wanted) - set(there), set(there) - set(wanted)
    return [
        *_some(f"{table}: {what} {one} is lost" for one in sorted(lost)),
        *_some(f"{table}: {what} {one} is one too many" for one in sorted(added)),
    ]


def _some(sentences: Iterable[str]) -> list[str]:
    listed = list(sentences)
    return [*listed[:_SHOWN], *([f"… and {len(listed) - _SHOWN} more such"] if len(listed) > _SHOWN else [])]
