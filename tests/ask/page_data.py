"""Lakes as they would be read, made here without any AWS, for the tests of the page."""

import datetime as dt
from typing import Any

import pandas as pd
import pyarrow as pa

from b3lake.lake.calendar import last_final_session, sessions_between
from b3lake.report.describe_lake import describe_lake
from b3lake.report.read_lake import EVENTS, INSTRUMENTS, QUOTES_SCHEMA, RATES, LakeContent
from b3lake.report.write_page import write_page
from tests.ask.lake import adjust, invent_quotes, refine

NOW = dt.datetime(2024, 2, 16, 12, tzinfo=dt.timezone.utc)
CALENDAR = sessions_between(dt.date(2012, 6, 1), last_final_session(NOW))


def read_content(history: pd.DataFrame, source: str = "yahoo", **others: Any) -> LakeContent:
    """The lake as it would be read with these rows of the history; `others` are fields of the content."""
    content = {
        "lake_tickers": history["ticker"].nunique(),
        "lake_rows": len(history),
        "sources": pa.table({"source": [source], "bars": [len(history)]}),
        "rates": RATES.empty_table(),
        "instruments": INSTRUMENTS.empty_table(),
        "events": EVENTS.empty_table(),
        "ingested_at": NOW - dt.timedelta(hours=2),
        "refined_at": NOW - dt.timedelta(hours=1),
    }
    rows = history.sort_values(["ticker", "trade_date"])
    quotes = pa.Table.from_pandas(rows[QUOTES_SCHEMA.names], schema=QUOTES_SCHEMA, preserve_index=False)
    return LakeContent(quotes=quotes, **(content | others))


def invent_history(tickers: list[str], sessions: int) -> pd.DataFrame:
    """The history's rows of `tickers` for the last `sessions` sessions before NOW, with splits where prices halve."""
    return adjusted(refine(_with_real_splits(invent_quotes(tickers, CALENDAR[-sessions:]))))


def adjusted(refined: pd.DataFrame) -> pd.DataFrame:
    """Rows of the history, also of none; adjusted anew when rows were taken out."""
    return adjust(refined) if len(refined) else invent_history(["PETR4"], 2)[:0]


def write_invented(history: pd.DataFrame, source: str = "yahoo", language: str = "pt", **others: Any) -> str:
    """The page of a lake with these rows."""
    first = history["trade_date"].min()
    calendar = [day for day in CALENDAR if len(history) and day >= first]
    return write_page(describe_lake(read_content(history, source, **others), calendar, NOW), language)


def _with_real_splits(quotes: pd.DataFrame) -> pd.DataFrame:
    """The quotes, cheaper by their splits from these on, and in whole centavos, as B3 would have them."""
    by = quotes["stock_splits"].replace(0, 1.0).groupby(quotes["ticker"]).cumprod()
    prices = {name: (quotes[name] / by).round(2) for name in ("open", "high", "low", "close")}
    return quotes.assign(**prices, volume=quotes["volume"] // 1000)
