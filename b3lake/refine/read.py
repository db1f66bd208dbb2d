"""Reading raw objects: in executors."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from obstore.store import S3Store

from b3lake.refine.bars import BARS, read_bars
from b3lake.refine.config import Job, Place
from b3lake.refine.errors import RefineError
from b3lake.refine.fingerprint import tag_of
from b3lake.refine.objects import get_if_there, in_flight, store_of
from b3lake.refine.spark import Task, unpacked

BARS_ROW = (
    "ticker string, day int, target boolean, registered boolean, published string, raw_tag bigint, error string, "
    "gone boolean, position int, ts bigint, open double, high double, low double, close double, adj_close double, "
    "volume bigint"
)

Found = tuple[int, "pa.Table | str | None"]
"""What reading gives for an object: its tag, and its bars, or what is wrong with it, or None when it is gone."""


async def _read(store: S3Store, place: Place, key: str) -> Found:
    found = await get_if_there(store, place, key)
    if found is None:
        return 0, None
    etag, data = found
    try:
        return tag_of(etag), read_bars(data)
    except RefineError as error:
        return tag_of(etag), str(error)


def read_task(job: Job) -> Task:
    """Reads the raw objects of each row's plan (READS, packed) into rows of BARS_ROW."""

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        store = store_of(job.raw, job.connection)
        for reads in unpacked(batches):
            objects = in_flight(lambda key: _read(store, job.raw, key), job.raw.keys(reads))
            yield from bars_rows(reads, objects).to_batches()

    return read


def bars_rows(reads: pa.Table, objects: list[Found]) -> pa.Table:
    """One row per bar, with what is known of its object; one row without a bar for an unreadable or gone object."""
    hole = pa.table([pa.nulls(1, field.type) for field in BARS], schema=BARS)
    parts = [found if isinstance(found, pa.Table) else hole for _, found in objects]
    bars = pa.concat_tables([BARS.empty_table(), *parts])
    lengths = np.array([len(part) for part in parts], np.int64)
    of_object = np.repeat(np.arange(len(parts)), lengths)
    position = np.arange(len(bars)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    own = reads
    own = own.append_column("raw_tag", pa.array([tag for tag, _ in objects], pa.int64()))
    own = own.append_column("error", pa.array([x if isinstance(x, str) else None for _, x in objects], pa.string()))
    own = own.append_column("gone", pa.array([found is None for _, found in objects], pa.bool_()))
    table = own.take(pa.array(of_object)).append_column("position", pa.array(position, pa.int32()))
    table = table.append_column("ts", bars["ts"].cast(pa.int64()))
    for name in BARS.names[1:]:
        table = table.append_column(name, _null_for_nan(bars[name]))
    return table.combine_chunks()


def _null_for_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
