"""Which rows may enter the lake, and why the others may not; pure."""

import datetime as dt
import math

import pyarrow as pa
import pytest

from b3lake.ingest.validate import carried_forward, causes, count_days, disagreeing, gaps, outside, refusals, validate
from tests.ingest.lake_cases import DAYS, table

HOLIDAY = dt.date(2024, 5, 1)
RANGE = {"start": DAYS[0], "end": DAYS[-1]}


def kept(bars: pa.Table) -> list[tuple[object, ...]]:
    """Ticker, day, hour (UTC) and volume of the rows that may enter."""
    rows = validate(bars, **RANGE).bars.to_pylist()
    return [(row["ticker"], row["day"], row["ts"].hour, row["volume"]) for row in rows]


def hours(*given: int, day: dt.date = DAYS[0]) -> list[dt.datetime]:
    return [dt.datetime.combine(day, dt.time(hour)) for hour in given]


def test_rows_are_in_the_order_of_ticker_day_and_moment():
    several = [
        table("VALE3", [DAYS[1]], volume=[1]),
        table("PETR4", [DAYS[1]], volume=[2]),
        table("VALE3", [DAYS[0]] * 2, ts=hours(14, 13), volume=[3, 4]),
    ]
    assert kept(pa.concat_tables(several)) == [
        ("PETR4", DAYS[1], 3, 2),
        ("VALE3", DAYS[0], 13, 4),
        ("VALE3", DAYS[0], 14, 3),
        ("VALE3", DAYS[1], 3, 1),
    ]


def test_of_two_rows_of_one_moment_the_last_stands():
    twice = table("PETR4", [DAYS[0]] * 3, ts=hours(13, 14, 13), volume=[1, 2, 3])
    others = table("VALE3", [DAYS[0]], ts=hours(13), volume=[4])
    assert kept(pa.concat_tables([twice, others])) == [
        ("PETR4", DAYS[0], 13, 3),
        ("PETR4", DAYS[0], 14, 2),
        ("VALE3", DAYS[0], 13, 4),
    ]
    assert kept(twice.slice(0, 1)) == [("PETR4", DAYS[0], 13, 1)]
    assert kept(twice.slice(0, 0)) == []


def test_only_days_of_the_range_are_kept_and_the_others_are_no_fault():
    days = [HOLIDAY, *DAYS, dt.date(2024, 5, 9)]
    found = validate(table(days=days, low=[-1.0, *[9.0] * 5, -1.0]), **RANGE)
    assert found.bars["day"].to_pylist() == DAYS
    assert found.refused == {}


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"volume": [-1]}, "negative volume"),
        ({"high": [9.4]}, "high below low"),
        ({"low": [0.0]}, "zero or negative price"),
        ({"open": [-0.01]}, "zero or negative price"),
        ({"close": [0.0]}, "zero or negative price"),
        ({"high": [None]}, "null price"),
        ({"close": [math.inf]}, "null price"),
        ({"open": [math.nan]}, "null price"),
        ({"volume": [-1], "low": [0.0]}, "zero or negative price"),
        ({"low": [0.0], "high": [None]}, "null price"),
        ({"volume": [0]}, ""),
        ({"volume": [None]}, ""),
        ({"open": [10.5], "low": [10.5], "high": [10.5], "close": [10.5]}, ""),
    ],
)
def test_an_impossible_row_is_refused_with_its_reason(columns: dict[str, list[object]], reason: str):
    bars = table(days=[DAYS[0]], **columns)
    assert refusals(bars).tolist() == [reason]
    found = validate(pa.concat_tables([bars, table("VALE3", DAYS[:1])]), **RANGE)
    assert found.bars["ticker"].to_pylist() == (["VALE3"] if reason else ["PETR4", "VALE3"])
    assert found.refused == ({"PETR4": {DAYS[0]: reason}} if reason else {})


def test_a_closed_day_without_a_trade_is_left_out_and_one_with_a_trade_is_kept():
    bars = table(days=[HOLIDAY] * 3, ts=hours(3, 4, 5, day=HOLIDAY), volume=[0, 7, None])
    assert carried_forward(bars).tolist() == [True, False, True]
    assert carried_forward(table(days=DAYS[:1], volume=[0])).tolist() == [False]
    found = validate(bars, start=HOLIDAY, end=HOLIDAY)
    assert (found.bars["volume"].to_pylist(), found.refused) == ([7], {})
    impossible = table(days=[HOLIDAY], volume=[0], low=[0.0])
    assert validate(impossible, start=HOLIDAY, end=HOLIDAY).refused == {}, "it is left out before it is judged"


def test_an_open_or_a_close_outside_the_range_of_the_day_is_said_in_words():
    bars = table(days=DAYS[:4], open=[10.0, 10.6, 10.0, 9.4], close=[10.1, 10.1, 10.6, 10.1])
    assert outside(bars) == {
        1: "open 10.6, close 10.1 where low is 9.5 and high 10.5",
        2: "open 10, close 10.6 where low is 9.5 and high 10.5",
        3: "open 9.4, close 10.1 where low is 9.5 and high 10.5",
    }


def test_a_turnover_that_disagrees_is_said_in_words():
    bars = table(days=DAYS[:4], turnover=[10_000.0, 100.0, 200_000.0, None])
    assert disagreeing(bars) == {
        1: "a turnover of 100.00 BRL for 1000 shares at 9.5 to 10.5",
        2: "a turnover of 200000.00 BRL for 1000 shares at 9.5 to 10.5",
    }


def test_causes_are_a_phrase_a_reason_with_the_first_days():
    assert causes({}) == ""
    assert causes({DAYS[0]: "null price"}) == "1 bar refused: null price (2024-05-02)"
    reasons = dict.fromkeys(reversed(DAYS[:4]), "null price") | {DAYS[4]: "negative volume"}
    assert causes(reasons, "doubtful") == (
        "4 bars doubtful: null price (2024-05-02, 2024-05-03, 2024-05-06, …); "
        "1 bar doubtful: negative volume (2024-05-08)"
    )
    assert causes(dict.fromkeys(DAYS[:3], "x")).endswith("x (2024-05-02, 2024-05-03, 2024-05-06)")


def test_gaps_are_the_expected_days_from_the_listing_on():
    assert gaps(DAYS, {DAYS[1], DAYS[3]}) == [DAYS[0], DAYS[2], DAYS[4]]
    assert gaps(DAYS, {DAYS[3]}, DAYS[2]) == [DAYS[2], DAYS[4]]
    assert gaps(DAYS, DAYS) == []


def test_days_are_counted_and_not_rows():
    bars = pa.concat_tables([table("PETR4", [DAYS[0]] * 3, ts=hours(3, 4, 5)), table("VALE3", DAYS)])
    assert count_days(bars) == {"PETR4": 1, "VALE3": 5}
    assert count_days(bars.slice(0, 0)) == {}
