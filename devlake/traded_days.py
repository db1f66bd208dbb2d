"""A share as it was traded, day by day, in exact numbers: what the fake Yahoo and the fake B3 tell, each in its way.

days = trade([4000, 4040, 1015, 1010], {2: ("0.50", "4")})     # a dividend of 0.50 and a split of 4 on the third day
fakes = FakeYahoo({"PETR4.SA": [YahooShare("PETR4.SA", days)]}), FakeB3(cotahist_records("PETR4", days))
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from b3lake.lake.calendar import sessions_between
from devlake.cotahist_writer import quote

FIRST = dt.date(2023, 3, 1)
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class TradedDay:
    """A day's facts: `prices` in hundredths of a real, in the order of PRICES; `volume` in shares.

    `dividend` is BRL per share held before, `split` shares after per share before.
    """

    day: dt.date
    prices: tuple[int, int, int, int]
    volume: int
    dividend: Fraction = Fraction(0)
    split: Fraction = Fraction(1)


def trade(
    closes: Sequence[int], events: Mapping[int, tuple[str, str]] | None = None, first: dt.date = FIRST
) -> list[TradedDay]:
    """Sessions with these closes (hundredths) from `first` on; `events` has a day's dividend and split as decimals."""
    days = sessions_between(first, first + dt.timedelta(days=len(closes) * 3 + 30))
    traded = []
    for i, close in enumerate(closes):
        dividend, split = (events or {}).get(i, ("0", "1"))
        prices = (close + close // 100, close + close // 40, close - close // 50, close)
        traded.append(TradedDay(days[i], prices, 100 * (1000 + i), Fraction(dividend), Fraction(split)))
    return traded


def shares_later(days: Sequence[TradedDay], applied: Mapping[dt.date, int] | None = None) -> list[Fraction]:
    """For each day how many shares of the last day one of its shares has become.

    `applied` says how often the split of a day counts, by default once.
    """
    shares = [Fraction(1)] * len(days)
    for i in range(len(days) - 2, -1, -1):
        following = days[i + 1]
        shares[i] = shares[i + 1] * following.split ** (applied or {}).get(following.day, 1)
    return shares


def facts(days: Sequence[TradedDay]) -> Iterator[dict[str, object]]:
    """The rows that are right, by their names in bronze: decimals as Python reads them."""
    for day in days:
        prices = {
            name: float(f"{price // 100}.{price % 100:02}") for name, price in zip(PRICES, day.prices, strict=True)
        }
        split = 0.0 if day.split == 1 else float(day.split)
        yield {"day": day.day, **prices, "volume": day.volume, "dividends": float(day.dividend), "stock_splits": split}


def cotahist_records(code: str, days: Sequence[TradedDay]) -> list[bytes]:
    """The days as the exchange's own record has them."""
    return [
        quote(
            code=code,
            day=int(f"{day.day:%Y%m%d}"),
            volume=day.volume,
            turnover=day.volume * day.prices[-1],
            **dict(zip(PRICES, day.prices, strict=True)),
        )
        for day in days
    ]
