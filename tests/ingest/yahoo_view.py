"""A share as it was traded, and as Yahoo tells it on a later day: in exact fractions, printed as 32-bit floats."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa

from b3lake.ingest.as_traded import Payment, Split
from b3lake.lake.calendar import day_start_utc, sessions_between

FIRST = dt.date(2023, 3, 1)
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class TradedDay:
    """A day's facts; prices in hundredths of a real, `split` as a fraction of shares after per share before."""

    day: dt.date
    prices: tuple[int, int, int, int]
    volume: int
    dividend: Fraction = Fraction(0)
    split: Fraction = Fraction(1)


@dataclass(frozen=True)
class YahooView:
    """Yahoo's bars, splits and payments."""

    bars: pa.Table
    splits: list[Split]
    payments: list[Payment]


def trade(closes: Sequence[int], events: Mapping[int, tuple[str, str]] | None = None) -> list[TradedDay]:
    """Days with these closes (hundredths) from FIRST on; `events` gives a day's dividend and split as decimals."""
    days = sessions_between(FIRST, FIRST + dt.timedelta(days=len(closes) * 3 + 30))
    traded = []
    for i, close in enumerate(closes):
        dividend, split = (events or {}).get(i, ("0", "1"))
        low, high = close - close // 50, close + close // 40
        traded.append(
            TradedDay(
                days[i], (close + close // 100, high, low, close), 100 * (1000 + i), Fraction(dividend), Fraction(split)
            )
        )
    return traded


def seen_by_yahoo(
    traded: Sequence[TradedDay],
    known_until: dt.date | None = None,
    applied: Mapping[int, int] | None = None,
    *,
    forgotten: Sequence[int] = (),
) -> YahooView:
    """What Yahoo says of `traded` on `known_until` (default: the last day), which is what comes to this day.

    `applied` says how often the split of a day is divided out (default 1), `forgotten` which splits are not listed.
    """
    known = [day for day in traded if known_until is None or day.day <= known_until]
    rows = []
    for i, day in enumerate(known):
        shares = Fraction(1)
        for j in range(i + 1, len(known)):
            shares *= known[j].split ** (applied or {}).get(j, 1)
        rows.append((day, shares))
    columns: dict[str, list[object]] = {
        "day": [day.day for day, _ in rows],
        "ts": [day_start_utc(day.day) for day, _ in rows],
    }
    for i, name in enumerate(PRICES):
        columns[name] = [single(Fraction(day.prices[i], 100) / shares) for day, shares in rows]
    columns["volume"] = [round(day.volume * shares) for day, shares in rows]
    types = {"day": pa.date32(), "ts": pa.timestamp("us"), "volume": pa.int64()}
    bars = pa.table({name: pa.array(values, types.get(name, pa.float64())) for name, values in columns.items()})
    splits = [
        Split(day.day, float(day.split)) for i, (day, _) in enumerate(rows) if day.split != 1 and i not in forgotten
    ]
    payments = [Payment(day.day, round(float(day.dividend / shares), 6)) for day, shares in rows if day.dividend]
    return YahooView(bars, splits, payments)


def single(number: Fraction) -> float:
    """A number as Yahoo prints it."""
    return float(np.float32(float(number)))


def facts(traded: Sequence[TradedDay]) -> Iterator[dict[str, object]]:
    """The rows that are right: decimals as Python reads them."""
    for day in traded:
        prices = {
            name: float(f"{price // 100}.{price % 100:02}") for name, price in zip(PRICES, day.prices, strict=True)
        }
        split = 0.0 if day.split == 1 else float(day.split)
        yield {"day": day.day, **prices, "volume": day.volume, "dividends": float(day.dividend), "stock_splits": split}
