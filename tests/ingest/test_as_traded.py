"""Yahoo's answers as facts: right to the cent, the same whenever they are asked for, and honest about what is odd."""

import datetime as dt
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.as_traded import AsTraded, Payment, Split, as_traded
from b3lake.ingest.decimals import restore_dividends, restore_prices, restore_volumes, shortest
from devlake.traded_days import FIRST, PRICES, facts, trade
from tests.ingest.yahoo_view import YahooView, seen_by_yahoo

RATIOS = ["4", "2", "10", "0.1", "0.01", "1.05", "1.1", "1.331", "1.155", "1.03", "3", "0.2", "0.04", "100", "1.5"]
COLUMNS = ["day", *PRICES, "volume", "dividends", "stock_splits"]


def restored(view: YahooView) -> AsTraded:
    return as_traded(view.bars, view.splits, view.payments)


def rows(result: AsTraded) -> list[dict[str, object]]:
    return result.bars.select(COLUMNS).to_pylist()


@given(st.lists(st.integers(1, 2_000_000), min_size=1, max_size=40), st.lists(st.sampled_from(RATIOS), max_size=3))
def test_cents_come_back_through_any_splits(cents: list[int], ratios: list[str]):
    factor = float(np.prod([Fraction(ratio) for ratio in ratios])) if ratios else 1.0
    prices = np.array([float(f"{cent // 100}.{cent % 100:02}") for cent in cents])
    printed = (prices / factor).astype(np.float32).astype(np.float64)
    assert restore_prices(printed, np.full(len(prices), factor)).tolist() == prices.tolist()


@given(st.lists(st.integers(1, 99_999), min_size=1, max_size=40), st.sampled_from(RATIOS))
def test_prices_that_were_quoted_per_thousand_shares_come_back_too(thousandths: list[int], ratio: str):
    prices = np.array([float(f"0.{number:05}") for number in thousandths])
    printed = (prices / float(ratio)).astype(np.float32).astype(np.float64)
    assert restore_prices(printed, np.full(len(prices), float(ratio))).tolist() == prices.tolist()


@given(st.floats(0.015625, 20_000, width=32), st.sampled_from([2.0, 4.0, 8.0, 0.5]))
def test_doubling_shares_loses_nothing_of_a_price_that_is_no_cents(price: float, ratio: float):
    before, after = restore_prices(np.array([price, float(np.float32(price / ratio))]), np.array([1.0, ratio]))
    assert before == after == shortest(np.array([price]))[0]


@given(
    st.lists(st.integers(0, 99_999), min_size=1, max_size=20),
    st.sampled_from(["4", "2", "10", "1.05", "1.1", "0.1", "0.01"]),
    st.sampled_from(["as six decimals", "as a 32-bit float", "as a 64-bit float"]),
)
def test_dividends_come_back_however_they_are_printed(amounts: list[int], ratio: str, printed_as: str):
    paid = np.array([float(f"0.{amount:05}"[:6]) for amount in amounts])
    printed = paid / float(ratio)
    if printed_as == "as six decimals":
        printed = printed.round(6)
    elif printed_as == "as a 32-bit float":
        printed = printed.astype(np.float32).astype(np.float64)
    assert restore_dividends(printed, np.full(len(paid), float(ratio))).tolist() == paid.tolist()


def test_what_was_never_divided_is_just_cleaned():
    assert restore_dividends(np.array([0.5600000023841858, 0.35048636]), np.ones(2)).tolist() == [0.56, 0.35048636]
    assert restore_prices(np.array([9.210999999999999, 127122.25]), np.ones(2)).tolist() == [9.211, 127122.25]


def test_volumes_are_whole_shares_and_whole_lots_where_a_grouping_left_no_more_to_tell():
    assert restore_volumes(
        np.array([134.0, 10_532.0, 123_457.0, 7.0]), np.array([1.331, 0.105, 0.1, 2.0])
    ).tolist() == [
        101.0,
        100_300.0,
        1_234_570.0,
        4.0,
    ]


def test_the_price_of_a_real_day_is_the_one_that_b3_printed(shared_data):
    """ITSA4 on 2016-02-29: 6.75, 6.85, 6.69, 6.82 at B3; two bonuses of 10 % and a subscription since."""
    line = next(
        line.split(",")
        for line in (shared_data / "yahoo_csv" / "ITSA4.SA.csv").read_text().splitlines()
        if line.startswith("2016-02-29")
    )
    printed = np.array([float(number) for number in line[1:5]])
    assert restore_prices(printed, np.full(4, 1.1 * 1.1 * 1.00661)).tolist() == [6.75, 6.85, 6.69, 6.82]


def test_a_day_has_the_same_facts_seen_from_before_and_after_a_later_split():
    traded = trade(
        [12591, 12600, 12480, 3135, 3120, 31300, 31100, 29700, 14800, 14907],
        {3: ("0.5", "4"), 5: ("0", "0.1"), 7: ("1.2345", "1.05"), 8: ("0", "2")},
    )
    whole = rows(restored(seen_by_yahoo(traded)))
    assert whole == list(facts(traded))
    for i, day in enumerate(traded):
        assert rows(restored(seen_by_yahoo(traded, known_until=day.day))) == whole[: i + 1]


@settings(max_examples=60)
@given(st.data())
def test_any_series_is_restored_whenever_it_is_asked_for(data: st.DataObject):
    price, closes, events = data.draw(st.integers(500, 50_000)), [], {}
    for i in range(data.draw(st.integers(2, 15))):
        dividend, split = "0", "1"
        if i and data.draw(st.booleans()):
            split = data.draw(st.sampled_from(RATIOS))
        if i and data.draw(st.booleans()):
            dividend = data.draw(st.sampled_from(["0.05", "0.1334", "0.4702", "0.01"]))
        moved = round(price * data.draw(st.floats(0.98, 1.02)) / float(split))
        if not 300 <= moved <= 1_000_000:
            split, moved = "1", price
        events[i] = (dividend, split)
        closes.append(moved)
        price = moved
    traded = trade(closes, events)
    until = data.draw(st.sampled_from(traded)).day
    result = restored(seen_by_yahoo(traded, known_until=until))
    known = [day for day in traded if day.day <= until]
    for i, (row, right) in enumerate(zip(rows(result), facts(known), strict=True)):
        shares = float(np.prod([1.0, *(float(later.split) for later in known[i + 1 :])]))
        # Yahoo rounds volumes to whole shares and dividends to six decimals of the newest day's shares.
        assert row.pop("dividends") == pytest.approx(right.pop("dividends"), abs=1e-6 * shares)
        assert row.pop("volume") == pytest.approx(right.pop("volume"), abs=1 / shares if shares < 0.02 else 0)
        assert row == right
    assert result.steps == []


@pytest.mark.parametrize(
    ("closes", "event"),
    [
        ([4000, 4040, 1015, 1010], ("0", "4")),
        ([132, 133, 1315, 1320], ("0", "0.1")),
        ([935, 936, 894, 900], ("0", "1.05")),
        ([3000, 3030, 1220, 1215], ("3.5", "2")),
        ([3000, 3030, 2600, 2615], ("3.5", "1")),
    ],
    ids=["a split of 4", "a grouping of 10", "a bonus of 5 %", "a dividend and a split on one day", "a dividend"],
)
def test_an_event_inside_the_answer(closes: list[int], event: tuple[str, str]):
    traded = trade(closes, {2: event})
    result = restored(seen_by_yahoo(traded))
    assert rows(result) == list(facts(traded))
    assert result.steps == []


def test_a_split_after_the_range_that_is_wanted_is_undone():
    traded = trade([4000, 4040, 4020, 1010], {3: ("0", "4")})
    view = seen_by_yahoo(traded)
    cut = replace(view, bars=view.bars.slice(0, 3))
    assert rows(restored(cut)) == list(facts(traded))[:3]


@pytest.mark.parametrize("ratio", ["1.05", "4", "0.1"])
def test_a_split_that_is_listed_for_a_day_to_come_is_undone_only_if_the_prices_were_divided(ratio: str):
    closes = [1000 + 7 * i for i in range(20)] + [1070]
    traded = trade(closes, {20: ("0", ratio)})
    divided = seen_by_yahoo(traded)
    assert rows(restored(replace(divided, bars=divided.bars.slice(0, 20)))) == list(facts(traded))[:20]
    not_yet = seen_by_yahoo(traded, applied={20: 0})
    result = restored(replace(not_yet, bars=not_yet.bars.slice(0, 20)))
    assert rows(result) == list(facts(traded))[:20]
    assert result.steps == []


@pytest.mark.parametrize("ratio", ["4", "0.1", "2", "1.1"])
def test_a_split_that_is_listed_and_not_applied_is_not_undone_and_is_named(ratio: str):
    after = round(10_000 / float(ratio))
    traded = trade([9950, 10_030, after, round(after * 1.01)], {2: ("0", ratio)})
    view = seen_by_yahoo(traded, applied={2: 0})
    result = restored(view)
    assert result.bars["close"].to_pylist() == [day.prices[3] / 100 for day in traded]
    assert rows(result)[2]["stock_splits"] == float(ratio)
    assert [(step.day, step.ratio, step.listed) for step in result.steps] == [
        (traded[2].day, float(ratio), float(ratio))
    ]


@pytest.mark.parametrize("ratio", ["4", "0.1", "1.1"])
def test_a_split_that_is_applied_twice_is_left_as_yahoo_gave_it_and_is_named(ratio: str):
    after = round(10_000 / float(ratio))
    traded = trade([9950, 10_030, after, round(after * 1.01)], {2: ("0", ratio)})
    view = seen_by_yahoo(traded, applied={2: 2})
    result = restored(view)
    given_by_yahoo = shortest(np.array(view.bars["close"].to_pylist()))
    assert result.bars["close"].to_pylist() == given_by_yahoo.tolist()
    assert [(step.day, step.ratio, step.listed) for step in result.steps] == [
        (traded[2].day, pytest.approx(1 / float(ratio)), float(ratio))
    ]


@pytest.mark.parametrize(("ratio", "whole"), [("4", 4.0), ("0.1", 0.1), ("2", 2.0), ("0.01", 0.01)])
def test_a_split_that_yahoo_forgot_is_named_with_the_ratio_that_would_explain_it(ratio: str, whole: float):
    after = round(10_000 / float(ratio))
    traded = trade([9950, 10_030, after, round(after * 1.01)], {2: ("0", ratio)})
    result = restored(seen_by_yahoo(traded, applied={2: 0}, forgotten=[2]))
    assert result.bars["close"].to_pylist() == [day.prices[3] / 100 for day in traded]
    assert [(step.day, step.ratio, step.listed) for step in result.steps] == [(traded[2].day, whole, 1.0)]
    assert result.steps[0].sentence() == (
        f"the close goes from 100.3 to {after / 100:g} and no split is listed; a ratio of {whole:g} would explain it"
    )


def test_a_bonus_that_was_not_applied_is_told_behind_a_later_split():
    traded = trade([2001, 2017, 1850, 1833, 611, 613], {2: ("0", "1.1"), 4: ("0", "3")})
    view = seen_by_yahoo(traded, applied={2: 0})
    for bars in (view.bars, view.bars.slice(0, 4)):
        result = as_traded(bars, view.splits, [])
        assert result.bars["close"].to_pylist() == [day.prices[3] / 100 for day in traded][: len(bars)]
        assert [(step.day, step.ratio) for step in result.steps] == [(traded[2].day, 1.1)]


def test_other_splits_are_undone_where_one_is_doubtful():
    traded = trade([8000, 8080, 2010, 2000, 1005, 1000], {2: ("0", "4"), 4: ("0", "2")})
    result = restored(seen_by_yahoo(traded, applied={2: 0}))
    assert result.bars["close"].to_pylist() == [day.prices[3] / 100 for day in traded]
    assert [step.day for step in result.steps] == [traded[2].day]


def test_a_lively_day_is_no_bonus_that_was_not_applied():
    """A fall of 8 % on the day of a bonus of 10 %: the cents before it say that it was divided out."""
    traded = trade([3001, 3017, 2999, 3033, 2509, 2533], {4: ("0", "1.1")})
    result = restored(seen_by_yahoo(traded))
    assert rows(result) == list(facts(traded))
    assert result.steps == []


@pytest.mark.parametrize("moved", [{"open": 0.55}, {"close": 0.55}, {"open": 0.55, "close": 0.55}], ids=str)
def test_a_crash_on_the_day_of_a_split_is_no_split_that_was_not_applied(moved: dict[str, float]):
    """Open and close must agree, or it is no step; if they do, the cents of enough days before tell."""
    days_before = [2001, 2017, 1999] if len(moved) == 2 else [1999]
    traded = trade([*days_before, 1003, 995], {len(days_before): ("0", "2")})
    crashed = traded[-2]
    prices = dict(zip(PRICES, crashed.prices, strict=True))
    prices |= {name: round(prices[name] * share) for name, share in moved.items()}
    traded[-2] = replace(crashed, prices=tuple(prices.values()))
    result = restored(seen_by_yahoo(traded))
    assert rows(result) == list(facts(traded))
    assert [step for step in result.steps if step.listed != 1] == []


def test_a_dividend_of_most_of_the_price_is_no_missing_split():
    traded = trade([3000, 3030, 1010, 1000], {2: ("20.1", "1")})
    assert restored(seen_by_yahoo(traded)).steps == []


def test_a_step_over_a_long_pause_needs_no_event():
    view = seen_by_yahoo(trade([3000, 3030, 1010, 1000]))
    assert [step.ratio for step in restored(view).steps] == [3.0]
    later = pa.array([FIRST + dt.timedelta(days=days) for days in (0, 1, 40, 41)], pa.date32())
    assert as_traded(view.bars.set_column(0, "day", later), [], []).steps == []


def test_a_crash_is_no_split():
    """A share lost 77 % on 2023-01-12: the open had fallen less far, and 4.41 is no whole ratio."""
    crash = seen_by_yahoo(trade([1180, 1200, 272, 300]))
    opened_higher = crash.bars.set_column(2, "open", pa.array([11.8, 12.0, 2.75, 3.0]))
    assert as_traded(opened_higher, [], []).steps == []
    slow = seen_by_yahoo(trade([1180, 1200, 600, 610]))
    fell_by_trading = slow.bars.set_column(2, "open", pa.array([11.8, 12.0, 11.0, 6.0]))
    assert as_traded(fell_by_trading, [], []).steps == []


def test_a_tick_of_a_penny_share_is_no_split():
    assert as_traded(seen_by_yahoo(trade([4, 4, 2, 2])).bars, [], []).steps == []


def test_events_of_a_closed_day_belong_to_the_next_session():
    traded = trade([2000, 2010, 2005, 1010], {3: ("0.4", "2")})
    view = seen_by_yahoo(traded)
    sunday = dt.date(2023, 3, 5)
    moved = as_traded(view.bars, [Split(sunday, 2.0)], [Payment(sunday, 0.4)])
    assert traded[3].day == dt.date(2023, 3, 6)
    assert rows(moved) == rows(restored(view))


def test_two_dividends_of_one_day_add_up_and_two_ratios_multiply():
    view = seen_by_yahoo(trade([2000, 2010, 2050, 1990]))
    day = view.bars["day"][2].as_py()
    assert as_traded(view.bars, [Split(day, 49.0), Split(day, 1 / 49.0)], []).steps == []  # 0.9999999999999999
    result = as_traded(view.bars, [Split(day, 0.01), Split(day, 100.0)], [Payment(day, 0.5), Payment(day, 0.25)])
    assert [row["dividends"] for row in rows(result)] == [0.0, 0.0, 0.75, 0.0]
    assert [row["stock_splits"] for row in rows(result)] == [0.0, 0.0, 1.0, 0.0]
    assert [row["close"] for row in rows(result)] == [20.0, 20.1, 20.5, 19.9]


def test_a_dividend_in_another_currency_is_not_known():
    view = seen_by_yahoo(trade([2000, 2010, 2000, 1990]))
    day = view.bars["day"][2].as_py()
    result = as_traded(view.bars, [], [Payment(day, 0.24, "USD")])
    assert [row["dividends"] for row in rows(result)] == [0.0, 0.0, None, 0.0]
    assert result.unsized == [Payment(day, 0.24, "USD")]


def test_a_ratio_that_is_no_ratio_is_named_and_changes_nothing():
    view = seen_by_yahoo(trade([2000, 2010, 2000, 1990]))
    odd = [Split(view.bars["day"][2].as_py(), ratio) for ratio in (0.0, float("nan"), float("inf"), -2.0)]
    result = as_traded(view.bars, odd, [])
    assert rows(result) == rows(restored(view))
    assert len(result.unsized) == 4


def test_bars_of_minutes_are_adjusted_each_and_the_first_of_the_day_carries_the_events():
    traded = trade([2000, 2010, 1000, 1010], {2: ("0.4", "2")})
    daily = seen_by_yahoo(traded)
    minutes = pa.concat_tables([daily.bars, daily.bars, daily.bars]).sort_by("day")
    starts = np.array(minutes["ts"].to_pylist(), "datetime64[us]") + np.tile([0, 1, 2], 4) * np.timedelta64(30, "m")
    minutes = minutes.set_column(minutes.column_names.index("ts"), "ts", pa.array(starts))
    result = rows(as_traded(minutes, daily.splits, daily.payments))
    assert [row["close"] for row in result] == [20.0] * 3 + [20.1] * 3 + [10.0] * 3 + [10.1] * 3
    assert [row["volume"] for row in result[:3]] == [100_000] * 3
    assert [row["dividends"] for row in result] == [0.0] * 6 + [0.4, 0.0, 0.0] + [0.0] * 3
    assert [row["stock_splits"] for row in result] == [0.0] * 6 + [2.0, 0.0, 0.0] + [0.0] * 3


def test_a_volume_that_is_not_known_stays_so_and_an_answer_may_be_empty():
    view = seen_by_yahoo(trade([2000, 2010, 1000, 1010], {2: ("0", "2")}))
    nothing = view.bars.set_column(
        view.bars.column_names.index("volume"), "volume", pa.array([None, 20, 30, None], pa.int64())
    )
    assert as_traded(nothing, view.splits, []).bars["volume"].to_pylist() == [None, 10, 30, None]
    empty = as_traded(view.bars.slice(0, 0), [], [])
    assert empty.bars.column_names == [*view.bars.column_names, "dividends", "stock_splits"]


@pytest.mark.parametrize(
    ("name", "closes", "dividends", "splits"),
    [
        ("div-on-closed-day", [30.5, 31.5, 32.5, 33.5, 34.5], {3: 0.5}, {}),
        ("split-on-closed-day", [61.0, 63.0, 65.0, 33.5, 34.5], {}, {3: 2.0}),
        ("two-dividends-one-day", [30.5, 31.5, 32.5, 33.5, 34.5], {3: 0.75}, {}),
        ("div-and-grouping", [0.305, 0.315, 0.325, 33.5, 34.5], {3: 12.34}, {3: 0.01}),
        ("dividend-other-currency", [30.5, 31.5, 32.5, 33.5, 34.5], {3: None}, {}),
    ],
)
def test_short_answers_with_one_oddity_each(shared_data, name, closes, dividends, splits):
    """The third row is of 2023-12-28, the last session of its year; the next one was 2024-01-02."""
    answer = json.loads((shared_data / "yahoo_chart" / "small" / f"{name}.json").read_text())["chart"]["result"][0]
    events = answer["events"]
    result = as_traded(
        bars_of(answer),
        [Split(day_of(each["date"]), each["numerator"] / each["denominator"]) for each in _all(events, "splits")],
        [Payment(day_of(each["date"]), each["amount"], each.get("currency", "")) for each in _all(events, "dividends")],
    )
    assert [row["close"] for row in rows(result)] == closes
    assert [row["dividends"] for row in rows(result)] == [dividends.get(i, 0.0) for i in range(5)]
    assert [row["stock_splits"] for row in rows(result)] == [splits.get(i, 0.0) for i in range(5)]
    assert result.steps == []


def _all(events: dict[str, dict[str, dict]], kind: str) -> list[dict]:
    return list(events.get(kind, {}).values())


def day_of(moment: int) -> dt.date:
    return dt.datetime.fromtimestamp(moment, dt.timezone.utc).date()


def bars_of(answer: dict) -> pa.Table:
    quote = answer["indicators"]["quote"][0]
    return pa.table(
        {
            "day": pa.array([day_of(moment) for moment in answer["timestamp"]], pa.date32()),
            "volume": pa.array(quote["volume"], pa.int64()),
        }
        | {name: pa.array(quote[name], pa.float64()) for name in PRICES}
    )


def test_a_recorded_answer_with_a_split_is_in_the_shares_of_each_day(shared_data):
    """NVDA, 4 for 1 on 2021-07-20; Yahoo's prices are also divided by the 10 of 2024, which this answer cannot tell."""
    recorded = json.loads((shared_data / "yahoo_chart" / "NVDA-split-4to1.json").read_text())
    answer = recorded["response"]["bodyJson"]["chart"]["result"][0]
    bars = bars_of(answer)
    result = as_traded(bars, [Split(dt.date(2021, 7, 20), 4.0)], [])
    closes = dict(zip(bars["day"].to_pylist(), result.bars["close"].to_pylist(), strict=True))
    assert (closes[dt.date(2021, 7, 19)], closes[dt.date(2021, 7, 20)]) == (75.119, 18.612)
    assert closes[dt.date(2021, 2, 1)] == 52.948
    assert result.steps == []


def test_the_first_day_of_the_tests_is_a_session():
    assert trade([100])[0].day == FIRST
