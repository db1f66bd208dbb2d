"""Whole runs in this process, from arguments to exit code, against the fake Yahoo and moto's server."""

import datetime as dt
import json
import os
from functools import partial
from pathlib import Path

import pytest

from b3lake.cli import run_command
from b3lake.ingest.commands import doctor, fetch
from b3lake.ingest.sources import yahoo
from b3lake.ingest.sources.http_get import BackOff
from devlake.fake_yahoo import FakeYahoo, error
from tests.ingest.lake_cases import DATABASE, DAYS, TestLake, key_of
from tests.ingest.yahoo_cases import answer_with, bar


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = BackOff(attempts=yahoo.PATIENT.attempts, first_seconds=0.001, longest_seconds=0.002)
    monkeypatch.setattr(yahoo, "YahooSource", partial(yahoo.YahooSource, back_off=quick))


class Command:
    """Runs commands in this process and keeps what they printed; called by itself it is the host's launcher."""

    def __init__(self, lake: TestLake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._lake, self._capsys = lake, capsys
        monkeypatch.setenv("RAW_BUCKET", lake.bucket)
        monkeypatch.setenv("GLUE_DATABASE", DATABASE)
        self.out = self.err = ""

    def __call__(self, *arguments: str, name: str = "fetch", program: str = "fetch_b3_data") -> int:
        code = run_command(name, arguments, program)
        self.out, self.err = self._capsys.readouterr()
        return code

    def doctor(self, *arguments: str) -> int:
        return self(*arguments, name="doctor", program="")

    def verify(self, *arguments: str) -> int:
        return self(*arguments, name="verify", program="")

    def fetch_at(self, now: dt.datetime, *arguments: str) -> int:
        """As the launcher at another moment."""
        code = fetch.run(fetch.parse(arguments, os.environ, now))
        self.out, self.err = self._capsys.readouterr()
        return code

    def doctor_at(self, now: dt.datetime, *arguments: str) -> int:
        """As the doctor at another moment."""
        code = doctor.run(doctor.parse(arguments, os.environ, now))
        self.out, self.err = self._capsys.readouterr()
        return code

    def records(self) -> dict[str, dict[str, object]]:
        lines = [json.loads(line) for line in self.out.splitlines()]
        assert "summary" in lines[-1]
        return {line["ticker"]: line for line in lines[:-1]}

    def lines(self) -> list[dict[str, object]]:
        """The JSON lines of the last command, without the summary."""
        return [json.loads(line) for line in self.out.splitlines()][:-1]

    def summary(self) -> dict[str, object]:
        return json.loads(self.out.splitlines()[-1])["summary"]


@pytest.fixture
def command(lake: TestLake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(lake, monkeypatch, capsys)


RANGE = ("--start-date", str(DAYS[0]), "--end-date", str(DAYS[-1]))


def test_all_succeed(command: Command, fake_yahoo: FakeYahoo, lake: TestLake):
    assert command("--tickers", "PETR4.SA, vale3,^BVSP", *RANGE, "--json") == 0
    assert {ticker: record["status"] for ticker, record in command.records().items()} == {
        "PETR4": "written",
        "VALE3": "written",
        "IBOV": "written",
    }
    assert set(lake.written()) == {key_of(day, ticker) for day in DAYS for ticker in ("PETR4", "VALE3", "IBOV")}
    assert sorted(query.symbol for query in fake_yahoo.requests) == ["PETR4.SA", "VALE3.SA", "^BVSP"]


def test_repeating_writes_nothing_and_succeeds(command: Command, fake_yahoo: FakeYahoo, lake: TestLake):
    assert command("--tickers", "PETR4", *RANGE) == 0
    before = lake.written()
    assert command("--tickers", "PETR4", *RANGE, "--json") == 0
    assert command.records()["PETR4"]["status"] == "unchanged"
    assert command.summary()["written"] == 0
    assert lake.written() == before


def test_one_ticker_never_takes_the_others_with_it(command: Command, fake_yahoo: FakeYahoo, lake: TestLake):
    fake_yahoo.scripted["VALE3.SA"] = [error(404, "Not Found", "No data found, symbol may be delisted")]
    fake_yahoo.scripted["ITUB4.SA"] = [error(429, "Too Many Requests", "slow down")]
    fake_yahoo.scripted["BBAS3.SA"] = [answer_with([bar(day, low=0.0) for day in DAYS], symbol="BBAS3.SA")]
    assert command("--tickers", "VALE3,ITUB4,BBAS3,PETR4", *RANGE, "--json") == 3
    records = command.records()
    assert [(ticker, record["status"]) for ticker, record in records.items()] == [
        ("VALE3", "no-data"),
        ("ITUB4", "rate-limited"),
        ("BBAS3", "invalid"),
        ("PETR4", "written"),
    ]
    assert "delisted" in records["VALE3"]["cause"]
    assert "429" in records["ITUB4"]["cause"]
    assert records["BBAS3"]["cause"].startswith("5 bars refused: zero or negative price")
    assert set(lake.written()) == {key_of(day) for day in DAYS}


def test_nothing_could_be_done(command: Command, fake_yahoo: FakeYahoo, lake: TestLake):
    fake_yahoo.scripted["PETR4.SA"] = [error(404, "Not Found", "No data found, symbol may be delisted")]
    assert command("--tickers", "PETR4", *RANGE) == 1
    assert lake.written() == {}


def test_gaps_are_named(command: Command, fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(day) for day in DAYS if day != DAYS[2]])]
    assert command("--tickers", "PETR4", *RANGE, "--json") == 0
    record = command.records()["PETR4"]
    assert (record["requested"], record["received"], record["gaps"]) == (5, 4, ["2024-05-06"])
    assert command("--tickers", "PETR4", *RANGE) == 0
    assert "2024-05-06" in command.out
    assert "1 session missing" in command.out


def test_table_for_a_person_has_a_line_a_ticker(command: Command, fake_yahoo: FakeYahoo):
    assert command("--tickers", "PETR4,VALE3", *RANGE) == 0
    lines = command.out.splitlines()
    assert lines[0].split() == ["ticker", "status", "requested", "received", "written", "unchanged", "gaps", "cause"]
    assert lines[1].split() == ["PETR4", "written", "5", "5", "5", "0"]
    assert lines[3].startswith("10 partitions written, 0 unchanged, 0 sessions missing; 0 of 2 tickers failed")


def test_dry_run_writes_nothing(command: Command, fake_yahoo: FakeYahoo, lake: TestLake):
    assert command("--tickers", "PETR4", *RANGE, "--dry-run", "--json") == 0
    record = command.records()["PETR4"]
    assert (record["status"], record["written"]) == ("planned", 5)
    assert lake.written() == {}
    assert lake.glue.get_tables(DatabaseName=DATABASE)["TableList"] == []


def test_restated_history_is_rewritten(command: Command, fake_yahoo: FakeYahoo, lake: TestLake):
    bars = [bar(day, 40.0) for day in DAYS]
    after_split = [bar(day, 10.0) for day in DAYS]
    fake_yahoo.scripted["PETR4.SA"] = [answer_with(bars), answer_with(after_split)]
    assert command("--tickers", "PETR4", *RANGE) == 0
    assert command("--tickers", "PETR4", *RANGE, "--json") == 0
    assert command.records()["PETR4"]["written"] == 5
    assert {lake.rows(key_of(day))[0]["close"] for day in DAYS} == {10.0}


MONDAY_NOON = dt.datetime(2024, 5, 13, 15, 0, tzinfo=dt.timezone.utc)
"""In São Paulo: the session is open, its bar is partial."""


def test_default_is_the_last_seven_final_sessions(command: Command, fake_yahoo: FakeYahoo, lake: TestLake):
    assert command.fetch_at(MONDAY_NOON, "--tickers", "PETR4", "--json") == 0
    (query,) = fake_yahoo.requests
    days = [dt.datetime.fromtimestamp(s, dt.timezone.utc).date() for s in (query.start, query.end)]
    assert days == [dt.date(2024, 4, 2), dt.date(2024, 5, 14)]
    assert {key.split("/")[2] for key in lake.written()} == {f"dt=2024-05-{day:02}" for day in (2, 3, 6, 7, 8, 9, 10)}
    assert command.records()["PETR4"]["requested"] == 7
    assert command.fetch_at(MONDAY_NOON, "--tickers", "PETR4", "--include-partial", "--json") == 0
    days = {key.split("/")[2] for key in lake.written()}
    assert max(days) == "dt=2024-05-13"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--tickers", ""), "No ticker was given"),
        (("--tickers", "PETR 4!"), "is not a B3 ticker"),
        (("--tickers", "*"), "only --source b3"),
        (("--start-date", "2024-13-01"), "is not a date: write it as YYYY-MM-DD"),
        (("--start-date", "2024-05-03", "--end-date", "2024-05-02"), "is after END_DATE"),
        (
            ("--start-date", "1950-01-02"),
            "is before 1994-07-04, the first session in reais, in which this lake is kept",
        ),
        (("--start-date", "1994-07-03", "--end-date", "1994-07-08"), "START_DATE 1994-07-03 is before 1994-07-04"),
        (("--start-date", "1988-01-04", "--source", "b3", "--tickers", "*"), "choose that day or a later one"),
        (("--tickers", "PETR4,../x1"), "'../x1' is not a B3 ticker"),
        (("--tickers", "PETR%2F4"), "is not a B3 ticker"),
        (("--tickers", "PETR4\x00"), "is not a B3 ticker"),
        (("--fix",), "unrecognized arguments: --fix"),
        (("--interval", "1y"), "INTERVAL=1y is not known: choose one of 1d, 1h"),
        (("--source", "b3", "--interval", "1h"), "daily bars only"),
        (("--source", "b3", "--b3-files", "no/such/place"), "does not exist"),
    ],
)
def test_wrong_usage_is_one_sentence_and_nothing_is_done(
    command: Command, fake_yahoo: FakeYahoo, lake: TestLake, arguments: tuple[str, ...], says: str
):
    assert command(*arguments) == 2
    assert says in command.err
    assert command.err.count("\n") == 1
    assert (command.out, fake_yahoo.requests, lake.written()) == ("", [], {})


def test_environment_means_the_same_as_options(command: Command, fake_yahoo: FakeYahoo, lake: TestLake, monkeypatch):
    for name, value in {"TICKERS": "PETR4", "START_DATE": str(DAYS[0]), "END_DATE": str(DAYS[0])}.items():
        monkeypatch.setenv(name, value)
    assert command() == 0
    assert set(lake.written()) == {key_of(DAYS[0])}
    monkeypatch.setenv("TICKERS", " ")
    assert command() == 2
    assert "TICKERS is set but empty" in command.err


def test_range_without_a_session_is_no_failure(command: Command, fake_yahoo: FakeYahoo):
    assert command("--tickers", "PETR4", "--start-date", "2024-05-04", "--end-date", "2024-05-05", "--json") == 0
    assert "no final session" in command.records()["PETR4"]["cause"]
    assert fake_yahoo.requests == []


def test_missing_database_is_one_sentence(command: Command, fake_yahoo: FakeYahoo):
    assert command("--tickers", "PETR4", *RANGE, "--database", "no_such") == 1
    assert command.err == (
        "fetch_b3_data: Glue database no_such does not exist: deploy the stack, or set GLUE_DATABASE.\n"
    )
    assert fake_yahoo.requests == []


def test_expired_credentials_are_one_sentence_at_the_start(command: Command, fake_yahoo: FakeYahoo, monkeypatch):
    import botocore.client
    from botocore.exceptions import ClientError

    def expired(self: object, operation: str, _arguments: object) -> None:
        answer = {"Error": {"Code": "ExpiredTokenException", "Message": "The security token included is expired"}}
        raise ClientError(answer, operation)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", expired)
    assert command("--tickers", "PETR4", *RANGE) == 1
    assert command.err == (
        "fetch_b3_data: The AWS credentials have expired: in a lab, start it again and copy its credentials; "
        "elsewhere renew yours, and run again.\n"
    )
    assert fake_yahoo.requests == []


def test_bucket_is_found_by_account_and_environment(
    command: Command, fake_yahoo: FakeYahoo, lake: TestLake, monkeypatch
):
    monkeypatch.delenv("RAW_BUCKET")
    monkeypatch.setenv("LAKE_ENV", "test")
    name = "tech-challenge2-test-raw-123456789012"
    lake.s3.create_bucket(Bucket=name)
    assert command("--tickers", "PETR4", "--start-date", str(DAYS[0]), "--end-date", str(DAYS[0])) == 0
    assert [item["Key"] for item in lake.s3.list_objects_v2(Bucket=name)["Contents"]] == [key_of(DAYS[0])]


def test_whole_day_of_b3_is_taken_and_repeats_without_effect(command: Command, lake: TestLake, shared_data: Path):
    files = str(shared_data / "cotahist")
    day = ("--start-date", "2022-02-03", "--end-date", "2022-02-03", "--source", "b3", "--b3-files", files)
    assert command("--tickers", "PETR4,FNAM11,^BVSP", *day, "--json") == 3
    assert command.records()["IBOV"]["status"] == "no-data"
    (petr4,) = lake.rows(key_of(dt.date(2022, 2, 3)))
    assert petr4 == {
        "ts": dt.datetime.fromisoformat("2022-02-03T03:00"),
        "open": 32.35,
        "high": 32.92,
        "low": 31.62,
        "close": 32.07,
        "volume": 51087800,
        "turnover": 1636398167.0,
        "trades": 92360,
        "dividends": None,
        "stock_splits": None,
        "isin": "BRPETRACNPR6",
        "source": "b3",
    }
    (fnam11,) = lake.rows(key_of(dt.date(2022, 2, 3), "FNAM11"))
    assert fnam11["close"] == 0.00018  # quoted per thousand
    assert command("--tickers", "PETR4,FNAM11", *day, "--json") == 0
    assert command.summary()["written"] == 0


def test_truncated_file_is_refused_whole(command: Command, lake: TestLake, shared_data: Path):
    files = str(shared_data / "cotahist" / "COTAHIST_D04012016.TXT")
    day = ("--start-date", "2016-01-04", "--end-date", "2016-01-04", "--source", "b3", "--b3-files", files)
    assert command("--tickers", "*", *day) == 1
    assert "does not fit its 506 records" in command.out
    assert lake.written() == {}
