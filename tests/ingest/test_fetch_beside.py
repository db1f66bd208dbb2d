"""Whole runs that fetch rates, members of indexes and instruments with the quotes, from arguments to rows."""
# ruff: noqa: F811 - fixtures that are imported

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.indexes import INDEXES
from b3lake.lake.names import INSTRUMENTS_TABLE, PORTFOLIOS_TABLE, RATES_TABLE
from devlake.fake_b3 import FakeB3, cotahist_path, invented_records
from devlake.fake_b3_index import FakeIndexes, invented
from devlake.fake_bcb import FakeCentralBank
from devlake.fake_http import Reply, Scripted, serving
from devlake.fake_yahoo import FakeYahoo
from tests.ingest.lake_cases import DATABASE, DAYS, TestLake
from tests.ingest.test_run import RANGE, Command, command, impatience  # noqa: F401 - fixtures

NOW = dt.datetime(2024, 5, 8, 20, 15, tzinfo=B3_ZONE)
"""A Wednesday; B3's newest file is that of the 7th."""
RATES, PORTFOLIOS, INSTRUMENTS = (
    f"{prefix}/data.parquet" for prefix in ("rates/br", "portfolios/b3", "instruments/b3")
)


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    served = Scripted(FakeCentralBank(NOW.date()))
    with serving(served) as url:
        monkeypatch.setenv("B3LAKE_BCB_URL", url)
        yield served


@pytest.fixture
def b3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """B3's site: files of four tickers up to the 7th, and the members of its indexes on the 8th."""
    day = NOW.date()
    members = {index: invented(["PETR4", "VALE3"], day) for index in INDEXES}
    records = invented_records(["PETR4", "VALE3", "ITUB4", "BOVA11"], dt.date(2024, 5, 2), dt.date(2024, 5, 7))
    served = Scripted(FakeB3(records, day, indexes=FakeIndexes(day, members)))
    with serving(served) as url:
        monkeypatch.setenv("B3LAKE_B3_URL", url)
        yield served


def tables(lake: TestLake) -> set[str]:
    return {table["Name"] for table in lake.glue.get_tables(DatabaseName=DATABASE)["TableList"]}


def asked_files(b3: Scripted) -> list[str]:
    return [request.path for request in b3.requests if "COTAHIST" in request.path]


def test_a_run_from_yahoo_brings_all_three(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo, bank: Scripted, b3: Scripted
):
    fetch = ("--tickers", "PETR4", *RANGE, "--beside", "network", "--json")
    assert command.fetch_at(NOW, *fetch) == 0
    told = {table["table"]: (table["written"], table["causes"]) for table in command.summary()["tables"]}
    assert told == {name: (True, []) for name in (RATES_TABLE, PORTFOLIOS_TABLE, INSTRUMENTS_TABLE)}
    assert {RATES_TABLE, PORTFOLIOS_TABLE, INSTRUMENTS_TABLE} <= tables(lake)
    assert {row["series"] for row in lake.rows(RATES)} == {"CDI", "SELIC", "SELIC_TARGET", "IPCA"}
    assert max(row["day"] for row in lake.rows(RATES)) == NOW.date()
    assert [(row["index"], row["ticker"]) for row in lake.rows(PORTFOLIOS)] == [
        (index, ticker) for index in sorted(INDEXES) for ticker in ("PETR4", "VALE3")
    ]
    assert asked_files(b3) == [cotahist_path("D07052024")]
    papers = [(row["ticker"], row["first_day"], row["sessions"]) for row in lake.rows(INSTRUMENTS)]
    assert papers == [(ticker, dt.date(2024, 5, 7), 1) for ticker in ("BOVA11", "ITUB4", "PETR4", "VALE3")]

    before = lake.versions()
    assert command.fetch_at(NOW, *fetch) == 0
    assert [table["written"] for table in command.summary()["tables"]] == [False, False, False]
    assert lake.versions() == before
    assert len(asked_files(b3)) == 1


def test_quotes_do_not_suffer_by_what_is_beside_them(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo, bank: Scripted, b3: Scripted
):
    bank.replies = [Reply(403, {"error": "no"})] * 99
    b3.replies = [Reply(403, {"error": "no"})] * 99
    lake.s3.put_object(Bucket=lake.bucket, Key=INSTRUMENTS, Body=b"<html>")
    assert command.fetch_at(NOW, "--tickers", "PETR4", *RANGE, "--beside", "network") == 0
    assert len(lake.written()) == len(DAYS)
    lines = command.out.splitlines()
    assert lines[1].split()[:5] == ["PETR4", "written", "5", "5", "5"]
    rates, portfolios, instruments = lines[2:5]
    assert rates.startswith("br_rates: unchanged; CDI, series 12 of the central bank: it refuses 1994-07-01 to")
    assert rates.count("series ") == 4
    assert portfolios.startswith("b3_index_portfolio: unchanged; IBOV, the members of Ibovespa at B3: ")
    assert instruments.startswith("b3_instruments: unchanged; instruments/b3/data.parquet is not the table")
    assert lake.s3.get_object(Bucket=lake.bucket, Key=INSTRUMENTS)["Body"].read() == b"<html>"


def test_files_of_b3_tell_the_papers_of_their_days(
    command: Command, lake: TestLake, b3: Scripted, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("B3LAKE_SOURCE_LABEL", "synthetic")
    fetch = ("--source", "b3", "--tickers", "PETR4", "--b3-events", "none", "--json")
    assert command.fetch_at(NOW, *fetch, "--start-date", "2024-05-03", "--end-date", "2024-05-06") == 0
    assert [table["table"] for table in command.summary()["tables"]] == [INSTRUMENTS_TABLE]
    assert {row["sessions"] for row in lake.rows(INSTRUMENTS)} == {2}
    assert command.fetch_at(NOW, *fetch, "--start-date", "2024-05-06", "--end-date", "2024-05-07") == 0
    papers = [(row["ticker"], row["sessions"], row["last_day"]) for row in lake.rows(INSTRUMENTS)]
    assert papers == [(ticker, 3, dt.date(2024, 5, 7)) for ticker in ("BOVA11", "ITUB4", "PETR4", "VALE3")]


def test_whoever_says_so_gets_nothing_beside(command: Command, lake: TestLake, b3: Scripted, monkeypatch):
    monkeypatch.setenv("B3LAKE_SOURCE_LABEL", "synthetic")
    monkeypatch.setenv("BESIDE", "none")
    days = ("--start-date", "2024-05-03", "--end-date", "2024-05-06")
    assert command.fetch_at(NOW, "--source", "b3", "--tickers", "PETR4", "--b3-events", "none", *days, "--json") == 0
    assert command.summary()["tables"] == []
    assert INSTRUMENTS not in lake.written("")


def test_a_dry_run_says_what_it_would_write(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo, bank: Scripted, b3: Scripted
):
    assert command.fetch_at(NOW, "--tickers", "PETR4", *RANGE, "--beside", "network", "--dry-run") == 0
    assert "br_rates: would be written" in command.out.splitlines()
    assert lake.written("") == {}
    assert tables(lake) == set()


def test_a_file_of_a_year_that_is_over_is_not_fetched_for_this(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo, bank: Scripted, b3: Scripted
):
    new_year = dt.datetime(2024, 1, 2, 20, 15, tzinfo=B3_ZONE)
    days = ("--start-date", "2023-12-28", "--end-date", "2023-12-28")
    command.fetch_at(new_year, "--tickers", "PETR4", *days, "--beside", "network", "--json")
    assert asked_files(b3) == []
    assert INSTRUMENTS not in lake.written("")


def test_an_index_stands_for_its_members(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo, bank: Scripted, b3: Scripted
):
    assert command("--tickers", "@IBOV", *RANGE) == 1
    assert "The lake has no portfolio of IBOV yet, so nobody knows what @IBOV is" in command.err
    assert command.fetch_at(NOW, "--tickers", "ITUB4", *RANGE, "--beside", "network") == 0
    assert command("--tickers", "@ibov,itub4", *RANGE, "--json") == 0
    told = {ticker: record["status"] for ticker, record in command.records().items()}
    assert told == {"PETR4": "written", "VALE3": "written", "ITUB4": "unchanged"}
    closed = ("--start-date", "2024-05-04", "--end-date", "2024-05-05", "--json")
    assert command("--tickers", "@IBOV", *closed) == 0, "a weekend, on which nothing is asked for"
    assert sorted(command.records()) == ["PETR4", "VALE3"]
    assert command.doctor("--tickers", "@IBOV", "--start-date", str(DAYS[0]), "--json") == 0
    assert command.summary()["tickers"] == 2
    assert command.verify("--tickers", "@IBOV") == 2
    assert "this reads no lake: list them." in command.err
    assert command("--tickers", "@DOW") == 2


@pytest.mark.parametrize(
    ("variable", "arguments", "sentence"),
    [
        ("TICKERS", ("--beside", "yes"), "BESIDE=yes is neither network nor none: give one of them."),
        (
            "B3LAKE_BCB_URL",
            (),
            "Quotes from yahoo and what 127.0.0.1 tells beside them are not mixed: set B3LAKE_BCB_URL to the address "
            "that belongs to the quotes, or ask for nothing beside them with --beside none.",
        ),
        (
            "B3LAKE_YAHOO_URL",
            ("--beside", "network"),
            "Quotes from 127.0.0.1 and what bcb tells beside them are not mixed: set B3LAKE_BCB_URL to the address "
            "that belongs to the quotes, or ask for nothing beside them with --beside none.",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(command: Command, monkeypatch, variable, arguments, sentence):
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert command(*arguments, "--tickers", "PETR4") == 2
    assert sentence in command.err


def test_papers_of_the_four_real_days(command: Command, lake: TestLake, shared_data: Path):
    folder = str(shared_data / "cotahist")
    command("--source", "b3", "--b3-files", folder, "--tickers", "PETR4", "--json")
    papers = {row["ticker"]: row for row in lake.rows(INSTRUMENTS)}
    petrobras = papers["PETR4"]
    assert (petrobras["kind"], petrobras["sessions"], petrobras["first_day"]) == ("share", 4, dt.date(2003, 2, 12))
    assert (petrobras["isin"], petrobras["name"]) == ("BRPETRACNPR6", "PETROBRAS")
    assert papers["TNLP4"]["last_day"] == dt.date(2003, 2, 12)
