"""Publishing refined objects: in executors."""

import hashlib
from collections.abc import Coroutine, Iterable
from typing import Any

import numpy as np
import obstore
import pyarrow as pa
import pyarrow.compute as pc
from obstore.store import S3Store

from b3lake.lake.schemas import REFINED_SCHEMA
from b3lake.refine.config import Job, Place
from b3lake.refine.fingerprint import MOVING_AVERAGE_DATES, digest, plain_etag, tag_of
from b3lake.refine.objects import in_flight, parquet, requesting, store_of
from b3lake.refine.spark import Task, packed

ROWS = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("tag", pa.int64()), *REFINED_SCHEMA])
"""A refined row with its partition and its object's tag."""

REPORT = pa.schema(
    [
        *ROWS,
        ("raw_tag", pa.int64()),
        ("error", pa.string()),
        ("registered", pa.bool_()),
        ("written", pa.bool_()),
        ("digest", pa.int64()),
    ]
)
"""What becomes of each partition: unreadable (`error`), put off because a raw object went meanwhile (neither error nor
tag), or published (tag); whether that took a write, and what it was computed from."""


def refined_bytes(rows: pa.Table, row: int) -> bytes:
    """One row of REFINED_SCHEMA as a Parquet object; the same row gives the same bytes."""
    return parquet(rows.slice(row, 1), compression="NONE", use_dictionary=False)


async def _publish_one(store: S3Store, place: Place, key: str, data: bytes, published: str | None) -> tuple[int, bool]:
    """The tag under which these bytes are published, and whether it took a write."""
    if published == hashlib.md5(data).hexdigest():  # noqa: S324 - what S3 makes ETags with
        return tag_of(published), False
    with requesting(f"s3://{place.bucket}/{key} cannot be written"):
        answer = await obstore.put_async(store, key, data, use_multipart=False)
    return tag_of(plain_etag(answer["e_tag"])), True


def publish_task(job: Job) -> Task:
    """Writes each row's object and reports what was done (REPORT, packed)."""

    def write(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield packed(publish(job, pa.Table.from_batches([batch])))

    return write


def publish(job: Job, rows: pa.Table) -> pa.Table:
    """Write the objects of these rows (`with_moving_columns`), but for unreadable and unsettled ones (REPORT)."""
    store = store_of(job.refined, job.connection)
    rows = rows.append_column("trade_date", rows["day"].cast(pa.int32()).cast(pa.date32()))
    refined = rows.select(REFINED_SCHEMA.names).cast(REFINED_SCHEMA)
    keys, published = job.refined.keys(rows), rows["published"].to_pylist()
    settled = np.flatnonzero(pc.and_(pc.is_null(rows["error"]), pc.invert(rows["unsettled"])).to_numpy())

    def one(row: int) -> Coroutine[Any, Any, tuple[int, bool]]:
        return _publish_one(store, job.refined, keys[row], refined_bytes(refined, row), published[row])

    tags, written = np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    for row, outcome in zip(settled, in_flight(one, settled), strict=True):
        tags[row], written[row] = outcome
    window = [rows["raw_tag"], *(rows[f"raw_tag_{steps}"] for steps in range(1, MOVING_AVERAGE_DATES))]
    report = refined
    for name in ("ticker", "day", "raw_tag", "error", "registered"):
        report = report.append_column(name, rows[name])
    report = report.append_column("tag", pa.array(tags, mask=tags == 0))
    report = report.append_column("written", pa.array(written))
    report = report.append_column("digest", pa.array(digest([c.to_numpy() for c in window], tags)))
    return report.select(REPORT.names).cast(REPORT)
