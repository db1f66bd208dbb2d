"""Tables of partitions (a ticker and a day, counted from 1970): what a listing gives, and how two of them are matched.

Everything here is columnar, for a lake has a million of them.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LISTING = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("tag", pa.int64()), ("etag", pa.string())])
"""A listing: one row per partition. `tag` stands for the object's ETag in 64 bits."""

BY_TICKER_AND_DAY = [("ticker", "ascending"), ("day", "ascending")]
EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """The days from 1970 to `day`."""
    return (day - EPOCH).days


def iso(day: int) -> str:
    """The ISO date of a day since 1970."""
    return (EPOCH + timedelta(days=day)).isoformat()


def pairs(partitions: pa.Table) -> Iterator[tuple[str, int]]:
    """Ticker and day of each partition."""
    return zip(partitions["ticker"].to_pylist(), partitions["day"].to_pylist(), strict=True)


def names_in(*tables: pa.Table) -> pa.Array:
    """The tickers in these tables, in order."""
    names = pc.unique(pa.chunked_array([chunk for table in tables for chunk in table["ticker"].chunks], pa.string()))
    return names.take(pc.array_sort_indices(names))


def keys_of(partitions: pa.Table, names: pa.Array) -> np.ndarray:
    """One int64 per partition, which sorts by ticker and then by day; negative for tickers not in `names`."""
    code = pc.fill_null(pc.index_in(partitions["ticker"], names), -1).to_numpy().astype(np.int64)
    keys: np.ndarray = (code << 32) + partitions["day"].to_numpy()
    return keys


def find(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The position in `keys` of each wanted key, -1 where it is not there."""
    if not len(keys):
        return np.full(len(wanted), -1)
    order = np.argsort(keys)
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    return np.where(keys[order[at]] == wanted, order[at], -1)


def take(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The values at these positions, 0 at -1."""
    return np.where(at < 0, 0, values[at]) if len(values) else np.zeros(len(at), np.int64)


def is_in(partitions: pa.Table, others: pa.Table) -> np.ndarray:
    """Whether each partition is among the others."""
    names = names_in(partitions, others)
    return find(keys_of(others, names), keys_of(partitions, names)) >= 0


def years_of(*tables: pa.Table) -> list[int]:
    """The years that these partitions are of."""
    return sorted({year for table in tables for year in pc.unique(_year(table)).to_pylist()})


def of_year(partitions: pa.Table, year: int) -> pa.Table:
    return partitions.filter(pc.equal(_year(partitions), year))


def _year(partitions: pa.Table) -> pa.ChunkedArray:
    return pc.year(partitions["day"].cast(pa.date32()))
