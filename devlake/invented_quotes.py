"""Invented quotes on B3's sessions, which the fake Yahoo and the fake B3 both serve.

The prices are a function of symbol and date alone: the same days have the same quotes, whatever the range that is asked
for, on every machine.
"""

import datetime as dt
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import exchange_calendars
import numpy as np

from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.tickers import INDEX_SYMBOL, YAHOO_SUFFIX, is_code

FIRST_SESSION = dt.date(2000, 1, 3)
OPENS_AT = dt.time(10, 0)
SESSION_MINUTES = 480

Bar = dict[str, Any]
"""day, ts (epoch seconds), open, high, low, close (BRL), volume (shares)."""


def has_quotes(symbol: str) -> bool:
    """Whether `symbol`, as Yahoo writes it, is well formed."""
    return symbol == INDEX_SYMBOL or (symbol.endswith(YAHOO_SUFFIX) and is_code(symbol.removesuffix(YAHOO_SUFFIX)))


def daily_bars(symbol: str, first: dt.date, last: dt.date) -> Iterator[Bar]:
    """A bar of every session from `first` to `last`."""
    return bars(symbol, first, last, SESSION_MINUTES)


def bars(symbol: str, first: dt.date, last: dt.date, minutes: int) -> Iterator[Bar]:
    """The bars, `minutes` long, of every session from `first` to `last`: a straight way from close to close."""
    days, closes, volumes = _history(symbol)
    begin = int(np.searchsorted(days, first.toordinal()))
    end = int(np.searchsorted(days, last.toordinal(), side="right"))
    steps = max(1, SESSION_MINUTES // minutes)
    for i in range(begin, end):
        day = dt.date.fromordinal(int(days[i]))
        path = np.linspace(closes[i - 1] if i else closes[i], closes[i], steps + 1).round(2)
        for step in range(steps):
            low, high = sorted((path[step], path[step + 1]))
            yield {
                "day": day,
                "ts": opening(day) + step * minutes * 60,
                "open": float(path[step]),
                "high": round(float(high) * 1.004, 2),
                "low": round(float(low) * 0.996, 2),
                "close": float(path[step + 1]),
                "volume": int(volumes[i]) // steps,
            }


def opening(day: dt.date) -> int:
    """The second since 1970 at which a session opens."""
    return int(dt.datetime.combine(day, OPENS_AT, B3_ZONE).timestamp())


@lru_cache(maxsize=256)
def _history(symbol: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ordinals, closes (BRL) and volumes (shares) of every session: a random walk that the symbol seeds."""
    days = _session_ordinals()
    chance = np.random.default_rng(zlib.crc32(symbol.encode()))
    level = 120_000.0 if symbol.startswith("^") else float(chance.uniform(8, 80))
    # Pulled back to its level, so that no price nears zero in decades.
    walk, steps = np.empty(len(days)), chance.normal(0, 0.017, len(days))
    position = 0.0
    for i, step in enumerate(steps):
        position = position * 0.995 + step
        walk[i] = position
    volumes = chance.lognormal(16.5, 0.4, len(days)).astype(np.int64) // 100 * 100
    return days, (level * np.exp(walk)).round(2), volumes


@lru_cache(maxsize=1)
def _session_ordinals() -> np.ndarray:
    end = dt.datetime.now(B3_ZONE).date() + dt.timedelta(days=300)
    calendar = exchange_calendars.get_calendar("BVMF", start=FIRST_SESSION.isoformat(), end=end.isoformat())
    return np.array([session.toordinal() for session in calendar.sessions])
