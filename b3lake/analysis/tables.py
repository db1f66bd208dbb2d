"""The lake's tables as Arrow: which objects have the wanted rows, and what their columns are."""

import datetime as dt
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from b3lake.analysis.errors import AnalysisError
from b3lake.analysis.objects import Objects
from b3lake.lake import keys as lake_keys
from b3lake.lake.tables import DAY, TABLES, WHOLE, YEAR, Table
from b3lake.lake.words import first_line


@dataclass(frozen=True)
class Rows:
    """Which rows: of `tickers` (None: of all), from `since` to `until` (None: without a bound), both included."""

    tickers: Collection[str] | None = None
    since: dt.date | None = None
    until: dt.date | None = None

    def has_day(self, day: dt.date) -> bool:
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)


def find_table(name: str) -> Table:
    """The table of that name. Raises AnalysisError with those that there are."""
    if name not in TABLES:
        raise AnalysisError(f"There is no table {name!r}: the lake's are {', '.join(TABLES)}.")
    return TABLES[name]


def keys_of(objects: Objects, table: Table, rows: Rows) -> list[str]:
    """The keys of the objects that may have `rows`."""
    found = objects.keys(f"{table.prefix}/")
    if table.object_of == DAY:
        return [key for key in found if _is_wanted(lake_keys.parse_partition_key(table.prefix, key), rows)]
    if table.object_of == WHOLE:
        return [key for key in found if key == lake_keys.table_key(table.prefix)]
    first, last = (rows.since or dt.date.min).year, (rows.until or dt.date.max).year
    years = {key: _year_of(table, key) for key in found}
    return [key for key, year in years.items() if year is not None and first <= year <= last]


def read_table(objects: Objects, table: Table, rows: Rows, columns: Sequence[str] | None = None) -> pa.Table:
    """The wanted rows, in the order of keys and of the rows in them; `columns` None: all.

    Raises AwsError, and AnalysisError for a column that there is not, and for an object that is no such table.
    """
    for name in columns or ():
        if name not in table.columns.names:
            raise AnalysisError(f"{table.name} has no column {name!r}: it has {', '.join(table.columns.names)}.")
    keys = keys_of(objects, table, rows)
    parts = [_decode(table, key, body) for key, body in zip(keys, objects.read(keys), strict=True)]
    whole = pa.concat_tables([table.columns.empty_table(), *parts])
    return _filtered(whole, table, rows).select(list(columns) if columns else table.columns.names)


def _is_wanted(partition: tuple[dt.date, str] | None, rows: Rows) -> bool:
    return bool(partition and rows.has_day(partition[0]) and (rows.tickers is None or partition[1] in rows.tickers))


def _year_of(table: Table, key: str) -> int | None:
    match = lake_keys.YEAR_PARTITION.fullmatch(key, len(table.prefix) + 1)
    return int(match[1]) if match else None


def _decode(table: Table, key: str, body: bytes) -> pa.Table:
    try:
        rows = pq.ParquetFile(pa.BufferReader(body)).read()
        rows = rows.select(table.schema.names).replace_schema_metadata(None).cast(table.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError, OSError) as error:
        reason = re.sub(r"\s+", " ", first_line(error))[:120].rstrip(".:")
        raise AnalysisError(f"{key} is not the table {table.name} ({reason}): `b3lake doctor` says more.") from error
    if table.object_of == DAY:
        day, ticker = lake_keys.parse_partition_key(table.prefix, key) or (None, None)
        rows = rows.append_column("dt", pa.array([day] * len(rows), pa.date32()))
        rows = rows.append_column("ticker", pa.array([ticker] * len(rows), pa.string()))
    elif table.object_of == YEAR:
        rows = rows.append_column("year", pa.array([_year_of(table, key)] * len(rows), pa.int32()))
    return rows.cast(table.columns)


def _filtered(whole: pa.Table, table: Table, rows: Rows) -> pa.Table:
    if rows.tickers is not None and "ticker" in whole.schema.names:
        whole = whole.filter(pc.is_in(whole["ticker"], pa.array(list(rows.tickers), pa.string())))
    if table.day and rows.since:
        whole = whole.filter(pc.field(table.day) >= rows.since)
    if table.day and rows.until:
        whole = whole.filter(pc.field(table.day) <= rows.until)
    return whole
