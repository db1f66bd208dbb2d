"""The bronze table: its columns, its partition columns and its keys, stated once.

`ts` is written without a zone, in microseconds, and holds UTC. Athena, Hive, DuckDB and Spark then all see the same
plain `timestamp`; with a zone, DuckDB would see `timestamptz` and would shift it to the reader's zone.
Prices and dividends are BRL per share, `volume` is shares, `stock_splits` a ratio (0 = none).
"""

import datetime as dt

import pyarrow as pa

RAW_TABLE = "b3_daily_quotes"
RAW_PREFIX = "raw/b3"
OBJECT_NAME = "data.parquet"

_TYPES: dict[str, pa.DataType] = {
    "ts": pa.timestamp("us"),
    "open": pa.float64(),
    "high": pa.float64(),
    "low": pa.float64(),
    "close": pa.float64(),
    "adj_close": pa.float64(),
    "volume": pa.int64(),
    "dividends": pa.float64(),
    "stock_splits": pa.float64(),
    "source": pa.string(),
}
RAW_SCHEMA = pa.schema(_TYPES)
"""One row per bar, sorted by `ts`."""

PARTITION_TYPES = {"dt": "date", "ticker": "string"}
"""Partition column to Glue type, in the order of the key."""


def raw_key(day: dt.date, ticker: str) -> str:
    """The key of the object that holds the bars of `ticker` on `day`."""
    return f"{RAW_PREFIX}/dt={day.isoformat()}/ticker={ticker}/{OBJECT_NAME}"
