"""Files of B3 that have days in common, and the part of a file that is wanted: who gives which day, and to whom."""
# ruff: noqa: F811 - fixtures that are imported

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from b3lake.ingest.sources.b3 import B3Source
from b3lake.ingest.sources.source import Delivery, Failure, Notice, Selection
from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.schemas import SHARES_SCHEMA
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_b3 import FakeB3
from devlake.fake_http import serving
from tests.ingest.lake_cases import DAYS, TestLake, key_of
from tests.ingest.test_run import Command, command  # noqa: F401 - a fixture

NOON = dt.datetime(2024, 5, 20, 12, tzinfo=B3_ZONE)
NUMBERS = [int(f"{day:%Y%m%d}") for day in DAYS]


def put(folder: Path, name: str, made: str, *records: bytes) -> None:
    (folder / name).write_bytes(whole_file(list(records), made=made))


def fetched(source: B3Source, tickers: tuple[str, ...] | None, first: int = 0, last: int = -1) -> list[object]:
    """The answers, in their order."""

    async def collect() -> list[Delivery | Failure | Notice]:
        return [answer async for answer in source.fetch(Selection(tickers, DAYS[first], DAYS[last], NOON))]

    return list(asyncio.run(collect()))


def bars_of(answer: object) -> list[tuple[str, dt.date, float]]:
    """Ticker, day and close of each bar, sorted."""
    assert isinstance(answer, Delivery)
    rows = [row for bars in answer.batches for row in bars.to_pylist()]
    return sorted((row["ticker"], row["day"], row["close"]) for row in rows)


@pytest.fixture
def overlapping(tmp_path: Path) -> Path:
    """The later file has the first three days; the earlier one the last four, at other prices, with refused records."""
    later = [quote(day=number, code=code) for number in NUMBERS[:3] for code in ("PETR4", "VALE3")]
    earlier = [quote(day=number, code=code, close=3700 + 8) for number in NUMBERS[1:] for code in ("PETR4", "ITUB4")]
    refused = [quote(day=number, code="BBAS3", currency="CR$") for number in NUMBERS[1:]]
    put(tmp_path, "a_earlier.TXT", "20240510", *earlier, *refused)
    put(tmp_path, "b_later.TXT", "20240511", *later)
    return tmp_path


def test_a_day_is_of_the_file_made_last_and_of_no_other(overlapping: Path):
    later, earlier = fetched(B3Source(files=overlapping), None)
    assert bars_of(later) == [(code, day, 37.78) for code in ("PETR4", "VALE3") for day in DAYS[:3]]
    assert bars_of(earlier) == [(code, day, 37.08) for code in ("ITUB4", "PETR4") for day in DAYS[3:]]
    assert (later.name, later.days, later.start, later.end) == ("b_later.TXT", frozenset(DAYS[:3]), DAYS[0], DAYS[2])
    assert (earlier.name, earlier.days, earlier.start) == ("a_earlier.TXT", frozenset(DAYS[3:]), DAYS[3])
    assert (later.tickers, earlier.tickers) == (["PETR4", "VALE3"], ["ITUB4", "PETR4"])


def test_what_was_refused_is_told_of_the_days_that_the_file_gives(overlapping: Path):
    later, earlier = fetched(B3Source(files=overlapping), None)
    assert later.refused == {}
    assert earlier.refused == {"BBAS3": dict.fromkeys(DAYS[3:], "its currency is CR$, not R$")}


def test_a_day_s_papers_are_counted_once(overlapping: Path):
    """ITUB4 of the days that the later file has is in no market of theirs."""
    later, earlier = fetched(B3Source(files=overlapping), ("PETR4",))
    told = [sorted({(quote["ticker"], int(quote["day"])) for quote in one.market}) for one in (later, earlier)]
    assert [{ticker for ticker, _ in pairs} for pairs in told] == [{b"PETR4", b"VALE3"}, {b"PETR4", b"ITUB4"}]
    assert [{day for _, day in pairs} for pairs in told] == [set(NUMBERS[:3]), set(NUMBERS[3:])]


def test_a_file_whose_days_another_has_gives_nothing(tmp_path: Path):
    put(tmp_path, "a", "20240511", *(quote(day=number) for number in NUMBERS))
    put(tmp_path, "b", "20240510", *(quote(day=number, close=1) for number in NUMBERS[1:3]))
    (only,) = fetched(B3Source(files=tmp_path), None)
    assert bars_of(only) == [("PETR4", day, 37.78) for day in DAYS]


def test_the_lake_has_the_prices_of_the_file_made_last(command: Command, lake: TestLake, overlapping: Path):
    days = ("--start-date", str(DAYS[0]), "--end-date", str(DAYS[-1]))
    files = ("--source", "b3", "--b3-files", str(overlapping), *days, "--json")
    assert command(*files, "--tickers", "*") == 3
    records = command.records()
    assert {ticker: (one["status"], one["written"]) for ticker, one in records.items()} == {
        "PETR4": ("written", 5),
        "VALE3": ("written", 3),
        "ITUB4": ("written", 2),
        "BBAS3": ("invalid", 0),
    }
    assert [lake.rows(key_of(day))[0]["close"] for day in DAYS] == [37.78] * 3 + [37.08] * 2
    assert records["BBAS3"]["refused"] == 2
    assert command(*files, "--tickers", "PETR4,VALE3") == 0
    assert command.summary()["written"] == 0


def test_one_ticker_takes_its_rows_and_no_other(command: Command, lake: TestLake, tmp_path: Path):
    """Of a file of the whole market, on all of its days."""
    codes = ("PETR4", "PETR3", "PETR4F", "VALE3")
    put(tmp_path, "market", "20240511", *(quote(day=number, code=code) for number in NUMBERS for code in codes))
    days = ("--start-date", str(DAYS[1]), "--end-date", str(DAYS[3]))
    files = ("--source", "b3", "--b3-files", str(tmp_path), *days, "--json")
    assert command(*files, "--tickers", "PETR4") == 0
    assert set(lake.written("raw/b3/")) == {key_of(day) for day in DAYS[1:4]}
    assert lake.partitions() == {(str(day), "PETR4") for day in DAYS[1:4]}
    assert list(command.records()) == ["PETR4"]
    assert command(*files, "--tickers", "*") == 0, "the whole market is a success, too"
    assert {ticker: one["written"] for ticker, one in command.records().items()} == {
        "PETR4": 0,
        "PETR3": 3,
        "PETR4F": 3,
        "VALE3": 3,
    }
    assert set(lake.written("raw/b3/")) == {key_of(day, code) for day in DAYS[1:4] for code in codes}


def test_a_delivery_that_says_no_more_than_its_bars_says_nothing_else():
    """As that of a source of somebody's own, with one method."""
    plain = Delivery("mine", ("PETR4",), DAYS[0], DAYS[0], ())
    told = (plain.listed_since, plain.refused, plain.doubts, plain.steps, plain.days, plain.market)
    assert told == ({}, {}, {}, {}, frozenset(), None)
    assert plain.seen.equals(SHARES_SCHEMA.empty_table())


def test_files_of_the_site_give_all_their_days(tmp_path: Path):
    """A month's file beside single days: each day once, the whole market of it."""
    april = [dt.date(2024, 4, day) for day in range(1, 13) if dt.date(2024, 4, day).weekday() < 5]
    days = [*april, *DAYS]
    records = [quote(day=int(f"{day:%Y%m%d}"), code=code) for day in days for code in ("PETR4", "VALE3")]

    async def collect(url: str) -> list[object]:
        wanted = Selection(None, april[0], DAYS[-1], NOON)
        return [answer async for answer in B3Source(url).fetch(wanted)]

    with serving(FakeB3(records, today=dt.date(2024, 5, 20), total_of="quotes")) as url:
        answers = asyncio.run(collect(url))
    given = [bars_of(answer) for answer in answers if isinstance(answer, Delivery)]
    assert [pair for bars in given for pair in bars if pair[0] == "VALE3"] == [("VALE3", day, 37.78) for day in days]
    assert sum(map(len, given)) == 2 * len(days)
    assert next(answer.name for answer in answers if isinstance(answer, Delivery)) == "COTAHIST_M042024.ZIP"
