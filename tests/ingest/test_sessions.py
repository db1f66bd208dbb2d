"""The calendar of B3, and what it says of a moment."""

import csv
import datetime as dt
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from b3lake.ingest.sources.cotahist import CotahistError, read_file
from b3lake.lake import calendar
from b3lake.lake.calendar import (
    B3_ZONE,
    FIRST_DAY,
    day_start_utc,
    is_final,
    is_session,
    last_final_day,
    last_final_session,
    session_after,
    sessions_between,
    trailing_window,
)


def test_calendar_agrees_with_the_recorded_closed_weekdays(shared_data: Path):
    path = shared_data / "b3_calendar" / "b3_closed_weekdays_2022-2027.csv"
    with path.open(newline="") as lines:
        closed = {dt.date.fromisoformat(row["closed_weekday"]) for row in csv.DictReader(lines)}
    first, last = dt.date(2022, 1, 1), dt.date(2027, 12, 31)
    weekdays = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    weekdays = [day for day in weekdays if day.weekday() < 5]
    assert [day for day in weekdays if not is_session(day)] == sorted(closed)


def test_days_on_which_nothing_was_traded_are_no_sessions(shared_data: Path):
    path = shared_data / "b3_calendar" / "sessions_not_held_1994-07_1999.csv"
    with path.open(newline="") as lines:
        days = [dt.date.fromisoformat(row["date"]) for row in csv.DictReader(lines)]
    assert len(days) == 11
    assert [day for day in days if is_session(day)] == []
    assert set(sessions_between(FIRST_DAY, dt.date(1999, 12, 31))).isdisjoint(days)


@pytest.mark.parametrize("held", [True, False])
def test_facts_stand_whatever_the_library_says(monkeypatch: pytest.MonkeyPatch, held: bool):
    """Should exchange-calendars come to know that 1997-07-09 was a holiday, nothing changes here."""
    theirs = pd.DatetimeIndex(["1997-07-08", "1997-07-10"] + ["1997-07-09"] * held)
    monkeypatch.setattr("exchange_calendars.get_calendar", lambda *_, **__: SimpleNamespace(sessions=theirs))
    assert calendar._all_sessions.__wrapped__() == (dt.date(1997, 7, 8), dt.date(1997, 7, 10))


def test_the_lake_begins_with_the_first_session_in_reais():
    assert sessions_between(dt.date(1986, 1, 1), dt.date(1994, 7, 6))[0] == dt.date(1994, 7, 4) == FIRST_DAY
    assert not is_session(dt.date(1994, 6, 30))


def test_the_recorded_days_are_sessions(shared_data: Path):
    """2016-02-29 is a day that calendars made from other sources miss."""
    for path in sorted((shared_data / "cotahist").glob("COTAHIST_D*2[0-9][0-9][0-9].[TZ]*")):
        try:
            days = read_file(path).days
        except CotahistError:
            continue  # the truncated one
        assert all(is_session(day) for day in days)
    assert is_session(dt.date(2016, 2, 29))


def test_sessions_on_which_shares_were_traded(shared_data: Path):
    """The days of Yahoo's old downloads with any volume are sessions."""
    path = shared_data / "yahoo_csv" / "PETR4.SA.csv"
    with path.open(newline="") as lines:
        traded = [
            dt.date.fromisoformat(row["Date"])
            for row in csv.DictReader(lines)
            if row["Volume"] not in {"null", "0"} and row["Date"] >= "2015"
        ]
    assert [day for day in traded if not is_session(day)] == []


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2024-05-10T19:59", "2024-05-09"),
        ("2024-05-10T20:00", "2024-05-10"),
        ("2024-05-11T12:00", "2024-05-10"),
        ("2024-05-13T09:00", "2024-05-10"),
        ("2024-05-30T23:00", "2024-05-29"),  # Corpus Christi
    ],
)
def test_last_final_session(moment: str, day: str):
    local = dt.datetime.fromisoformat(moment).replace(tzinfo=B3_ZONE)
    assert last_final_session(local) == dt.date.fromisoformat(day)
    assert last_final_session(local.astimezone(dt.timezone.utc)) == dt.date.fromisoformat(day)


def test_trailing_window_counts_sessions():
    assert trailing_window(dt.date(2024, 5, 10), 7) == dt.date(2024, 5, 2)
    assert len(sessions_between(trailing_window(dt.date(2024, 1, 3), 30), dt.date(2024, 1, 3))) == 30


def test_final_is_from_eight_in_the_evening():
    day = dt.date(2024, 5, 10)
    assert not is_final(day, dt.datetime(2024, 5, 10, 22, 59, tzinfo=dt.timezone.utc))
    assert is_final(day, dt.datetime(2024, 5, 10, 23, 0, tzinfo=dt.timezone.utc))


def test_start_of_day_knows_summer_time():
    assert [day_start_utc(dt.date(year, 1, 3)).hour for year in (2018, 2024)] == [2, 3]


def test_a_window_longer_than_b3s_records_is_all_of_them():
    assert trailing_window(dt.date(1994, 7, 12), 10**8) == FIRST_DAY


def test_what_b3_published_is_final_at_once_and_no_day_before_it_came() -> None:
    day = dt.date(2024, 5, 10)
    for hour, minute, is_past in ((2, 59, False), (3, 0, True)):
        moment = dt.datetime(2024, 5, 10, hour, minute, tzinfo=dt.timezone.utc)
        assert is_final(day, moment, published=True) is is_past
        assert not is_final(day, moment)


@pytest.mark.parametrize(
    ("day", "following"),
    [("2100-01-01", 3), ("2100-01-02", 2), ("2100-01-03", 1), ("2100-01-04", 1), ("2100-01-07", 1)],
)
def test_where_the_calendar_ends_the_next_weekday_follows(day: str, following: int) -> None:
    """2100 begins with a Friday."""
    start = dt.date.fromisoformat(day)
    assert session_after(start) == start + dt.timedelta(days=following)


def test_the_last_session_of_the_calendar_has_no_session_after_it() -> None:
    last = sessions_between(dt.date(2020, 1, 1), dt.date.max)[-1]
    assert last.year == dt.datetime.now(B3_ZONE).year + 1
    assert session_after(sessions_between(FIRST_DAY, last)[-2]) == last
    days = [last + dt.timedelta(days=number) for number in range(1, 4)]
    assert session_after(last) == next(day for day in days if day.weekday() < 5)


def test_the_newest_day_that_no_longer_changes_may_be_no_session() -> None:
    for moment, day in (("2024-05-11T20:00", 11), ("2024-05-11T19:59", 10), ("2024-05-12T00:00", 11)):
        local = dt.datetime.fromisoformat(moment).replace(tzinfo=B3_ZONE)
        assert last_final_day(local.astimezone(dt.timezone.utc)) == dt.date(2024, 5, day)


def test_windows_of_one_session_and_from_a_day_without_one() -> None:
    assert trailing_window(dt.date(2024, 5, 10), 1) == dt.date(2024, 5, 10)
    assert trailing_window(dt.date(2024, 5, 12), 1) == dt.date(2024, 5, 10)
    assert trailing_window(FIRST_DAY, 1) == FIRST_DAY


def test_sessions_include_both_ends() -> None:
    assert sessions_between(dt.date(2024, 5, 9), dt.date(2024, 5, 10)) == [dt.date(2024, 5, 9), dt.date(2024, 5, 10)]
    assert sessions_between(dt.date(2024, 5, 11), dt.date(2024, 5, 12)) == []
