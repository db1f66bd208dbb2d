"""Invented shares that pay dividends and split, for lakes that people look at: what Yahoo would answer about them.

    >>> [(str(day.day), day.split) for day in traded("PETR4.SA", start, end) if day.split != 1]
    [('2026-11-03', Fraction(2, 1))]

Events are a function of symbol and date, as the prices are: every quarter a dividend of a hundredth of the price; once
in two years a split in two, and in the year after it a grouping of two into one. The index has none.
"""

import datetime as dt
import itertools
import zlib
from collections.abc import Iterator
from fractions import Fraction

from b3lake.lake.calendar import B3_ZONE, sessions_between
from devlake.fake_http import Reply
from devlake.fake_yahoo import Query, synthetic
from devlake.invented_quotes import daily_bars, has_quotes
from devlake.traded_days import PRICES, TradedDay
from devlake.yahoo_share import YahooShare

DIVIDEND_MONTHS = (3, 6, 9, 12)
SPLIT, GROUPING, NOTHING = Fraction(2), Fraction(1, 2), Fraction(1)
_MONTH = dt.timedelta(days=31)


def with_events(query: Query) -> Reply:
    """As `synthetic`, with events, in the shares of today."""
    if not has_quotes(query.symbol) or query.symbol.startswith("^"):
        return synthetic(query)
    first = dt.datetime.fromtimestamp(max(query.start, 0), B3_ZONE).date()
    days = list(traded(query.symbol, first, dt.datetime.now(B3_ZONE).date()))
    return YahooShare(query.symbol, days)(query) if days else synthetic(query)


def traded(symbol: str, first: dt.date, last: dt.date) -> Iterator[TradedDay]:
    """The sessions of an invented share as it was traded, with its events on the first one of a month."""
    month = zlib.crc32(symbol.encode()) % 12 + 1
    sessions = sessions_between(max(first - _MONTH, dt.date(2000, 1, 3)), last)
    opening = {day for before, day in itertools.pairwise(sessions) if before.month != day.month}
    for bar in daily_bars(symbol, first, last):
        day: dt.date = bar["day"]
        is_split = day in opening and day.month == month
        is_paid = day in opening and day.month in DIVIDEND_MONTHS and not is_split
        # From its month of an even year to that of the odd year after it, a share of before is two.
        shares = 2 if (day.year % 2 == 0) == (day.month >= month) else 1
        opens, high, low, close = (max(1, round(bar[name] * 100 / shares)) for name in PRICES)
        yield TradedDay(
            day,
            (opens, high, low, close),
            bar["volume"] * shares,
            Fraction(max(1, close // 100), 100) if is_paid else Fraction(0),
            (SPLIT if day.year % 2 == 0 else GROUPING) if is_split else NOTHING,
        )
