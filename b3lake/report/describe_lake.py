"""Turns the lake's content into the page's data. Pure: no clients, no clock, no files."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from b3lake.lake.labels import is_synthetic
from b3lake.report.describe_ticker import describe_ticker, known, runs_of
from b3lake.report.read_lake import LakeContent


def describe_lake(
    content: LakeContent, calendar: Sequence[dt.date], now: dt.datetime, newest: int | None = None
) -> dict[str, Any]:
    """The page's data: `sessions` (ISO dates), `tickers` (series by position), `cdi` and `state`.

    `calendar` holds B3's sessions from the lake's first trade date to `now`, ascending; with `newest` only so many of
    the lake's trade dates are shown. `sessions` are the calendar's between the shown dates, and the shown dates on
    which B3 was closed. Prices are BRL (points for an index) as traded, `volume` shares, `turnover` BRL, `adjust` and
    `split` the factors that adjust a row, `cdi` per cent for each session.
    """
    held = sorted(set(trade_dates(content.quotes)))
    shown = held[-newest:] if newest else held
    axis = sorted({*shown, *(day for day in calendar if shown and shown[0] <= day <= shown[-1])})
    there = set(held)
    missing = [day for day in calendar if held and day < held[-1] and day not in there]
    kept = content.quotes.filter(pc.field("trade_date") >= shown[0]) if shown else content.quotes
    rates = dict(zip(content.rates["day"].to_pylist(), content.rates["value"].to_pylist(), strict=True))
    return {
        "sessions": [day.isoformat() for day in axis],
        "tickers": _describe_tickers(content, kept, axis, set(missing)),
        "cdi": [known(rates.get(day)) for day in axis],
        "state": _describe_state(content, calendar, now, held, missing) | {"shown_sessions": len(shown)},
    }


def trade_dates(rows: pa.Table) -> list[dt.date]:
    """The column `trade_date` of `rows`, which is never null."""
    return cast("list[dt.date]", rows["trade_date"].to_pylist())


def _describe_tickers(
    content: LakeContent, rows: pa.Table, axis: Sequence[dt.date], missing: set[dt.date]
) -> list[dict[str, Any]]:
    """The tickers' data, in the order of `rows`, which come by ticker and date."""
    instruments = {row["ticker"]: row for row in content.instruments.to_pylist()}
    told = defaultdict(list)
    for event in content.events.to_pylist():
        told[event["ticker"]].append(event)
    counts = rows["ticker"].value_counts().to_pylist()  # in the order in which tickers come
    found, start = [], 0
    for ticker, count in ((each["values"], each["counts"]) for each in counts):
        its = rows.slice(start, count).to_pydict()
        found.append(describe_ticker(its, axis, missing, instruments.get(ticker, {}), told[ticker]))
        start += count
    return found


def _describe_state(
    content: LakeContent,
    calendar: Sequence[dt.date],
    now: dt.datetime,
    held: Sequence[dt.date],
    missing: Sequence[dt.date],
) -> dict[str, Any]:
    open_days = {day: index for index, day in enumerate(calendar)}
    last = held[-1] if held else None
    sources = [(row["source"], row["bars"]) for row in content.sources.to_pylist()]
    return {
        "first": held[0].isoformat() if held else None,
        "last": last.isoformat() if last else None,
        "sessions": len(held),
        "rows": len(content.quotes),
        "lake_rows": content.lake_rows,
        "lake_tickers": content.lake_tickers,
        "missing": runs_of(missing, open_days),
        "closed_days": [day.isoformat() for day in held if day not in open_days],
        "behind": sum(1 for day in calendar if last and day > last),
        "ingested_at": _iso_time(content.ingested_at),
        "refined_at": _iso_time(content.refined_at),
        "built_at": _iso_time(now),
        "sources": [{"name": name, "bars": bars, "real": not is_synthetic(name)} for name, bars in sources],
        "synthetic": any(is_synthetic(name) for name, _ in sources),
    }


def _iso_time(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(dt.timezone.utc).isoformat(timespec="seconds")
