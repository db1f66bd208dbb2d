"""One partition's bars as the bytes of its object, and back."""

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.schema import RAW_SCHEMA


def encode(bars: pa.Table) -> bytes:
    """The Parquet bytes of the bronze columns of `bars`; the same rows always give the same bytes.

    A partition has one row or a few: a dictionary, statistics and compression cost more than they save, in bytes too.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(
        bars.select(RAW_SCHEMA.names),
        sink,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
    )
    return bytes(sink.getvalue().to_pybytes())


def decode(body: bytes) -> pa.Table:
    """The bars of an object. Raises pa.ArrowInvalid or OSError when it is no Parquet file."""
    return pq.read_table(pa.BufferReader(body))
