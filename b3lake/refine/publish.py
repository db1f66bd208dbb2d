"""Publishing refined objects: in executors."""

import hashlib
from collections.abc import Coroutine
from typing import Any

import numpy as np
import obstore
import pyarrow as pa
import pyarrow.compute as pc
from obstore.store import S3Store

from b3lake.refine.config import Job, Place
from b3lake.refine.errors import RefineError
from b3lake.refine.fingerprint import digest, plain_etag, tag_of
from b3lake.refine.objects import in_flight, parquet, requesting, store_of
from b3lake.refine.rule import Rule


def report_schema(rule: Rule) -> pa.Schema:
    """The outcome for each partition: unreadable (`error`), put off because a raw object went meanwhile (neither error
    nor tag), or published (tag); whether that took a write, and what it was computed from; its row."""
    return pa.schema(
        [
            *rule.rows,
            ("raw_tag", pa.int64()),
            ("error", pa.string()),
            ("registered", pa.bool_()),
            ("written", pa.bool_()),
            ("digest", pa.int64()),
        ]
    )


def publish(job: Job, rows: pa.Table) -> pa.Table:
    """Write the objects of these rows (of `transform`), but for unreadable and unsettled ones (report_schema).

    Raises B3LakeError, also for what ended the reading.
    """
    failures = rows["failure"].drop_null()
    if len(failures):
        raise RefineError(failures[0].as_py())
    store, schema = store_of(job.refined, job.connection), report_schema(job.rule)
    refined = rows.select(job.rule.schema.names).cast(job.rule.schema)
    keys, published = job.refined.keys(rows), rows["published"].to_pylist()
    settled = np.flatnonzero(pc.and_(pc.is_null(rows["error"]), pc.invert(rows["unsettled"])).to_numpy())

    def one(row: int) -> Coroutine[Any, Any, tuple[int, bool]]:
        return _publish_one(store, job.refined, keys[row], refined_bytes(refined, row), published[row])

    tags, written = np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    for row, outcome in zip(settled, in_flight(one, settled), strict=True):
        tags[row], written[row] = outcome
    raw_tags = pc.list_flatten(rows["raw_tags"]).to_numpy().reshape(-1, job.rule.dates)
    columns = {name: rows[name] for name in schema.names if name in rows.column_names}
    columns["tag"] = pa.array(tags, mask=tags == 0)
    columns["written"] = pa.array(written)
    columns["digest"] = pa.array(digest(job.rule.tag, raw_tags.T, tags))
    return pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)


async def _publish_one(store: S3Store, place: Place, key: str, data: bytes, published: str | None) -> tuple[int, bool]:
    """The tag under which these bytes are published, and whether it took a write."""
    if published == hashlib.md5(data).hexdigest():  # noqa: S324 - what S3 makes ETags with
        return tag_of(published), False
    with requesting(f"s3://{place.bucket}/{key}"):
        answer = await obstore.put_async(store, key, data, use_multipart=False)
    return tag_of(plain_etag(answer["e_tag"])), True


def refined_bytes(rows: pa.Table, row: int) -> bytes:
    """One row as a Parquet object; the same row gives the same bytes."""
    return parquet(rows.slice(row, 1), compression="NONE", use_dictionary=False)
