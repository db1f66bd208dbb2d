"""Reading raw objects: in executors."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from obstore.store import S3Store

from b3lake.lake.aws_errors import DENIED, aws_sentence
from b3lake.lake.errors import B3LakeError, RefusedObjectError
from b3lake.refine.bars import BARS, read_bars
from b3lake.refine.config import Job, Place
from b3lake.refine.errors import RefineError
from b3lake.refine.fingerprint import tag_of
from b3lake.refine.objects import get_if_there, in_flight, store_of
from b3lake.refine.plan import READS
from b3lake.refine.spark import Task, unpacked

BAR_ROWS = pa.schema(
    [
        *READS,
        ("raw_tag", pa.int64()),
        ("error", pa.string()),
        ("failure", pa.string()),
        ("gone", pa.bool_()),
        ("position", pa.int32()),
        ("ts", pa.int64()),
        *(field for field in BARS if field.name != "ts"),
    ]
)
"""Bars on their way through Spark: what is read (READS); the object's tag; what is wrong with it (`error`), or what
ended the reading altogether (`failure`); whether it is gone, or for such a failure not known; the bar's place in it,
and the bar, with `ts` in microseconds since 1970. An object without bars has one row, without a bar."""


@dataclass(frozen=True)
class Found:
    """An object that was read: its tag, and its bars or what is wrong with it; neither when it is gone."""

    tag: int = 0
    bars: pa.Table | None = None
    error: str | None = None
    failure: str | None = None

    @property
    def gone(self) -> bool:
        return self.bars is None and self.error is None


def read_task(job: Job) -> Task:
    """Reads the raw objects of each row's plan (READS, packed) into BAR_ROWS."""

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for reads in unpacked(batches):
            yield from bar_rows(reads, read_objects(job, reads)).to_batches()

    return read


def read_objects(job: Job, reads: pa.Table) -> list[Found]:
    """Read these objects, all at once."""
    try:
        store = store_of(job.raw, job.connection)
        wanted = zip(job.raw.keys(reads), reads["listed"].to_pylist(), strict=True)
        found = in_flight(lambda one: _read(store, job.raw, *one), wanted)
    except B3LakeError as error:
        return [Found(failure=str(error))] * len(reads)
    if len(found) > 1 and all(one.error == DENIED for one in found):  # it is not for one object that S3 denies them
        return [Found(failure=aws_sentence(PermissionError(), job.raw.uri))] * len(reads)
    return found


async def _read(store: S3Store, place: Place, key: str, listed: int) -> Found:
    try:
        found = await get_if_there(store, place, key)
    except RefusedObjectError as error:
        return Found(listed, error=str(error))
    if found is None:
        return Found()
    etag, data = found
    try:
        return Found(tag_of(etag), read_bars(data))
    except RefineError as error:
        return Found(tag_of(etag), error=str(error))


def bar_rows(reads: pa.Table, objects: list[Found]) -> pa.Table:
    """One row per bar, with what is known of its object, and one for an object without bars (BAR_ROWS)."""
    hole = pa.table([pa.nulls(1, field.type) for field in BARS], schema=BARS)
    parts = [hole if found.bars is None else found.bars for found in objects]
    bars = pa.concat_tables([BARS.empty_table(), *parts])
    lengths = np.array([len(part) for part in parts], np.int64)
    told = reads
    for name in ("raw_tag", "error", "failure", "gone"):
        values = [getattr(found, name.removeprefix("raw_")) for found in objects]
        told = told.append_column(name, pa.array(values, BAR_ROWS.field(name).type))
    told = told.take(pa.array(np.repeat(np.arange(len(parts)), lengths)))
    columns = {name: _finite(bars[name]) for name in BARS.names}
    columns |= dict(zip(told.column_names, told.columns, strict=True))
    columns["ts"] = bars["ts"].cast(pa.int64())
    columns["position"] = np.arange(len(bars)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return pa.table([columns[name] for name in BAR_ROWS.names], schema=BAR_ROWS).combine_chunks()


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """NaN and what is infinite, which no source gives, as null: not known."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
