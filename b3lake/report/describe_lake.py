"""Turns the lake's content into the page's data. Pure: no clients, no clock, no files."""

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import pyarrow as pa

from b3lake.lake.labels import is_synthetic
from b3lake.report.read_lake import LakeContent

PRICE_DECIMALS = 4
_SERIES = {
    "open": "open_price",
    "high": "high_price",
    "low": "low_price",
    "close": "close_price",
    "average": "close_ma_5",
    "delta": "close_delta",
}


def describe_lake(content: LakeContent, calendar: Sequence[dt.date], now: dt.datetime) -> dict[str, Any]:
    """The page's data, ready for JSON: `sessions` (ISO dates shown), `tickers` (series by position) and `state`.

    `calendar` holds B3's sessions from the lake's first trade date to `now`, ascending. Of a ticker, `days` are
    positions in `sessions`; prices are BRL (points for an index) and `volume` is shares.
    """
    sessions = sorted(set(trade_dates(content.quotes)))
    rows = content.quotes.to_pylist()
    tickers = [
        _describe_ticker(ticker, list(group), sessions, calendar)
        for ticker, group in groupby(rows, itemgetter("ticker"))
    ]
    return {
        "sessions": [day.isoformat() for day in sessions],
        "tickers": tickers,
        "state": _describe_state(content, calendar, now),
    }


def trade_dates(rows: pa.Table) -> list[dt.date]:
    """The column `trade_date` of `rows`, which is a partition and so never null."""
    return cast("list[dt.date]", rows["trade_date"].to_pylist())


def _describe_ticker(
    ticker: str, rows: list[dict[str, Any]], sessions: Sequence[dt.date], calendar: Sequence[dt.date]
) -> dict[str, Any]:
    position = {day: index for index, day in enumerate(sessions)}
    held = {row["trade_date"] for row in rows}
    return {
        "ticker": ticker,
        "days": [position[row["trade_date"]] for row in rows],
        "volume": [row["total_volume"] for row in rows],
        "gaps": _iso(day for day in calendar if min(held) < day < max(held) and day not in held),
    } | {name: [_rounded(row[column]) for row in rows] for name, column in _SERIES.items()}


def _describe_state(content: LakeContent, calendar: Sequence[dt.date], now: dt.datetime) -> dict[str, Any]:
    days = trade_dates(content.days)
    held, open_days = set(days), set(calendar)
    last = max(days, default=None)
    sources = [(row["source"], row["bars"]) for row in content.sources.to_pylist()]
    return {
        "first": min(days).isoformat() if days else None,
        "last": last.isoformat() if last else None,
        "sessions": len(days),
        "rows": sum(content.days["tickers"].to_pylist()),
        "missing_sessions": _iso(day for day in calendar if last and day < last and day not in held),
        "closed_days": _iso(day for day in days if day not in open_days),
        "behind": sum(1 for day in calendar if last and day > last),
        "ingested_at": _iso_time(content.ingested_at),
        "refined_at": _iso_time(content.refined_at),
        "built_at": _iso_time(now),
        "sources": [{"name": name, "bars": bars, "real": not is_synthetic(name)} for name, bars in sources],
        "synthetic": any(is_synthetic(name) for name, _ in sources),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, PRICE_DECIMALS)


def _iso(days: Iterable[dt.date]) -> list[str]:
    return [day.isoformat() for day in days]


def _iso_time(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(dt.timezone.utc).isoformat(timespec="seconds")
