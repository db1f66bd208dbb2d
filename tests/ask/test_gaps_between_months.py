"""A month's return after a month whose end is missing is not that of one month, and is not given as such."""

import datetime as dt
import math
from collections import Counter

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ask.test_beside_questions import ask

SESSIONS = [
    session.date() for session in exchange_calendars.get_calendar("BVMF", start="2004-01-01").sessions_in_range(
        "2004-01-02", "2025-12-30"
    )
]  # fmt: skip
SHORT = [day for day in SESSIONS if 2016 <= day.year < 2020]
ALWAYS_ENDS_ON_A_WEEKDAY = [1, 4, 6, 7, 8, 9, 10, 11]


def month_of(day: dt.date) -> tuple[int, int]:
    return day.year, day.month


def before(month: tuple[int, int]) -> tuple[int, int]:
    year, number = month
    return (year, number - 1) if number > 1 else (year - 1, 12)


def last_of_each(days: list[dt.date]) -> dict[tuple[int, int], dt.date]:
    return {month_of(day): day for day in sorted(days)}


ENDS = last_of_each(SESSIONS)


def history(**days_of: list[dt.date]) -> pd.DataFrame:
    frames = []
    for number, (ticker, days) in enumerate(days_of.items()):
        close = {day: 20 * math.exp(0.3 * math.sin(day.toordinal() / (40 + number))) for day in days}
        frame = {"ticker": ticker, "trade_date": list(close), "adj_close_price": list(close.values())}
        frames.append(pd.DataFrame(frame))
    return pd.concat(frames, ignore_index=True).astype({"trade_date": "datetime64[s]"})


def expected(rows: pd.DataFrame, ticker: str) -> list[tuple]:
    """The answer for `ticker` by B3's calendar: from the close of the last session of the month before."""
    its = rows[rows["ticker"] == ticker]
    closes = dict(zip(its["trade_date"].dt.date, its["adj_close_price"], strict=True))
    counts, last = Counter(map(month_of, closes)), last_of_each(list(closes))
    wanted = []
    for month in sorted(last):
        base = closes.get(ENDS.get(before(month)))
        change = None if base is None else 100 * (closes[last[month]] / base - 1)
        wanted.append((ticker, dt.date(*month, 1), counts[month], change))
    return wanted


def monthly(rows: pd.DataFrame, ticker: str = "PETR4") -> list[tuple]:
    return [row for row in ask("monthly_returns", b3_daily_history=rows) if row[0] == ticker]


def assert_same(answered: list[tuple], wanted: list[tuple]) -> None:
    assert [row[:3] for row in answered] == [row[:3] for row in wanted]
    for row, right in zip(answered, wanted, strict=True):
        assert row[3] == (None if right[3] is None else pytest.approx(right[3], rel=1e-9, abs=1e-9)), row


def test_every_month_of_two_decades_has_a_return_where_nothing_is_missing() -> None:
    rows = history(PETR4=SESSIONS)
    answered = monthly(rows)
    assert_same(answered, expected(rows, "PETR4"))
    assert [row[1] for row in answered if row[3] is None] == [dt.date(2004, 1, 1)]


@settings(max_examples=40)
@given(st.data())
def test_beside_a_ticker_that_lacks_nothing(data: st.DataObject) -> None:
    """Any days may be missing: the month has a return where the last session of the one before is there."""
    missing = set()
    for _ in range(data.draw(st.integers(1, 6))):
        first = data.draw(st.integers(0, len(SHORT) - 1))
        missing.update(SHORT[first : first + data.draw(st.sampled_from([1, 2, 10, 45]))])
    rows = history(PETR4=[day for day in SHORT if day not in missing] or SHORT[:1], VALE3=SHORT)
    for ticker in ("PETR4", "VALE3"):
        assert_same(monthly(rows, ticker), expected(rows, ticker))


@settings(max_examples=40)
@given(st.integers(1, 46), st.sampled_from([1, 2, 4, 8, 30, 60]), st.booleans())
def test_where_the_host_was_off_and_no_ticker_has_the_days(number: int, count: int, with_another: bool) -> None:
    """The end of a month is missing to all: five sessions of any month, one of those that always end on a weekday."""
    end = sorted(ENDS[month] for month in {month_of(day) for day in SHORT})[number]
    if end.month not in ALWAYS_ENDS_ON_A_WEEKDAY:
        count = max(count, 5)
    at = SHORT.index(end)
    days = [day for i, day in enumerate(SHORT) if not at - count < i <= at]
    rows = history(PETR4=days, **({"VALE3": days} if with_another else {}))
    assert_same(monthly(rows), expected(rows, "PETR4"))


def test_whole_months_that_are_missing() -> None:
    days = [day for day in SHORT if (day.year, day.month) not in {(2017, 6), (2017, 7), (2018, 12)}]
    answered = {row[1]: row[3] for row in monthly(history(PETR4=days))}
    nulls = [month for month, change in answered.items() if change is None]
    assert nulls == [dt.date(2016, 1, 1), dt.date(2017, 8, 1), dt.date(2019, 1, 1)]


def test_before_carnival_the_other_tickers_tell_that_a_session_is_missing() -> None:
    days = [day for day in SHORT if day != dt.date(2018, 2, 28)]
    both, alone = history(PETR4=days, VALE3=SHORT), history(PETR4=days)
    march = [{row[1]: row[3] for row in monthly(rows)}[dt.date(2018, 3, 1)] for rows in (both, alone)]
    assert march[0] is None
    assert march[1] is not None, "2017's February ended on the 24th"


def test_a_real_return_counts_no_month_after_a_gap() -> None:
    """February 2018 lacks its last session, and September 2018 is not there at all."""
    gap = [ENDS[2018, 2]]
    days = [day for day in SHORT if day not in gap and month_of(day) != (2018, 9)]
    rows = history(PETR4=days, VALE3=SHORT)
    months = pd.date_range("2016-01-01", "2019-12-01", freq="MS")
    rates = pd.DataFrame({"series": "IPCA", "day": months, "value": np.linspace(0.1, 0.9, 48), "unit": "% a month"})
    inflation = {(day.year, day.month): 1 + value / 100 for day, value in zip(months, rates["value"], strict=True)}
    answered = ask("real_returns", b3_daily_history=rows, br_rates=rates.astype({"day": "datetime64[s]"}))
    of_petr = {row[1]: row[2:] for row in answered if row[0] == "PETR4"}
    assert {year: row[0] for year, row in of_petr.items()} == {2016: 11, 2017: 12, 2018: 9, 2019: 12}
    for year, (_, gained, prices, above) in of_petr.items():
        known = [row for row in expected(rows, "PETR4") if row[1].year == year and row[3] is not None]
        share = math.prod(1 + row[3] / 100 for row in known)
        paid = math.prod(inflation[month_of(row[1])] for row in known)
        assert (gained, prices, above) == pytest.approx(
            (100 * (share - 1), 100 * (paid - 1), 100 * (share / paid - 1)), rel=1e-9
        )
    assert {row[1]: row[2] for row in answered if row[0] == "VALE3"} == {2016: 11, 2017: 12, 2018: 12, 2019: 12}
