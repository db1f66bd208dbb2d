"""Yahoo's answers, through the real yfinance: each known pitfall, and what comes of it."""

import asyncio
import csv
import dataclasses
import datetime as dt
import json
import logging
import re
import threading
from pathlib import Path

import numpy as np
import platformdirs
import pyarrow as pa
import pytest
from yfinance.cache import _CookieDBManager, _TzDBManager

from b3lake.ingest.errors import InvalidAnswerError, NoDataError, RateLimitedError, Status, TickerError
from b3lake.ingest.sources.http_get import BackOff
from b3lake.ingest.sources.shared_back_off import SharedBackOff
from b3lake.ingest.sources.source import Delivery, Failure, Selection
from b3lake.ingest.sources.yahoo import YahooSource
from b3lake.ingest.validate import BARS_SCHEMA, causes, gaps, validate
from b3lake.lake.calendar import is_session, sessions_between
from devlake.fake_http import Reply
from devlake.fake_yahoo import FakeYahoo, error, recorded
from tests.ingest.yahoo_cases import SESSIONS, answer_with, bar, events, stamp

START, END = SESSIONS[0], SESSIONS[-1]
NOW = dt.datetime(2024, 5, 31, 12, tzinfo=dt.timezone.utc)
IMPATIENT = BackOff(attempts=6, first_seconds=0.001, longest_seconds=0.002)


def deliver(
    fake: FakeYahoo,
    ticker: str = "PETR4",
    start: dt.date = START,
    end: dt.date = END,
    interval: str = "1d",
    *,
    now: dt.datetime = NOW,
) -> Delivery:
    """The fake's bars of one ticker, through the source; raises what it failed with."""
    source = YahooSource(fake.url, back_off=IMPATIENT)

    async def collect() -> list[Delivery | Failure]:
        return [answer async for answer in source.fetch(Selection((ticker,), start, end, now, interval))]

    (answer,) = asyncio.run(collect())
    if isinstance(answer, Failure):
        assert answer.ticker == ticker
        raise answer.error
    return answer


def fetch(fake: FakeYahoo, *args: object, **kwargs: object) -> pa.Table:
    (bars,) = deliver(fake, *args, **kwargs).batches
    return bars


def received(
    fake: FakeYahoo, ticker: str = "PETR4", start: dt.date = START, end: dt.date = END
) -> list[dict[str, object]]:
    """The rows as the source delivers them: validated by it, and by nobody here."""
    return fetch(fake, ticker, start, end).to_pylist()


def days_of(bars: pa.Table) -> set[dt.date]:
    return set(bars["day"].to_pylist())


def test_recorded_sessions_arrive_as_the_decimals_that_yahoo_meant(fake_yahoo: FakeYahoo, shared_data):
    path = shared_data / "yahoo_chart" / "PETR4.SA-22-sessions.json"
    fake_yahoo.scripted["PETR4.SA"] = [recorded(path)]
    sent = json.loads(path.read_text())["chart"]["result"][0]
    quote = sent["indicators"]["quote"][0]
    rows = received(fake_yahoo, start=dt.date(2022, 11, 1), end=dt.date(2022, 12, 31))
    assert len(rows) == 22
    for name in ("open", "high", "low", "close"):
        assert [row[name] for row in rows] == [round(price, 2) for price in quote[name]]
        assert [np.float32(row[name]) for row in rows] == [np.float32(price) for price in quote[name]]
    assert [row["volume"] for row in rows] == quote["volume"]
    # Sent at 12:00 UTC with an offset of two hours, which São Paulo no longer had: the date comes from the zone.
    assert [row["day"] for row in rows] == [
        dt.datetime.fromtimestamp(s, dt.timezone.utc).date() for s in sent["timestamp"]
    ]
    assert rows[0]["ts"] == dt.datetime.fromisoformat("2022-11-23T03:00")
    assert {row["source"] for row in rows} == {"yahoo"}


def test_one_request_a_ticker_from_a_month_before_to_the_present(fake_yahoo: FakeYahoo):
    bars = fetch(fake_yahoo)
    (query,) = fake_yahoo.requests
    asked_from, today = START - dt.timedelta(days=30), NOW.date()
    assert (query.start, query.end) == (stamp(asked_from, 0), stamp(today + dt.timedelta(days=1), 0))
    assert bars["day"].to_pylist() == SESSIONS


def test_close_is_not_adjusted(fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(START, 20.0, adjclose=15.0)])]
    (row,) = received(fake_yahoo)
    assert row["close"] == 20.0


def test_rate_limit_is_waited_out(fake_yahoo: FakeYahoo):
    refusal = error(429, "Too Many Requests", "slow down")
    # yfinance asks a second time itself before it gives up.
    fake_yahoo.scripted["PETR4.SA"] = [refusal] * 4 + [answer_with([bar(day) for day in SESSIONS])]
    assert len(received(fake_yahoo)) == 5
    assert len(fake_yahoo.requests) == 5


def test_rate_limit_has_a_bound(fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [error(429, "Too Many Requests", "slow down")]
    with pytest.raises(RateLimitedError) as caught:
        fetch(fake_yahoo)
    assert caught.value.status is Status.RATE_LIMITED
    assert len(fake_yahoo.requests) == 2 * IMPATIENT.attempts


def test_waits_grow_with_jitter_and_hold_every_thread_back(monkeypatch: pytest.MonkeyPatch):
    waits: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda _self, seconds: waits.append(seconds))
    for attempt in range(8):
        back_off = SharedBackOff(BackOff(first_seconds=2, longest_seconds=60))
        back_off.refused(attempt, "refused")
        back_off.wait()
        back_off.wait()
    for attempt, seconds in enumerate(waits[::2]):
        ceiling = min(60, 2 * 2**attempt)
        assert ceiling / 2 - 0.1 <= seconds <= ceiling
    assert all(second == pytest.approx(first, abs=0.1) for first, second in zip(waits[::2], waits[1::2], strict=True))


def test_a_wait_is_told_once_for_all_threads(caplog: pytest.LogCaptureFixture):
    back_off = SharedBackOff(BackOff(attempts=3, first_seconds=60, longest_seconds=60))
    back_off.refused(0, "Yahoo refused")
    back_off.refused(0, "Yahoo refused")
    [record] = caplog.records
    assert re.fullmatch(r"Yahoo refused; try 2 of 3 in \d\d\.\d s", record.getMessage())


def test_a_stopped_back_off_lets_nobody_wait_or_ask():
    back_off = SharedBackOff(BackOff(first_seconds=60, longest_seconds=60))
    back_off.refused(5, "refused")
    back_off.stop()
    with pytest.raises(InterruptedError, match="stopped"):
        back_off.wait()


def test_yfinance_tells_nobody_by_itself_what_went_wrong(fake_yahoo: FakeYahoo):
    """The run's report does. Whatever its logger was set to before."""
    logger = logging.getLogger("yfinance")
    logger.setLevel(logging.DEBUG)
    fetch(fake_yahoo)
    assert not logger.isEnabledFor(logging.ERROR)


def test_no_cookie_of_an_earlier_run_is_used(fake_yahoo: FakeYahoo):
    """yfinance would take it from the home folder."""
    at_home = Path(platformdirs.user_cache_dir()) / "py-yfinance"
    assert at_home not in {Path(kept.get_location()) for kept in (_CookieDBManager, _TzDBManager)}


def test_server_error_is_asked_again_not_served_from_yfinances_cache(fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [Reply(502, "<html>Bad Gateway</html>")] * 2 + [answer_with([bar(START)])]
    assert len(received(fake_yahoo)) == 1


def test_server_error_for_good_is_a_failure(fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [Reply(502, "<html>Bad Gateway</html>")]
    with pytest.raises(TickerError) as caught:
        fetch(fake_yahoo)
    asked = "Yahoo could not be asked (it answered 502); check the network and run again"
    assert (str(caught.value), caught.value.status) == (f"PETR4: {asked}", Status.FAILED)


def test_nobody_there_is_a_failure_in_the_words_of_who_asked(fake_yahoo: FakeYahoo):
    source = YahooSource("http://127.0.0.1:1", back_off=dataclasses.replace(IMPATIENT, attempts=1))

    async def collect() -> list[str]:
        wanted = Selection(("PETR4",), START, END, NOW)
        return [str(answer.error) async for answer in source.fetch(wanted) if isinstance(answer, Failure)]

    (said,) = asyncio.run(collect())
    assert re.fullmatch(r"PETR4: Yahoo could not be asked \(.*curl: \(7\).*\); check the network and run again", said)
    assert "See http" not in said


@pytest.mark.parametrize(
    ("file", "says"),
    [("error-404-delisted.json", "may be delisted"), ("error-400-no-data-for-range.json", "startDate")],
)
def test_recorded_refusals_are_no_data_with_yahoos_reason(fake_yahoo: FakeYahoo, shared_data, file: str, says: str):
    fake_yahoo.scripted["PETR4.SA"] = [recorded(shared_data / "yahoo_chart" / file)]
    with pytest.raises(NoDataError, match=says):
        fetch(fake_yahoo)


def test_renamed_share_is_told_with_its_new_name(fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["VVAR3.SA"] = [error(404, "Not Found", "No data found, symbol may be delisted")]
    with pytest.raises(NoDataError, match="BHIA3"):
        fetch(fake_yahoo, "VVAR3")


@pytest.mark.parametrize("file", ["GRND3.SA-empty-arrays.json", "no-timestamp.json"])
def test_recorded_answers_without_bars_are_no_data(fake_yahoo: FakeYahoo, shared_data, file: str):
    answer = recorded(shared_data / "yahoo_chart" / file)
    meta = answer.body["chart"]["result"][0]["meta"]
    meta |= {"symbol": "PETR4.SA", "currency": "BRL"}
    fake_yahoo.scripted["PETR4.SA"] = [answer]
    with pytest.raises(NoDataError, match="without any bars"):
        fetch(fake_yahoo)


def test_answer_for_another_share_is_refused(fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(START)], symbol="PBR")]
    with pytest.raises(InvalidAnswerError, match="answered for PBR"):
        fetch(fake_yahoo)


def test_another_currency_is_refused(fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(START)], currency="USD")]
    with pytest.raises(InvalidAnswerError, match="USD"):
        fetch(fake_yahoo)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"open": None, "high": None, "low": None, "close": None, "adjclose": None, "volume": None}, "null price"),
        ({"close": None}, "null price"),
        ({"open": 0.0, "high": 0.0, "low": 0.0}, "zero or negative price"),
        ({"low": -1.0}, "zero or negative price"),
        ({"high": 9.0, "low": 11.0}, "high below low"),
        ({"volume": -5}, "negative volume"),
    ],
)
def test_impossible_bar_is_refused_alone_and_leaves_a_gap(fake_yahoo: FakeYahoo, wrong: dict, reason: str):
    bars = [bar(day, **(wrong if day == SESSIONS[2] else {})) for day in SESSIONS]
    fake_yahoo.scripted["PETR4.SA"] = [answer_with(bars)]
    delivery = deliver(fake_yahoo)
    (bars,) = delivery.batches
    assert delivery.refused == {"PETR4": {SESSIONS[2]: reason}}
    assert bars["day"].to_pylist() == [day for day in SESSIONS if day != SESSIONS[2]]
    assert gaps(SESSIONS, days_of(bars)) == [SESSIONS[2]]
    assert causes(delivery.refused["PETR4"]) == f"1 bar refused: {reason} (2024-05-06)"


def test_session_missing_in_the_middle_is_a_gap(fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(day) for day in SESSIONS if day != SESSIONS[1]])]
    assert gaps(SESSIONS, days_of(validate(fetch(fake_yahoo), start=START, end=END).bars)) == [SESSIONS[1]]


def test_sessions_before_the_listing_are_no_gaps(fake_yahoo: FakeYahoo):
    listed = SESSIONS[3]
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(day) for day in SESSIONS[3:]], firstTradeDate=stamp(listed))]
    delivery = deliver(fake_yahoo)
    assert delivery.listed_since == {"PETR4": listed}
    assert gaps(SESSIONS, set(SESSIONS[3:]), listed) == []


def test_duplicate_dates_give_one_bar(fake_yahoo: FakeYahoo):
    """The last of them."""
    twice = [bar(SESSIONS[0]), bar(SESSIONS[1], 12.0), bar(SESSIONS[1], 13.0), *(bar(day) for day in SESSIONS[2:])]
    fake_yahoo.scripted["PETR4.SA"] = [answer_with(twice)]
    assert [(row["day"], row["close"]) for row in received(fake_yahoo)] == [
        (day, 13.0 if day == SESSIONS[1] else 10.0) for day in SESSIONS
    ]


def test_live_bar_beside_the_days_bar_gives_one_bar(fake_yahoo: FakeYahoo):
    live = bar(END, 11.0, ts=stamp(END, 17) + 123)
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([*(bar(day) for day in SESSIONS), live])]
    rows = received(fake_yahoo)
    assert [row["day"] for row in rows] == SESSIONS
    assert rows[-1]["close"] == 11.0


def test_holiday_carried_forward_is_left_out_and_is_no_fault(fake_yahoo: FakeYahoo):
    holiday = dt.date(2024, 5, 1)
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(holiday, volume=0), *(bar(day) for day in SESSIONS)])]
    delivery = deliver(fake_yahoo, start=holiday)
    (bars,) = delivery.batches
    assert bars["day"].to_pylist() == SESSIONS
    assert delivery.refused == {"PETR4": {}}


def test_trade_on_a_day_called_closed_is_kept(fake_yahoo: FakeYahoo):
    holiday = dt.date(2024, 5, 1)
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(holiday, volume=10)])]
    assert [row["day"] for row in received(fake_yahoo, start=holiday)] == [holiday]


def test_latest_price_appended_after_the_end_is_left_out(fake_yahoo: FakeYahoo):
    """Of the days between, which were asked for as well, and of one after the present."""
    for later in (dt.date(2024, 5, 9), NOW.date(), dt.date(2024, 6, 3)):
        fake_yahoo.scripted["PETR4.SA"] = [answer_with([*(bar(day) for day in SESSIONS), bar(later)])]
        assert [row["day"] for row in received(fake_yahoo)] == SESSIONS


def test_bar_stamped_late_the_day_before_belongs_to_its_day(fake_yahoo: FakeYahoo):
    before = SESSIONS[2] - dt.timedelta(days=1)
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(SESSIONS[2], ts=stamp(before, 23)), bar(SESSIONS[3])])]
    assert [row["day"] for row in received(fake_yahoo)] == SESSIONS[2:4]


def test_daylight_saving_of_old_years_is_in_the_zone(fake_yahoo: FakeYahoo):
    day = dt.date(2018, 1, 3)  # summer time: midnight is 02:00 UTC
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(day)])]
    (row,) = received(fake_yahoo, start=day, end=day)
    assert (row["day"], row["ts"]) == (day, dt.datetime.fromisoformat("2018-01-03T02:00"))


def test_volume_above_32_bits(fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["^BVSP"] = [answer_with([bar(START, 120000.0, volume=2**31 + 7)], symbol="^BVSP")]
    (row,) = received(fake_yahoo, "IBOV")
    assert (row["ticker"], row["volume"]) == ("IBOV", 2**31 + 7)


def test_recorded_split_and_dividends_are_on_their_days(fake_yahoo: FakeYahoo, shared_data):
    for ticker, file in (("NVDC34", "NVDA-split-4to1.json"), ("MSFT34", "MSFT-4-dividends.json")):
        answer = recorded(shared_data / "yahoo_chart" / file)
        answer.body["chart"]["result"][0]["meta"] |= {"symbol": f"{ticker}.SA", "currency": "BRL"}
        fake_yahoo.scripted[f"{ticker}.SA"] = [answer]
    wide = {"start": dt.date(2021, 2, 1), "end": dt.date(2022, 1, 31)}
    splits = {row["day"]: row["stock_splits"] for row in received(fake_yahoo, "NVDC34", **wide) if row["stock_splits"]}
    assert splits == {dt.date(2021, 7, 20): 4.0}
    dividends = {row["day"]: row["dividends"] for row in received(fake_yahoo, "MSFT34", **wide) if row["dividends"]}
    assert dividends == {
        dt.date(2021, 2, 17): 0.56,
        dt.date(2021, 5, 19): 0.56,
        dt.date(2021, 8, 18): 0.56,
        dt.date(2021, 11, 17): 0.62,
    }


def test_dividend_on_a_day_without_a_bar_makes_no_bar(fake_yahoo: FakeYahoo):
    paid = SESSIONS[3]
    answer = answer_with([bar(day) for day in SESSIONS[:3]])
    event = {str(stamp(paid)): {"amount": 1.5, "date": stamp(paid)}}
    fake_yahoo.scripted["PETR4.SA"] = [events(answer, dividends=event)]
    delivery = deliver(fake_yahoo)
    (bars,) = delivery.batches
    assert bars["day"].to_pylist() == SESSIONS[:3]
    assert bars["dividends"].to_pylist() == [0.0] * 3
    assert delivery.refused == {"PETR4": {}}


def test_hourly_bars_keep_their_start_in_utc(fake_yahoo: FakeYahoo):
    rows = validate(fetch(fake_yahoo, start=START, end=START, interval="1h"), start=START, end=START).bars.to_pylist()
    assert [row["ts"].hour for row in rows] == list(range(13, 21))
    assert {row["day"] for row in rows} == {START}


def is_outside(row: dict[str, str]) -> bool:
    """Whether the open or close of prices above one real is more than a cent outside low to high."""
    if row["Close"] == "null":
        return False
    low, high = float(row["Low"]) - 0.0101, float(row["High"]) + 0.0101
    return not all(low <= float(row[name]) <= high for name in ("Open", "Close"))


@pytest.mark.parametrize("ticker", ["PETR4", "ITSA4", "IBOV"])
def test_years_of_real_quotes_with_all_their_faults(fake_yahoo: FakeYahoo, shared_data, ticker: str):
    """Yahoo's old downloads: null rows, carried-forward holidays, a close no trade made, volumes above 2^31."""
    name = "BVSP" if ticker == "IBOV" else f"{ticker}.SA"
    with (shared_data / "yahoo_csv" / f"{name}.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if "2009" <= row["Date"] < "2013"]
    bars = [
        {"ts": stamp(dt.date.fromisoformat(row["Date"]))}
        | {name: json.loads(row[name.title()]) for name in ("open", "high", "low", "close", "volume")}
        | {"adjclose": json.loads(row["Adj Close"])}
        for row in rows
    ]
    symbol = "^BVSP" if ticker == "IBOV" else f"{ticker}.SA"
    fake_yahoo.scripted[symbol] = [answer_with(bars, symbol=symbol)]
    start, end = dt.date(2009, 1, 1), dt.date(2012, 12, 31)
    delivery = deliver(fake_yahoo, ticker, start, end)
    (found,) = delivery.batches
    days = [dt.date.fromisoformat(row["Date"]) for row in rows]
    whole = [row["Close"] != "null" for row in rows]
    traded = [row["Volume"] not in {"null", "0"} for row in rows]
    strange = [is_outside(row) for row in rows]
    assert sum(strange) == {"PETR4": 0, "ITSA4": 1, "IBOV": 0}[ticker]
    kept = [i for i, day in enumerate(days) if whole[i] and (traded[i] or is_session(day)) and not strange[i]]
    assert found["day"].to_pylist() == [days[i] for i in kept]
    for column in ("open", "high", "low", "close"):
        given = np.array([bars[i][column] for i in kept])
        assert np.array_equal(found[column].to_numpy().astype(np.float32), given.astype(np.float32))
    assert found["volume"].to_pylist() == [bars[i]["volume"] for i in kept]
    assert set(delivery.refused[ticker]) == {
        day for i, day in enumerate(days) if (strange[i] or not whole[i]) and is_session(day)
    }
    missing = set(gaps(sessions_between(days[0], days[-1]), days_of(found)))
    assert missing == set(sessions_between(days[0], days[-1])) - {days[i] for i in kept}


def test_bars_have_the_declared_schema(fake_yahoo: FakeYahoo):
    assert fetch(fake_yahoo).schema == BARS_SCHEMA
