"""Turns one ticker's rows into the page's data. Pure."""

import datetime as dt
import math
from collections.abc import Iterable, Sequence, Set
from itertools import groupby
from typing import Any

_PRICES = {"open": "open_price", "high": "high_price", "low": "low_price", "close": "close_price"}


def describe_ticker(
    rows: dict[str, list[Any]],
    axis: Sequence[dt.date],
    missing: Set[dt.date],
    instrument: dict[str, Any],
    told: list[dict[str, Any]],
) -> dict[str, Any]:
    """One ticker's data: `rows` are its columns (QUOTES_SCHEMA) by date, `days` of the answer positions in `axis`.

    `gaps` are runs (see runs_of) of the sessions between its first and last row that it lacks, without `missing`, which
    every ticker lacks. `events` stand at the row on which they took effect, with what B3 `told` of that day.
    """
    position = {day: index for index, day in enumerate(axis)}
    days = [position[day] for day in rows["trade_date"]]
    held = set(days)
    lacking = [axis[at] for at in range(days[0], days[-1]) if at not in held and axis[at] not in missing]
    return {
        "ticker": rows["ticker"][0],
        "name": instrument.get("name"),
        "kind": instrument.get("kind"),
        "spec": instrument.get("spec"),
        "days": days,
        **{name: [known(value) for value in rows[column]] for name, column in _PRICES.items()},
        "volume": rows["total_volume"],
        "turnover": [known(value) for value in rows["turnover"]],
        "adjust": [_factor(value) for value in rows["adj_factor"]],
        "split": [_factor(value) for value in rows["split_factor"]],
        "events": list(_events(rows, told)),
        "gaps": runs_of(lacking, position),
    }


def known(value: float | None) -> float | None:
    """`value`, None for an infinite one and for NaN."""
    return None if value is None or not math.isfinite(value) else value


def runs_of(days: Iterable[dt.date], position: dict[dt.date, int]) -> list[list[Any]]:
    """Ascending `days` as runs of neighbouring positions: first and last day (ISO), and how many."""
    numbered = enumerate(days)
    runs = [[day for _, day in group] for _, group in groupby(numbered, lambda pair: position[pair[1]] - pair[0])]
    return [[run[0].isoformat(), run[-1].isoformat(), len(run)] for run in runs]


def _factor(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) and value > 0 else 1.0


def _events(rows: dict[str, list[Any]], told: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for at, day in enumerate(rows["trade_date"]):
        cash, ratio = known(rows["dividends"][at]) or 0.0, known(rows["stock_splits"][at]) or 0.0
        if cash <= 0 and (ratio <= 0 or ratio == 1):
            continue
        kinds = [(event["kind"], event["value"], event["payment_date"]) for event in told if event["ex_date"] == day]
        yield {
            "at": at,
            "cash": max(cash, 0.0),
            "ratio": max(ratio, 0.0),
            "told": [[kind, known(value), paid.isoformat() if paid else None] for kind, value, paid in kinds],
        }
