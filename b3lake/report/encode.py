"""Writes the page's data small: integers, differences, runs; then JSON, gzip, base64. decode.js undoes it.

>>> differences([1000, 1050, None, 1040])
[1000, 50, None, -10]
"""

import base64
import datetime as dt
import gzip
import json
from collections.abc import Sequence
from typing import Any

CDI_DECIMALS = 6
TURNOVER_DECIMALS = 2
_EXACT = 1e-9


def pack(data: dict[str, Any]) -> str:
    """The data (see describe_lake) as base64 of gzipped JSON, for decode.js."""
    text = json.dumps(encode(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def encode(data: dict[str, Any]) -> dict[str, Any]:
    """The data with its series as short integers; names, events, gaps and state stay as they are."""
    days = [dt.date.fromisoformat(day).toordinal() for day in data["sessions"]]
    return {
        "first": data["sessions"][0] if days else None,
        "sessions": differences(days),
        "cdi": [_scaled(value, CDI_DECIMALS) for value in data["cdi"]],
        "tickers": [_encode_ticker(series) for series in data["tickers"]],
        "state": data["state"],
    }


def _encode_ticker(series: dict[str, Any]) -> dict[str, Any]:
    columns = ("open", "high", "low", "close")
    decimals = _decimals([price for name in columns for price in series[name]])
    cents = {name: [_scaled(price, decimals) for price in series[name]] for name in columns}
    beside_close = {
        name: [_less(price, close) for price, close in zip(cents[name], _filled(cents["close"]), strict=True)]
        for name in columns[:3]
    }
    return series | {
        "days": differences(series["days"]),
        "decimals": decimals,
        "close": differences(cents["close"]),
        **beside_close,
        "turnover": [_scaled(value, TURNOVER_DECIMALS) for value in series["turnover"]],
        "adjust": _changes(series["adjust"]),
        "split": _changes(series["split"]),
    }


def _decimals(prices: Sequence[float | None]) -> int:
    """As few as give every price back: B3 quotes in centavos, but per lot until 2010. Four, where six do not do."""
    known = [price for price in prices if price is not None]
    for decimals in (2, 4, 6):
        if all(abs(round(price, decimals) - price) <= _EXACT * abs(price) for price in known):
            return decimals
    return 4 if min(map(abs, known)) >= 1 else 6


def _scaled(value: float | None, decimals: int) -> int | None:
    return None if value is None else round(value * 10**decimals)


def differences(values: Sequence[int | None]) -> list[int | None]:
    """Each as the difference to the last known one before it, the first to 0."""
    before, found = 0, list[int | None]()
    for value in values:
        found.append(None if value is None else value - before)
        before = before if value is None else value
    return found


def _filled(values: Sequence[int | None]) -> list[int]:
    """Each, or the last known one before it, or 0."""
    before, found = 0, []
    for value in values:
        before = before if value is None else value
        found.append(before)
    return found


def _less(price: int | None, close: int) -> int | None:
    return None if price is None else price - close


def _changes(factors: Sequence[float]) -> list[list[float]]:
    """Where a factor differs from the one before: its position and the factor."""
    return [[at, factor] for at, factor in enumerate(factors) if at == 0 or factor != factors[at - 1]]
