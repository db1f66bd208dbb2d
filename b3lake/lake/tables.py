"""The lake's tables, stated once: where their objects lie, which columns they have, and the meaning of a row."""

from dataclasses import dataclass

import pyarrow as pa

from b3lake.lake import keys as lake_keys
from b3lake.lake import names, schemas

DAY, YEAR, WHOLE = "day", "year", "whole"


@dataclass(frozen=True)
class Table:
    """A table: its prefix and columns, of how much one object is, and its column of the day (`dt` is a partition)."""

    name: str
    prefix: str
    schema: pa.Schema
    object_of: str
    day: str | None
    about: str

    @property
    def columns(self) -> pa.Schema:
        """As SQL has them: partitions are the last columns."""
        more = {DAY: [("dt", pa.date32()), ("ticker", pa.string())], YEAR: [("year", pa.int32())], WHOLE: []}
        return pa.schema([*self.schema, *more[self.object_of]])


TABLES = {
    table.name: table
    for table in (
        Table(names.HISTORY_TABLE, lake_keys.HISTORY_PREFIX, schemas.HISTORY_SCHEMA, YEAR, "trade_date",
              "a ticker's session, as traded and adjusted"),
        Table(names.REFINED_TABLE, lake_keys.REFINED_PREFIX, schemas.REFINED_SCHEMA, DAY, "dt",
              "a ticker's session, as traded"),
        Table(names.RAW_TABLE, lake_keys.RAW_PREFIX, schemas.RAW_SCHEMA, DAY, "dt", "a bar, as it came"),
        Table(names.EVENTS_TABLE, lake_keys.EVENTS_PREFIX, schemas.EVENTS_SCHEMA, WHOLE, "ex_date",
              "a corporate event of B3's"),
        Table(names.INSTRUMENTS_TABLE, lake_keys.INSTRUMENTS_PREFIX, schemas.INSTRUMENTS_SCHEMA, WHOLE, None,
              "a paper that was traded"),
        Table(names.PORTFOLIOS_TABLE, lake_keys.PORTFOLIOS_PREFIX, schemas.PORTFOLIOS_SCHEMA, WHOLE, "day",
              "a member of an index on a day"),
        Table(names.RATES_TABLE, lake_keys.RATES_PREFIX, schemas.RATES_SCHEMA, WHOLE, "day",
              "a rate on a day"),
    )
}  # fmt: skip
"""Name to table, those first that are asked most."""
