"""Asks a query of some tickers, or of the days since one: as though the lake had no others.

    >>> print(narrowed("SELECT max(close_price) FROM b3_daily_history", "db", Narrowing(("PETR4",))))
    WITH b3_daily_history AS (
        SELECT * FROM db.b3_daily_history WHERE ticker IN ('PETR4')
    )
    SELECT max(close_price) FROM b3_daily_history

A query of its own name takes the place of each table, so that windows, months and ranks see only what was asked for.
"""

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from b3lake.lake.errors import UsageError
from b3lake.lake.indexes import MEMBERS_MARK, expand_members, index_code, spelled
from b3lake.lake.names import HISTORY_TABLE, PORTFOLIOS_TABLE, RAW_TABLE, REFINED_TABLE
from b3lake.lake.renames import Span, lineage
from b3lake.lake.schemas import HISTORY_SCHEMA, PORTFOLIOS_SCHEMA
from b3lake.lake.tickers import split_list

DAY_COLUMNS = {RAW_TABLE: "dt", REFINED_TABLE: "dt", HISTORY_TABLE: "trade_date"}
"""The tables of quotes, and the column that has the day; of a partition it spares the listing of the others."""
_MOVED_BY = {"split_factor": "split_factor", "adj_factor": "adj_factor", "adj_close_price": "adj_factor"}
"""Columns of the history that later events under a newer code move too, and the factor that has those events."""
_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)


@dataclass(frozen=True)
class Narrowing:
    """Of which tickers (none: of all) and since which day (None: ever) a query is asked.

    With `across_renames` the past of a ticker under its older codes is its own.
    """

    tickers: tuple[str, ...] = ()
    since: dt.date | None = None
    across_renames: bool = False

    def __bool__(self) -> bool:
        return bool(self.tickers or self.since)


EVERYTHING = Narrowing()


def read_narrowing(tickers: str | None, since: str | None, *, across_renames: bool) -> Narrowing:
    """Parse the options --ticker, --since and --lineage; `@IBOV` is expanded by with_members. Raises UsageError."""
    try:
        names = tuple(dict.fromkeys(spelled(name) for name in split_list(tickers or "")))
    except ValueError as error:
        raise UsageError(f"{error}.") from error
    if tickers is not None and not names:
        raise UsageError("--ticker names none: list tickers, like --ticker PETR4,VALE3.")
    if across_renames and not names:
        raise UsageError("--lineage follows the tickers of --ticker: name some.")
    try:
        day = dt.date.fromisoformat(since) if since else None
    except ValueError as error:
        raise UsageError(f"--since {since} is not a date: write it as YYYY-MM-DD, like 2024-05-31.") from error
    return Narrowing(names, day, across_renames)


def with_members(to: Narrowing, portfolio: Callable[[str], pa.Table]) -> Narrowing:
    """`to` with the members of each `@INDEX` in its place; `portfolio` gives those of an index (PORTFOLIOS_SCHEMA).

    Raises B3LakeError when the lake has none.
    """
    indexes = [index_code(name) for name in to.tickers if name.startswith(MEMBERS_MARK)]
    if not indexes:
        return to
    portfolios = pa.concat_tables([portfolio(index).cast(PORTFOLIOS_SCHEMA) for index in indexes])
    return dataclasses.replace(to, tickers=expand_members(to.tickers, portfolios))


def members_query(index: str) -> str:
    """The query for the portfolios of `index`."""
    columns = ", ".join(f'"{name}"' for name in PORTFOLIOS_SCHEMA.names)
    of_index = f'"index" = {_literal(index)}'
    return f"SELECT {columns} FROM {PORTFOLIOS_TABLE} WHERE {of_index}"  # noqa: S608 - a code of INDEXES


def narrowed(sql: str, database: str, to: Narrowing) -> str:
    """`sql` (one SELECT, with or without WITH) asked of what `to` says.

    Raises UsageError when it reads no table of quotes, or is no SELECT.
    """
    if not to:
        return sql
    tables = [table for table in DAY_COLUMNS if re.search(rf"\b{table}\b", sql)]
    if not tables:
        raise UsageError(f"--ticker and --since narrow {', '.join(DAY_COLUMNS)}, and this query reads none of them.")
    if to.across_renames and tables != [HISTORY_TABLE]:
        raise UsageError(f"--lineage joins the codes in {HISTORY_TABLE} alone, and this query reads another table too.")
    found = _COMMENTS.match(sql)
    begin = found.end() if found else 0
    comments, query = sql[:begin], sql[begin:]
    own = ",\n".join(f"{table} AS (\n    {_of_table(table, f'{database}.{table}', to)}\n)" for table in tables)
    if found := re.match(r"WITH\b\s*", query, re.IGNORECASE):
        return f"{comments}WITH {own},\n{query[found.end() :]}"
    if re.match(r"SELECT\b|\(", query, re.IGNORECASE):
        return f"{comments}WITH {own}\n{query}"
    raise UsageError("--ticker and --since narrow a SELECT: this query is none.")


def _of_table(name: str, table: str, to: Narrowing) -> str:
    if not (to.across_renames and to.tickers and name == HISTORY_TABLE):
        return f"SELECT * FROM {table} WHERE {' AND '.join(_conditions(name, to))}"  # noqa: S608 - as literals
    parts = (part for ticker in to.tickers for part in _lineage_of(ticker, table, to.since))
    return "\n    UNION ALL ".join(parts)


def _conditions(name: str, to: Narrowing) -> Iterator[str]:
    if to.tickers:
        yield f"ticker IN ({', '.join(_literal(ticker) for ticker in to.tickers)})"
    if to.since:
        yield f"{DAY_COLUMNS[name]} >= DATE '{to.since}'"


def _lineage_of(ticker: str, table: str, since: dt.date | None) -> Iterator[str]:
    """A SELECT for each code that the share has had; the older ones are moved by the events of all newer ones."""
    newer: list[str] = []
    for span in lineage(ticker):
        columns = ", ".join(_column(name, ticker, table, newer) for name in [*HISTORY_SCHEMA.names, "year"])
        where = " AND ".join(_within(span, since))
        yield f"SELECT {columns} FROM {table} WHERE {where}"  # noqa: S608 - as literals
        newer.append(" AND ".join(_within(span, None)))


def _column(name: str, ticker: str, table: str, newer: list[str]) -> str:
    """The column of an older code's row; `newer` are the conditions of the codes after it, whose events count too.

    A split on the first day of a newer code is among them; a dividend on that day is not.
    """
    if name == "ticker":
        return f"{_literal(ticker)} AS ticker"
    if name not in _MOVED_BY or not newer:
        return name
    before = f"{_MOVED_BY[name]} / coalesce(nullif(stock_splits, 0), 1)"
    first = f"SELECT min_by({before}, trade_date) FROM {table} WHERE"  # noqa: S608 - columns of the contract
    factors = (f"({first} {condition})" for condition in newer)
    return " * ".join([name, *(f"coalesce({factor}, 1)" for factor in factors)]) + f" AS {name}"


def _within(span: Span, since: dt.date | None) -> Iterator[str]:
    yield f"ticker = {_literal(span.ticker)}"
    if span.first:
        yield f"trade_date >= DATE '{span.first}'"
    if span.last:
        yield f"trade_date <= DATE '{span.last}'"
    if since:
        yield f"trade_date >= DATE '{since}'"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
