"""Bars that are possible number by number and that no market made: Yahoo's are refused, the exchange's named."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from b3lake.ingest.errors import InvalidAnswerError
from b3lake.ingest.validate import gaps, validate
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_yahoo import FakeYahoo
from tests.ingest.lake_cases import DAYS, TestLake, key_of, table
from tests.ingest.test_run import RANGE, Command, command, impatience  # noqa: F401 - fixtures
from tests.ingest.test_yahoo import deliver
from tests.ingest.yahoo_cases import SESSIONS, answer_with, bar, stamp

LATER = dt.datetime(2024, 5, 9, 12, tzinfo=dt.timezone.utc)


def refused(bars, **how: bool) -> dict[dt.date, str]:
    return validate(bars, start=DAYS[0], end=DAYS[-1], **how).refused.get("PETR4", {})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"close": 10.52}, "close above high"),
        ({"close": 9.48}, "close below low"),
        ({"open": 10.52}, "open above high"),
        ({"open": 9.48}, "open below low"),
        ({"close": 10.51}, ""),  # a cent is what the quotation cannot express
        ({"close": 10.500001}, ""),
    ],
)
def test_an_open_or_close_outside_low_to_high(change: dict[str, float], reason: str, fake_yahoo: FakeYahoo) -> None:
    bars = [bar(day, **(change if day == SESSIONS[2] else {})) for day in SESSIONS]
    fake_yahoo.scripted["PETR4.SA"] = [answer_with(bars)]
    delivery = deliver(fake_yahoo)
    assert delivery.refused["PETR4"] == ({SESSIONS[2]: reason} if reason else {})
    (left,) = delivery.batches
    assert len(left) == (4 if reason else 5)


def with_closes(*closes: float):
    columns = {name: list(closes) for name in ("open", "high", "low", "close")}
    return table(**columns)


SPIKE = "30 times the bars around it, or a part"


def test_one_day_of_a_hundredfold_or_a_hundredth() -> None:
    assert refused(with_closes(10, 10.5, 1050, 10.4, 10)) == {DAYS[2]: SPIKE}
    assert refused(with_closes(10, 10.5, 0.105, 10.4, 10)) == {DAYS[2]: SPIKE}
    assert refused(with_closes(10, 10.5, 290, 10.4, 10)) == {}, "the market's own, perhaps"
    assert refused(with_closes(10, 10.5, 1050, 1040, 1000)) == {}, "a grouping: the prices stay there"
    assert refused(with_closes(10, 10.5, 10, 10.4, 1040)) == {}, "as traded it may be the day of a grouping"
    assert refused(with_closes(10, 10.5, 10, 10.4, 1040), adjusted=True) == {DAYS[4]: SPIKE}
    assert refused(with_closes(1000, 10.5, 10, 10.4, 10), adjusted=True) == {}, "what was before is not known"
    assert refused(with_closes(10, 10.5, 1050, 10.4, 10), official=True) == {}


def test_another_ticker_is_no_neighbour() -> None:
    two = table("AAAA3", price=10.0).slice(0, 2), table("BBBB3", price=1000.0).slice(0, 1)
    three = table("CCCC3", price=10.0).slice(0, 2)
    bars = pa.concat_tables([*two, three])
    assert validate(bars, start=DAYS[0], end=DAYS[-1], adjusted=True).refused == {}


def test_the_newest_day_is_refused_and_taken_when_the_next_one_confirms_it(
    command: Command,  # noqa: F811
    fake_yahoo: FakeYahoo,
    lake: TestLake,
) -> None:
    days = [bar(day, 10.0 if day < SESSIONS[3] else 1000.0) for day in SESSIONS]
    fake_yahoo.scripted["PETR4.SA"] = [answer_with(days[:4]), answer_with(days)]
    took = ("--tickers", "PETR4", "--start-date", str(DAYS[0]), "--json")
    assert command(*took, "--end-date", str(DAYS[3])) == 0
    assert command.records()["PETR4"]["cause"] == f"1 bar refused: {SPIKE} ({DAYS[3]})"
    assert set(lake.written()) == {key_of(day) for day in DAYS[:3]}
    assert command(*took, "--end-date", str(DAYS[4])) == 0
    assert set(lake.written()) == {key_of(day) for day in DAYS}


def test_the_exchange_s_own_are_kept_and_named(command: Command, lake: TestLake, tmp_path: Path) -> None:  # noqa: F811
    days = [int(day.strftime("%Y%m%d")) for day in DAYS]
    lines = [quote(day=day) for day in days]
    lines[1] = quote(day=days[1], close=3999)
    lines[3] = quote(day=days[3], **dict.fromkeys(("open", "high", "low", "mean", "close", "bid", "ask"), 371000))
    file = tmp_path / "COTAHIST_A2024.TXT"
    file.write_bytes(whole_file(lines))
    assert command("--source", "b3", "--b3-files", str(file), "--tickers", "PETR4", *RANGE, "--json") == 0
    record = command.records()["PETR4"]
    assert (record["written"], record["refused"], record["doubtful"]) == (5, 0, 2)
    assert f"1 bar doubtful: close above high ({DAYS[1]})" in record["cause"]
    assert lake.rows(key_of(DAYS[1]))[0]["close"] == 39.99


@pytest.mark.parametrize("length", ["1wk", "1mo", "1h"])
@pytest.mark.parametrize("interval", ["1d", "15m"])
def test_bars_of_another_length_are_no_answer(length: str, interval: str, fake_yahoo: FakeYahoo) -> None:
    """Of bars shorter than a day too: the daily ones have their events."""
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(day) for day in SESSIONS], dataGranularity=length)]
    with pytest.raises(InvalidAnswerError, match=f"asked for bars of 1d and answered with bars of {length}"):
        deliver(fake_yahoo, "PETR4", SESSIONS[0], SESSIONS[-1], interval)


def test_a_first_trade_in_the_future_hides_no_gap(fake_yahoo: FakeYahoo) -> None:
    future = dt.date(2030, 1, 2)
    for first, believed in ((future, False), (SESSIONS[3], False), (SESSIONS[1], True)):
        bars = [bar(day) for day in SESSIONS if day not in {SESSIONS[0], SESSIONS[2]}]
        fake_yahoo.scripted["PETR4.SA"] = [answer_with(bars, firstTradeDate=stamp(first))]
        delivery = deliver(fake_yahoo, now=LATER)
        assert delivery.listed_since == ({"PETR4": first} if believed else {}), first
        found = gaps(SESSIONS, {SESSIONS[1], *SESSIONS[3:]}, delivery.listed_since.get("PETR4"))
        assert found == ([SESSIONS[2]] if believed else [SESSIONS[0], SESSIONS[2]])


def hours(day: dt.date, count: int) -> list[dict[str, object]]:
    return [bar(day, ts=stamp(day, 10 + hour)) for hour in range(count)]


@pytest.mark.parametrize(
    ("counts", "short"),
    [
        ([8, 8, 3, 8, 8], {SESSIONS[2]: "3 bars of the 8 that a day has"}),
        ([8, 8, 4, 8, 5], {}),  # half of a day, and Ash Wednesday
        ([3], {SESSIONS[0]: "3 bars of the 7 that a day has"}),
        ([2, 1, 2, 1, 2], {}),  # hardly traded
    ],
)
def test_an_hourly_day_of_few_bars_is_told(counts: list[int], short: dict, fake_yahoo: FakeYahoo) -> None:
    days = SESSIONS[: len(counts)]
    hourly = [one for day, count in zip(days, counts, strict=True) for one in hours(day, count)]
    daily = answer_with([bar(day) for day in days])
    answers = {"1d": daily, "1h": answer_with(hourly, dataGranularity="1h")}
    fake_yahoo.scripted["PETR4.SA"] = [lambda query: answers[query.interval]]
    assert deliver(fake_yahoo, "PETR4", days[0], days[-1], "1h", now=LATER).doubts["PETR4"] == short


def test_a_day_that_is_not_over_may_be_short(fake_yahoo: FakeYahoo) -> None:
    answers = {"1d": answer_with([bar(SESSIONS[0])]), "1h": answer_with(hours(SESSIONS[0], 2), dataGranularity="1h")}
    fake_yahoo.scripted["PETR4.SA"] = [lambda query: answers[query.interval]]
    noon = dt.datetime(2024, 5, 2, 15, tzinfo=dt.timezone.utc)
    assert deliver(fake_yahoo, "PETR4", SESSIONS[0], SESSIONS[0], "1h", now=noon).doubts["PETR4"] == {}
