"""Invented shares with events: the same whatever range is asked for, and true to their own arithmetic."""

import datetime as dt
import itertools
from fractions import Fraction

from devlake.invented_events import traded
from devlake.invented_quotes import daily_bars

FIRST, LAST = dt.date(2019, 12, 20), dt.date(2024, 1, 31)
SYMBOLS = ("PETR4.SA", "VALE3.SA", "ITUB4.SA", "BBDC4.SA", "BBAS3.SA", "ABEV3.SA", "WEGE3.SA", "B3SA3.SA")


def test_a_range_is_a_part_of_a_longer_one() -> None:
    for symbol in SYMBOLS:
        whole = {day.day: day for day in traded(symbol, FIRST, LAST)}
        for first in (dt.date(2021, 3, 1), dt.date(2022, 6, 15), dt.date(2023, 12, 29)):
            part = list(traded(symbol, first, LAST))
            assert part == [day for key, day in whole.items() if key >= first]


def test_splits_move_prices_and_every_share_has_dividends() -> None:
    ratios = set()
    for symbol in SYMBOLS:
        days = list(traded(symbol, FIRST, LAST))
        plain = {bar["day"]: bar for bar in daily_bars(symbol, FIRST, LAST)}
        assert [day.day for day in days] == list(plain)
        splits = [day.split for day in days if day.split != 1]
        assert len(splits) in {4, 5}
        assert all(one * other == 1 for one, other in itertools.pairwise(splits))
        ratios |= set(splits)
        shares = Fraction(1)
        for day in reversed(days):  # in the shares of the last day the walk is the plain one, or half of it
            now = plain[day.day]["close"] * (1 if plain[days[-1].day]["close"] * 100 - days[-1].prices[-1] < 2 else 0.5)
            assert abs(float(day.prices[-1] / 100 / shares) - now) < 0.03
            shares *= day.split
        assert len([day for day in days if day.dividend]) >= 12
    assert ratios == {Fraction(2), Fraction(1, 2)}
