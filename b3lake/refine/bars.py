"""The bars in a raw object: which of its columns are read, and as what."""

import pyarrow as pa
import pyarrow.parquet as pq

from b3lake.lake.schemas import RAW_SCHEMA
from b3lake.lake.words import first_line
from b3lake.refine.errors import RefineError

_UNREAD = {"isin", "source"}
BARS = pa.schema([field for field in RAW_SCHEMA if field.name not in _UNREAD])
"""The bronze columns that the refined ones are made of; the rest of a raw object is not read."""


def read_bars(data: bytes) -> pa.Table:
    """The bars in a raw object, as BARS; differing types are cast where nothing is lost. Raises RefineError."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        names = file.schema_arrow.names
        table = file.read(columns=BARS.names, use_threads=False)
    except Exception as error:  # a stranger's bytes make pyarrow raise whatever there is
        raise RefineError(f"it is no Parquet file: {first_line(error)}") from error
    missing = [name for name in BARS.names if name not in names]
    if missing:
        raise RefineError(f"it has no column {', '.join(missing)}")
    repeated = [name for name in BARS.names if names.count(name) > 1]
    if repeated:
        raise RefineError(f"it has more than one column {', '.join(repeated)}")
    if not len(table):
        raise RefineError("it holds no bars")
    bars = pa.table([_lossless(table.column(field.name), field) for field in BARS], schema=BARS)
    if bars["ts"].null_count:
        raise RefineError("a bar has no ts")
    return bars


def _lossless(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    of_time = pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
    of_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    fits = of_time if pa.types.is_timestamp(field.type) else of_number
    if not (fits or pa.types.is_null(column.type)):
        raise RefineError(f"column {field.name} is {column.type}, not {field.type}")
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise RefineError(f"column {field.name} is {column.type}, not {field.type}: {first_line(error)}") from error
