"""Yahoo's answers of any day, through the real yfinance, as the facts of each day: and what a person is told."""

import datetime as dt
from pathlib import Path

import pytest

from b3lake.ingest.errors import InvalidAnswerError, NoDataError
from b3lake.ingest.sources.source import Delivery
from b3lake.ingest.sources.yahoo_chart import read_chart
from devlake.fake_yahoo import FakeYahoo, recorded
from devlake.traded_days import TradedDay, facts, trade
from devlake.yahoo_share import YahooShare
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures
from tests.ingest.test_yahoo import deliver
from tests.ingest.yahoo_cases import answer_with, bar, events, stamp

COLUMNS = ["day", "open", "high", "low", "close", "volume", "dividends", "stock_splits"]
RISING = [4000 + 13 * i for i in range(30)]
"""Closes of thirty sessions before whatever happens."""


def asked(fake: FakeYahoo, days: list[TradedDay], **changes: object) -> tuple[Delivery, list[dict[str, object]]]:
    """PETR4's delivery for all `days` from an answer of the last of them (or `today`), and its rows."""
    today = changes.pop("today", days[-1].day)
    interval, end = changes.pop("interval", "1d"), changes.pop("end", days[-1].day)
    fake.scripted["PETR4.SA"] = [YahooShare("PETR4.SA", days, today, **changes)]
    now = dt.datetime.combine(today, dt.time(23), dt.timezone.utc)
    delivery = deliver(fake, start=days[0].day, end=end, interval=interval, now=now)
    (bars,) = delivery.batches
    return delivery, bars.select(COLUMNS).to_pylist()


def after(ratio: str, count: int = 5) -> list[int]:
    """Closes that go on from RISING in shares of which there are `ratio` as many."""
    return [round((RISING[-1] + 7 * i) / float(ratio)) for i in range(count)]


@pytest.mark.parametrize(
    ("happened", "closes"),
    [
        ({30: ("1.25", "4")}, after("4")),
        ({30: ("0", "0.1")}, after("0.1")),
        ({30: ("0", "1.05")}, after("1.05")),
        ({30: ("0", "4"), 33: ("0", "2")}, [*after("4", 3), *after("8", 2)]),
        ({30: ("0.30", "1")}, after("1")),
    ],
    ids=["a dividend and a split on one day", "a grouping", "a bonus of 5 %", "two splits", "a dividend"],
)
def test_an_answer_is_as_it_was_traded(fake_yahoo: FakeYahoo, happened, closes):
    days = trade([*RISING, *closes], happened)
    delivery, rows = asked(fake_yahoo, days)
    assert rows == list(facts(days))
    assert delivery.steps == {"PETR4": []}


def test_a_split_after_the_end_is_in_the_answer_and_is_undone(fake_yahoo: FakeYahoo):
    days = trade([*RISING, *after("4"), *after("0.4")], {30: ("0", "4"), 35: ("0", "0.1")})
    _, rows = asked(fake_yahoo, days, end=days[20].day)
    assert rows == list(facts(days))[:21]
    (query,) = fake_yahoo.requests
    assert query.end == stamp(days[-1].day + dt.timedelta(days=1), 0)


@pytest.mark.parametrize("interval", ["1m", "15m", "1h"])
def test_shorter_bars_are_as_traded_and_the_days_first_has_its_events(fake_yahoo: FakeYahoo, interval: str):
    days = trade([4000, 4040, 1015, 1010], {2: ("0.50", "4")})
    days = [TradedDay(day.day, day.prices, 48_000, day.dividend, day.split) for day in days]
    count = {"1m": 480, "15m": 32, "1h": 8}[interval]
    delivery, rows = asked(fake_yahoo, days, interval=interval)
    right = []
    for row in facts(days):
        right += [row | {"volume": 48_000 // count}]
        right += [row | {"volume": 48_000 // count, "dividends": 0.0, "stock_splits": 0.0}] * (count - 1)
    assert rows == right
    (bars,) = delivery.batches
    assert bars["ts"].to_pylist() == [
        dt.datetime.combine(day.day, dt.time(13)) + dt.timedelta(seconds=28800 // count * i)
        for day in days
        for i in range(count)
    ]
    assert [query.interval for query in fake_yahoo.requests] == ["1d", interval]


def test_shorter_bars_before_a_split_that_came_after_them(fake_yahoo: FakeYahoo):
    days = trade([4000, 4040, 4010, 1010], {3: ("0", "4")})
    _, rows = asked(fake_yahoo, days, interval="1h", end=days[1].day)
    assert [row["close"] for row in rows] == [40.0] * 8 + [40.4] * 8


def test_shorter_bars_that_yahoo_no_longer_has_are_no_data_with_its_reason(fake_yahoo: FakeYahoo):
    days = trade(RISING)
    with pytest.raises(NoDataError, match="must be within the last 8 days"):
        asked(fake_yahoo, days, interval="1m")


SPLIT = dt.date(2023, 4, 13)
"""The thirty-first session of `trade`."""


@pytest.mark.parametrize("ratio", [4.0, 0.1])
@pytest.mark.parametrize("mistake", ["not applied", "applied twice", "forgotten"])
def test_a_split_that_yahoo_got_wrong_is_named_and_not_guessed_at(fake_yahoo: FakeYahoo, ratio: float, mistake: str):
    days = trade([*RISING, *after(str(ratio))], {30: ("0", str(ratio))})
    changes, given, explaining, listed = {
        "not applied": ({"applied": {SPLIT: 0}}, 1.0, ratio, ratio),
        "applied twice": ({"applied": {SPLIT: 2}}, ratio**-2, 1 / ratio, ratio),
        "forgotten": ({"applied": {SPLIT: 0}, "forgotten": {SPLIT}}, 1.0, ratio, 1.0),
    }[mistake]
    delivery, rows = asked(fake_yahoo, days, **changes)
    (step,) = delivery.steps["PETR4"]
    assert (step.day, step.ratio, step.listed) == (SPLIT, pytest.approx(explaining), listed)
    assert [row["close"] for row in rows[:30]] == pytest.approx([close / 100 * given for close in RISING], rel=1e-6)
    assert [row["close"] for row in rows[30:]] == [day.prices[-1] / 100 for day in days[30:]]
    assert rows[30]["stock_splits"] == (0.0 if mistake == "forgotten" else ratio)


def test_a_step_is_told_with_its_ratio_and_is_no_failure(command: Command, fake_yahoo: FakeYahoo):  # noqa: F811
    days = trade([*RISING, *after("4")], {30: ("0", "4")})
    share = YahooShare("PETR4.SA", days, applied={SPLIT: 0}, forgotten={SPLIT})
    fake_yahoo.scripted["PETR4.SA"] = [share]
    now = dt.datetime.combine(days[-1].day, dt.time(23, 30), dt.timezone.utc)
    whole = ("--tickers", "PETR4", "--start-date", str(days[0].day))
    assert command.fetch_at(now, *whole, "--json") == 0
    record = command.records()["PETR4"]
    assert record["status"] == "written"
    assert record["steps"] == [{"day": str(SPLIT), "before": 43.77, "after": 10.94, "ratio": 4.0, "listed": 1.0}]
    assert record["cause"] == (
        "unexplained-step on 2023-04-13: the close goes from 43.77 to 10.94 and no split is listed; "
        "a ratio of 4 would explain it"
    )
    assert command.summary()["unexplained_steps"] == 1
    assert command.fetch_at(now, *whole) == 0
    assert "unexplained-step on 2023-04-13" in command.out
    # Whoever wants later days only is not told again.
    assert command.fetch_at(now, "--tickers", "PETR4", "--start-date", str(days[31].day), "--json") == 0
    assert command.records()["PETR4"]["steps"] == []
    # A split that is listed and not applied concerns the days before it, though it comes after them.
    share.forgotten = set()
    assert command.fetch_at(now, *whole, "--end-date", str(days[20].day), "--json") == 0
    assert [(step["ratio"], step["listed"]) for step in command.records()["PETR4"]["steps"]] == [(4.0, 4.0)]


def test_a_dividend_in_another_currency_is_unknown_and_told(command: Command, fake_yahoo: FakeYahoo):  # noqa: F811
    days = trade(RISING, {20: ("0.24", "1"), 25: ("0.30", "1")})
    usd, brl = days[20].day, days[25].day
    share = YahooShare("PETR4.SA", days, currencies={usd: "USD", brl: "BRL"})
    fake_yahoo.scripted["PETR4.SA"] = [share]
    delivery, rows = asked(fake_yahoo, days, currencies=share.currencies)
    assert {row["day"]: row["dividends"] for row in rows if row["dividends"] != 0} == {usd: None, brl: 0.3}
    assert delivery.doubts == {"PETR4": {usd: "a dividend of 0.24 USD is listed, whose value in BRL is not known"}}
    fake_yahoo.scripted["PETR4.SA"] = [share]
    now = dt.datetime.combine(days[-1].day, dt.time(23, 30), dt.timezone.utc)
    assert command.fetch_at(now, "--tickers", "PETR4", "--start-date", str(days[0].day), "--json") == 0
    record = command.records()["PETR4"]
    assert record["doubtful"] == 1
    assert (
        record["cause"] == f"1 bar doubtful: a dividend of 0.24 USD is listed, whose value in BRL is not known ({usd})"
    )


MONDAY, FRIDAY = dt.date(2024, 5, 6), dt.date(2024, 5, 3)


def listed(day: dt.date, **event: object) -> dict[str, dict[str, object]]:
    return {str(stamp(day)): {"date": stamp(day), **event}}


@pytest.mark.parametrize("day", [dt.date(2024, 5, 4), dt.date(2024, 5, 5)])
def test_a_dividend_of_a_closed_day_is_of_the_next_session(fake_yahoo: FakeYahoo, day: dt.date):
    answer = answer_with([bar(FRIDAY), bar(MONDAY)])
    fake_yahoo.scripted["PETR4.SA"] = [events(answer, dividends=listed(day, amount=0.5, currency="USD"))]
    delivery = deliver(fake_yahoo, start=MONDAY, end=MONDAY)
    (bars,) = delivery.batches
    assert bars["dividends"].to_pylist() == [None]
    assert list(delivery.doubts["PETR4"]) == [MONDAY]
    fake_yahoo.scripted["PETR4.SA"] = [events(answer, dividends=listed(day, amount=0.5))]
    (bars,) = deliver(fake_yahoo, start=FRIDAY, end=MONDAY).batches
    assert bars["dividends"].to_pylist() == [0.0, 0.5]


def test_an_event_of_a_day_to_come_says_nothing_yet(fake_yahoo: FakeYahoo):
    answer = answer_with([bar(FRIDAY), bar(MONDAY)])
    later = dt.date(2024, 6, 3)  # the tests' present is the 31st of May
    fake_yahoo.scripted["PETR4.SA"] = [events(answer, splits=listed(later, numerator=4, denominator=1))]
    (bars,) = deliver(fake_yahoo, start=FRIDAY, end=MONDAY).batches
    assert bars["close"].to_pylist() == [10.0, 10.0]


def test_a_ratio_that_is_none_is_left_out_and_told(fake_yahoo: FakeYahoo):
    answer = answer_with([bar(FRIDAY), bar(MONDAY)])
    fake_yahoo.scripted["PETR4.SA"] = [events(answer, splits=listed(MONDAY, numerator=4, denominator=0))]
    delivery = deliver(fake_yahoo, start=FRIDAY, end=MONDAY)
    (bars,) = delivery.batches
    assert (bars["close"].to_pylist(), bars["stock_splits"].to_pylist()) == ([10.0, 10.0], [0.0, 0.0])
    assert delivery.doubts == {"PETR4": {MONDAY: "a split is listed whose ratio is inf, and was left out"}}


SMALL = {
    "div-on-closed-day": [0.0, 0.0, 0.0, 0.5, 0.0],
    "two-dividends-one-day": [0.0, 0.0, 0.0, 0.75, 0.0],
    "dividend-other-currency": [0.0, 0.0, 0.0, None, 0.0],
    "capital-gains": [0.0, 0.0, 0.0, 1.1, 0.0],
    "first-trade-null": [0.0] * 5,
    "first-trade-negative": [0.0] * 5,
    "bvsp-volume-null": [0.0] * 5,
}
"""A short recorded answer each; sessions 26, 27 and 28 December 2023, 2 and 3 January 2024."""


def small(fake: FakeYahoo, shared_data: Path, name: str, **asking: object) -> Delivery:
    """The delivery from one of the short answers, asked for on its own days unless `asking` says otherwise."""
    answer = recorded(shared_data / "yahoo_chart" / "small" / f"{name}.json")
    result = answer.body["chart"]["result"][0]
    symbol = result["meta"]["symbol"]
    days = [dt.datetime.fromtimestamp(each, dt.timezone.utc).date() for each in result["timestamp"]]
    ticker = "IBOV" if symbol == "^BVSP" else symbol.removesuffix(".SA")
    asking = {
        "start": days[0],
        "end": days[-1],
        "now": dt.datetime.combine(days[-1], dt.time(23), dt.timezone.utc),
    } | asking
    daily = [answer_with([bar(days[-1])], symbol)] if "interval" in asking else []
    fake.scripted[symbol] = [*daily, answer]
    return deliver(fake, ticker, **asking)


@pytest.mark.parametrize(("name", "dividends"), SMALL.items(), ids=list(SMALL))
def test_short_recorded_answers(fake_yahoo: FakeYahoo, shared_data: Path, name: str, dividends: list[float | None]):
    delivery = small(fake_yahoo, shared_data, name)
    (bars,) = delivery.batches
    assert bars["dividends"].to_pylist() == dividends
    assert bars["close"].to_pylist() == [30.5, 31.5, 32.5, 33.5, 34.5]
    unknown = name == "bvsp-volume-null"
    assert bars["volume"].to_pylist() == ([None] * 5 if unknown else [1_000_000 + i for i in range(5)])
    first = {"first-trade-null": None, "first-trade-negative": dt.date(1962, 1, 2)}.get(name, dt.date(2000, 1, 3))
    (ticker,) = delivery.tickers
    assert delivery.listed_since == ({ticker: first} if first else {})


def test_a_dividend_with_a_grouping_and_a_split_of_a_closed_day(fake_yahoo: FakeYahoo, shared_data: Path):
    (bars,) = small(fake_yahoo, shared_data, "div-and-grouping").batches
    assert bars["close"].to_pylist() == [0.305, 0.315, 0.325, 33.5, 34.5]
    assert bars["dividends"].to_pylist() == [0.0, 0.0, 0.0, 12.34, 0.0]
    assert bars["stock_splits"].to_pylist() == [0.0, 0.0, 0.0, 0.01, 0.0]
    (bars,) = small(fake_yahoo, shared_data, "split-on-closed-day").batches
    assert bars["close"].to_pylist() == [61.0, 63.0, 65.0, 33.5, 34.5]
    assert bars["stock_splits"].to_pylist() == [0.0, 0.0, 0.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("name", "closes"),
    [
        ("GRND3.SA-1h-2019-10-21", [9.21, 9.211, 9.212, 9.213, 9.214, 9.215, 9.216, 9.217]),
        ("PETR4.SA-1h-auction", [26.5, 26.6, 26.7, 26.8, 26.9, 27.0, 27.1, 27.2]),
    ],
)
def test_bars_after_yahoos_end_of_the_session_are_kept(fake_yahoo: FakeYahoo, shared_data: Path, name: str, closes):
    """Eight hours were traded; the ninth row of the second is the latest price, of 18:06:52 and without a volume."""
    (bars,) = small(fake_yahoo, shared_data, name, interval="1h").batches
    assert bars["close"].to_pylist() == closes
    hours = [moment.hour for moment in bars["ts"].to_pylist()]
    assert hours == list(range(hours[0], hours[0] + 8))


def test_daily_bars_of_a_stale_summer_time_are_of_their_day_at_b3(fake_yahoo: FakeYahoo, shared_data: Path):
    """Stamped 02:00 UTC, 23:00 of the day before in São Paulo: summer time had ended two days ago."""
    (bars,) = small(fake_yahoo, shared_data, "PETR4.SA-midnight-stale-dst").batches
    assert bars["day"].to_pylist() == [dt.date(2019, 2, day) for day in range(18, 23)]
    assert bars["ts"].to_pylist()[0] == dt.datetime.fromisoformat("2019-02-18T03:00")


def test_the_live_bar_takes_the_place_of_its_day(fake_yahoo: FakeYahoo, shared_data: Path):
    (bars,) = small(fake_yahoo, shared_data, "PETR4.SA-live").batches
    assert bars["day"].to_pylist() == [dt.date(2026, 11, day) for day in (23, 24, 25)]
    assert (bars["close"].to_pylist()[-1], bars["volume"].to_pylist()[-1]) == (30.01, 120701100)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("PETR4.SA-2023-08", {dt.date(2023, 8, 8): "zero or negative price"}),
        ("PETR4.SA-null-day", {dt.date(2023, 6, 13): "null price"}),
    ],
)
def test_an_impossible_day_is_refused_alone(fake_yahoo: FakeYahoo, shared_data: Path, name: str, refused):
    delivery = small(fake_yahoo, shared_data, name)
    (bars,) = delivery.batches
    assert delivery.refused == {"PETR4": refused}
    assert not set(bars["day"].to_pylist()) & refused.keys()
    assert len(bars) == (3 if name == "PETR4.SA-2023-08" else 2)


def test_half_hours_are_made_of_quarters_where_yahoo_would_give_whole_hours(fake_yahoo: FakeYahoo):
    quarters = [
        {"open": 10.0, "high": 10.5, "low": 9.9, "close": 10.2, "volume": 100},
        {"open": 10.2, "high": 10.4, "low": 9.8, "close": 10.1, "volume": 200},
        {"open": 10.1, "high": 10.3, "low": 10.0, "close": 10.3, "volume": 400},
    ]
    bars = [{"ts": stamp(FRIDAY) + 900 * i, **quarter} for i, quarter in enumerate(quarters)]
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(FRIDAY)]), answer_with(bars, interval="15m")]
    (halves,) = deliver(fake_yahoo, start=FRIDAY, end=FRIDAY, interval="30m").batches
    assert fake_yahoo.requests[-1].interval == "15m"
    assert halves.select(["open", "high", "low", "close", "volume"]).to_pylist() == [
        {"open": 10.0, "high": 10.5, "low": 9.8, "close": 10.1, "volume": 300},
        {"open": 10.1, "high": 10.3, "low": 10.0, "close": 10.3, "volume": 400},
    ]
    assert halves["ts"].to_pylist() == [dt.datetime.fromisoformat(f"2024-05-03T13:{minute}") for minute in ("00", "30")]


def test_bars_of_another_length_are_refused(fake_yahoo: FakeYahoo):
    hourly = answer_with([bar(FRIDAY)], interval="1h")
    fake_yahoo.scripted["PETR4.SA"] = [hourly]
    with pytest.raises(InvalidAnswerError, match="asked for bars of 1d and answered with bars of 1h"):
        deliver(fake_yahoo)
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(FRIDAY)]), hourly]
    assert deliver(fake_yahoo, interval="60m").name == "PETR4"


@pytest.mark.parametrize(
    "wrong",
    [
        {"chart": None},
        {"chart": {"result": [], "error": None}},
        {"chart": {"result": [{"meta": {"symbol": "PETR4.SA"}}], "error": None}},
        {"finance": {"result": None, "error": {"code": "Unauthorized"}}},
        ["chart"],
        "chart",
        7,
        None,
    ],
    ids=str,
)
def test_an_answer_that_is_no_chart_is_invalid(wrong: object):
    with pytest.raises(InvalidAnswerError, match="PETR4: Yahoo's answer is no chart"):
        read_chart("PETR4", wrong, "1d", "yahoo")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("timestamp",), [None]),
        (("timestamp",), ["soon"]),
        (("timestamp",), [1e30]),
        (("timestamp",), 7),
        (("indicators", "quote"), []),
        (("indicators", "quote", 0, "close"), [1.0, 2.0]),
        (("indicators", "quote", 0, "close"), ["dear"]),
        (("indicators", "quote", 0, "volume"), [1e300]),
        (("events",), {"splits": {"1": {"date": 1}}}),
        (("events",), {"dividends": [1]}),
        (("meta", "firstTradeDate"), "long ago"),
    ],
    ids=str,
)
def test_a_damaged_chart_is_invalid_and_no_crash(place: tuple[object, ...], value: object):
    answer = answer_with([bar(FRIDAY)]).body
    inner = answer["chart"]["result"][0]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(InvalidAnswerError, match="no chart"):
        read_chart("PETR4", answer, "1d", "yahoo")
