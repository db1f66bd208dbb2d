"""The columns of every table, stated once.

`ts` is written without a zone, in microseconds, and holds UTC. Athena, Hive, DuckDB and Spark then all see the same
plain `timestamp`; with a zone, DuckDB would see `timestamptz` and would shift it to the reader's zone.
Bronze and silver hold facts: prices (BRL per share) and volumes (shares) are as traded, whatever split came later;
dividends are BRL per share held before, gross, on the first day without the right; `stock_splits` is shares after per
share before (0: none). Null is not known.
"""

import pyarrow as pa

RAW_SCHEMA = pa.schema(
    [
        ("ts", pa.timestamp("us")),
        ("open", pa.float64()),
        ("high", pa.float64()),
        ("low", pa.float64()),
        ("close", pa.float64()),
        ("volume", pa.int64()),
        ("turnover", pa.float64()),
        ("trades", pa.int32()),
        ("dividends", pa.float64()),
        ("stock_splits", pa.float64()),
        ("isin", pa.string()),
        ("source", pa.string()),
    ]
)
"""Bronze: one row per bar, sorted by `ts`."""

MOVING_AVERAGE_DATES = 5
"""Trade dates that the moving average of the close takes in; its column has the number in its name: `close_ma_5`."""

REFINED_SCHEMA = pa.schema(
    [
        ("trade_date", pa.date32()),
        ("open_price", pa.float64()),
        ("high_price", pa.float64()),
        ("low_price", pa.float64()),
        ("close_price", pa.float64()),
        ("total_volume", pa.int64()),
        ("bar_count", pa.int32()),
        (f"close_ma_{MOVING_AVERAGE_DATES}", pa.float64()),
        ("close_delta", pa.float64()),
        ("turnover", pa.float64()),
        ("trades", pa.int32()),
        ("dividends", pa.float64()),
        ("stock_splits", pa.float64()),
    ]
)
"""Silver: one row per ticker and trade date."""


ADJUSTED_SCHEMA = pa.schema(
    [
        ("split_factor", pa.float64()),
        ("adj_factor", pa.float64()),
        ("adj_close_price", pa.float64()),
        ("daily_return", pa.float64()),
    ]
)
"""The columns that are derived from the facts of a ticker's later rows: see adjust.py."""


def history_schema(refined: pa.Schema) -> pa.Schema:
    """Gold: the refined rows of a year with the adjusted columns, sorted by ticker and date."""
    return pa.schema([("ticker", pa.string()), *refined, *ADJUSTED_SCHEMA])


HISTORY_SCHEMA = history_schema(REFINED_SCHEMA)

RATES_SCHEMA = pa.schema(
    [("series", pa.string()), ("day", pa.date32()), ("value", pa.float64()), ("unit", pa.string())]
)
"""Interest and inflation, one row per series and day, sorted so; a month's value is dated its first day."""

INSTRUMENTS_SCHEMA = pa.schema(
    [
        ("ticker", pa.string()),
        ("isin", pa.string()),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("spec", pa.string()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("quotation_factor", pa.int32()),
        ("sessions", pa.int32()),
    ]
)
"""Who is who, one row per ticker that the exchange's files have had, sorted by ticker; as of its last day."""

EVENTS_SCHEMA = pa.schema(
    [
        ("ticker", pa.string()),
        ("isin", pa.string()),
        ("ex_date", pa.date32()),
        ("last_day_with_right", pa.date32()),
        ("kind", pa.string()),
        ("value", pa.float64()),
        ("approved_on", pa.date32()),
        ("payment_date", pa.date32()),
        ("source", pa.string()),
        ("status", pa.string()),
        ("note", pa.string()),
    ]
)
"""Corporate events, one row per event, sorted by ticker and last day; `value` is BRL per share, gross, or a ratio."""

SHARES_SCHEMA = pa.schema(
    [
        ("ticker", pa.string()),
        ("first_day", pa.date32()),
        ("isin", pa.string()),
        ("share_class", pa.string()),
        ("kind", pa.string()),
        ("name", pa.string()),
    ]
)
"""As what the quotes know a ticker, one row per ISIN, class (ON, PN, …), kind and name, with its first day."""

PORTFOLIOS_SCHEMA = pa.schema(
    [
        ("index", pa.string()),
        ("day", pa.date32()),
        ("ticker", pa.string()),
        ("quantity", pa.int64()),
        ("weight", pa.float64()),
    ]
)
"""Members of an index, one row per index, day and ticker, sorted so; `weight` is per cent of the index."""

PARTITION_TYPES = {"dt": "date", "ticker": "string"}
"""Partition column of bronze and silver to Glue type, in the order of the key."""
YEAR_PARTITION_TYPES = {"year": "int"}
"""As PARTITION_TYPES, for tables of one object a year."""

_GLUE_TYPES = {
    pa.timestamp("us"): "timestamp",
    pa.date32(): "date",
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.string(): "string",
    pa.bool_(): "boolean",
    pa.binary(): "binary",
}


def glue_types(schema: pa.Schema) -> dict[str, str]:
    """Column to Glue type, in the order of `schema`."""
    return {field.name: _GLUE_TYPES[field.type] for field in schema}
