"""Reads the page's content from the lake: the answers of five questions, and when objects were last written.

The history is read once and whole: it has an object a year. Everything else is of the shown tickers.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ask.athena import ask
from b3lake.ask.errors import NoSuchTable
from b3lake.ask.narrow import Narrowing, members_query, with_members
from b3lake.lake.names import HISTORY_TABLE, RAW_TABLE
from b3lake.lake.schemas import EVENTS_SCHEMA, HISTORY_SCHEMA, INSTRUMENTS_SCHEMA, RATES_SCHEMA
from b3lake.lake.settings import Settings
from b3lake.lake.tickers import INDEX_TICKER
from b3lake.report.lines import line_expression, parse_lines
from b3lake.report.read_objects import newest_object_time

_FOLDER = Path(__file__).resolve().parent
_QUOTES = (
    "trade_date", "open_price", "high_price", "low_price", "close_price", "total_volume", "turnover", "dividends",
    "stock_splits", "split_factor", "adj_factor",
)  # fmt: skip
QUOTES_SCHEMA = pa.schema([HISTORY_SCHEMA.field(name) for name in ("ticker", *_QUOTES)])
_PLACED = pa.schema([("place", pa.int64()), ("lake_tickers", pa.int64()), ("lake_rows", pa.int64())])
RATES = pa.schema([RATES_SCHEMA.field(name) for name in ("day", "value")])
INSTRUMENTS = pa.schema([INSTRUMENTS_SCHEMA.field(name) for name in ("ticker", "name", "kind", "spec")])
EVENTS = pa.schema([EVENTS_SCHEMA.field(name) for name in ("ticker", "ex_date", "kind", "value", "payment_date")])
SOURCES_OF = 10
"""The tickers whose newest bronze object is asked for its source: each is an object to open."""


@dataclass(frozen=True)
class LakeContent:
    """The content of the page, as the lake gave it.

    `quotes` (QUOTES_SCHEMA): the history of the shown tickers, by ticker and date. `lake_tickers` and `lake_rows` count
    the history's, shown or not. `sources`: the newest day's bronze bars by source, of some shown tickers. `rates`: CDI
    since the first date, per cent a day. `instruments` and `events` are of the shown tickers. The times, UTC, are of
    the newest day's bronze objects and of the newest history object, None when unknown.
    """

    quotes: pa.Table
    lake_tickers: int
    lake_rows: int
    sources: pa.Table
    rates: pa.Table
    instruments: pa.Table
    events: pa.Table
    ingested_at: dt.datetime | None
    refined_at: dt.datetime | None


def read_lake(settings: Settings, to: Narrowing, most: int, today: dt.date) -> LakeContent:
    """Ask the lake for the tickers of `to`, or the `most` traded with the index, and for its state.

    An empty lake is asked as though it ended `today`. Raises QueryError without an answer.
    """
    to = with_members(to, lambda index: ask(members_query(index), settings))
    shown = f"ticker IN ({_literals(to.tickers)})" if to.tickers else f"place <= {most} OR ticker = '{INDEX_TICKER}'"
    lines = ask(quotes_query(shown), settings)
    rows = parse_lines(lines, pa.schema([*QUOTES_SCHEMA, *_PLACED]))
    quotes = rows.select(QUOTES_SCHEMA.names)
    days: list[dt.date] = quotes["trade_date"].to_pylist() or [today]
    newest = max(days)
    newest_rows = rows.filter(pc.field("trade_date") == newest).sort_by("place")
    tickers = _literals(quotes["ticker"].unique().to_pylist())
    some = _literals(newest_rows["ticker"].to_pylist()[:SOURCES_OF])
    return LakeContent(
        quotes=quotes,
        lake_tickers=pc.max(rows["lake_tickers"]).as_py() or 0,
        lake_rows=pc.max(rows["lake_rows"]).as_py() or 0,
        sources=ask(_query("sources", day=newest, tickers=some), settings),
        rates=_beside(_query("rates", first=min(days)), RATES, settings),
        instruments=_beside(_query("instruments", tickers=tickers), INSTRUMENTS, settings),
        events=_beside(_query("events", tickers=tickers), EVENTS, settings),
        ingested_at=newest_object_time(settings, RAW_TABLE, f"dt={newest}/"),
        refined_at=newest_object_time(settings, HISTORY_TABLE),
    )


def quotes_query(shown: str) -> str:
    """The query for the history of the tickers that the condition `shown` chooses, a text a row (see lines.py)."""
    return _query("quotes", shown=shown, line=line_expression([*_QUOTES, *_PLACED.names]))


def _beside(sql: str, schema: pa.Schema, settings: Settings) -> pa.Table:
    """The answer, empty where the lake has no such table yet: the page is worth having without it.

    Raises QueryError for any other refusal: a page without the CDI says that the lake has none.
    """
    try:
        return ask(sql, settings).cast(schema)
    except NoSuchTable:
        return schema.empty_table()


def _literals(texts: tuple[str, ...] | list[str]) -> str:
    """The texts as a list of SQL, which is never empty."""
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts or [""])


def _query(name: str, **values: object) -> str:
    return (_FOLDER / f"{name}.sql").read_text("utf-8").format(**values)
