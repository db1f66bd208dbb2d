"""A host that was off longer than its window leaves no hole, and a hole before a run's days is told."""

import datetime as dt
from pathlib import Path

import pytest

from b3lake.ingest.sources.source import Selection
from b3lake.lake.calendar import sessions_between, trailing_window
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_yahoo import FakeYahoo
from tests.ingest.lake_cases import TestLake, key_of
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures

NOW = dt.datetime(2024, 6, 28, 23, 30, tzinfo=dt.timezone.utc)  # 20:30 in São Paulo, after a session
TODAY = dt.date(2024, 6, 28)


def month(year: int, number: int) -> list[dt.date]:
    return sessions_between(dt.date(year, number, 1), dt.date(year, number, 28))


def days_of(lake: TestLake, ticker: str) -> list[dt.date]:
    return [dt.date.fromisoformat(dt_) for dt_, name in sorted(lake.partitions()) if name == ticker]


def write_days(folder: Path, rows: list[tuple[dt.date, str]]) -> Path:
    """A COTAHIST file of one year with a quote for each day and ticker."""
    lines = [quote(day=int(day.strftime("%Y%m%d")), code=ticker) for day, ticker in rows]
    file = folder / "COTAHIST_A2024.TXT"
    file.write_bytes(whole_file(lines, total_of="quotes"))
    return file


@pytest.fixture
def off_since(command: Command, fake_yahoo: FakeYahoo) -> list[dt.date]:  # noqa: F811
    """The sessions of April 2024, which a lake has of PETR4; of VALE3 it has one week of them."""
    days = month(2024, 4)
    assert command("--tickers", "PETR4", "--start-date", str(days[0]), "--end-date", str(days[-1])) == 0
    assert command("--tickers", "VALE3", "--start-date", str(days[0]), "--end-date", str(days[4])) == 0
    fake_yahoo.requests.clear()
    return days


def test_a_host_that_was_off_for_two_months_leaves_no_hole(
    command: Command,  # noqa: F811
    lake: TestLake,
    off_since: list[dt.date],
    fake_yahoo: FakeYahoo,
) -> None:
    assert command.fetch_at(NOW, "--tickers", "PETR4,VALE3,ITUB4", "--json") == 0
    since = {"PETR4": off_since[-1], "VALE3": off_since[4]}
    for ticker, newest in since.items():
        record = command.records()[ticker]
        expected = sessions_between(newest + dt.timedelta(days=1), TODAY)
        assert (record["requested"], record["received"], record["written"]) == (len(expected),) * 3
        assert (record["gaps"], record["cause"]) == ([], "")
        assert days_of(lake, ticker) == sessions_between(off_since[0], TODAY)
    assert days_of(lake, "ITUB4") == sessions_between(trailing_window(TODAY, 7), TODAY), "new to the lake"
    assert (
        "The lake ends before 2024-06-20, so what it lacks is fetched too: "
        f"VALE3 from {off_since[4] + dt.timedelta(days=1)}, PETR4 from {off_since[-1] + dt.timedelta(days=1)}.\n"
    ) in command.err
    assert len(fake_yahoo.requests) == 3


def test_a_lake_that_has_the_session_before_is_fetched_as_ever(
    command: Command,  # noqa: F811
    lake: TestLake,
    fake_yahoo: FakeYahoo,
) -> None:
    window = trailing_window(TODAY, 7)
    before = trailing_window(window - dt.timedelta(days=1), 1)
    assert command("--tickers", "PETR4", "--start-date", str(before), "--end-date", str(before)) == 0
    assert command.fetch_at(NOW, "--tickers", "PETR4", "--json") == 0
    assert command.records()["PETR4"]["requested"] == 7
    assert "The lake ends" not in command.err
    assert days_of(lake, "PETR4") == sessions_between(before, TODAY)


def test_a_run_goes_back_a_year_and_tells_of_what_is_before(
    command: Command,  # noqa: F811
    lake: TestLake,
    fake_yahoo: FakeYahoo,
) -> None:
    days = month(2022, 3)
    assert command("--tickers", "PETR4", "--start-date", str(days[0]), "--end-date", str(days[-1])) == 0
    assert command.fetch_at(NOW, "--tickers", "PETR4", "--json") == 0
    first = trailing_window(TODAY, 7) - dt.timedelta(days=365)
    lacking = sessions_between(days[-1] + dt.timedelta(days=1), first - dt.timedelta(days=1))
    record = command.records()["PETR4"]
    assert record["gaps"] == [day.isoformat() for day in lacking]
    assert record["cause"] == (
        f"before that the lake lacks {len(lacking)} sessions, {lacking[0]} to {lacking[-1]}: "
        f"if it traded then, fetch once with START_DATE={lacking[0]}"
    )
    assert command.summary()["gaps"] == len(lacking) > 200
    assert record["received"] == len(sessions_between(first, TODAY))
    assert command.fetch_at(NOW, "--tickers", "PETR4", "--start-date", str(lacking[0]), "--json") == 0
    assert days_of(lake, "PETR4") == sessions_between(days[0], TODAY)
    assert command.records()["PETR4"]["gaps"] == []


def test_a_first_day_that_was_named_is_the_first_and_the_hole_is_told(
    command: Command,  # noqa: F811
    lake: TestLake,
    off_since: list[dt.date],
) -> None:
    assert command.fetch_at(NOW, "--tickers", "PETR4", "--start-date", "2024-06-27") == 0
    assert days_of(lake, "PETR4") == [*off_since, dt.date(2024, 6, 27), TODAY]
    hole = sessions_between(off_since[-1] + dt.timedelta(days=1), dt.date(2024, 6, 26))
    assert f"{len(hole)} sessions missing" in command.out
    assert command.fetch_at(NOW, "--tickers", "PETR4", "--start-date", "2024-06-27", "--json") == 0
    record = command.records()["PETR4"]
    assert record["gaps"] == [day.isoformat() for day in hole]
    assert f"fetch once with START_DATE={hole[0]}" in record["cause"]


def test_quarters_of_an_hour_are_not_asked_for_where_yahoo_has_none(
    command: Command,  # noqa: F811
    off_since: list[dt.date],
    fake_yahoo: FakeYahoo,
) -> None:
    command.fetch_at(NOW, "--tickers", "PETR4", "--interval", "15m", "--dry-run")
    assert f"PETR4 from {trailing_window(TODAY, 7) - dt.timedelta(days=45)}." in command.err


def test_files_of_the_exchange_are_read_from_the_day_after_the_newest_of_any(
    command: Command,  # noqa: F811
    lake: TestLake,
    tmp_path: Path,
) -> None:
    """One day is the first of all, for a file has every ticker; who had stopped before is told."""
    days = sessions_between(dt.date(2024, 4, 1), TODAY)
    rows = [(day, ticker) for day in days for ticker in ("PETR4", "VALE3") if ticker == "PETR4" or day < days[5]]
    file = write_days(tmp_path, rows)
    took = ("--source", "b3", "--b3-files", str(file))
    assert command(*took, "--tickers", "PETR4,VALE3", "--start-date", str(days[0]), "--end-date", str(days[9])) == 0
    assert command.fetch_at(NOW, *took, "--tickers", "PETR4,VALE3", "--sessions", "7", "--json") == 3, "VALE3 has none"
    assert command.records()["PETR4"]["requested"] == len(days) - 10
    assert days_of(lake, "PETR4") == days
    told = command.records()["VALE3"]
    assert told["status"] == "no-data"
    assert told["gaps"][:5] == [day.isoformat() for day in days[5:10]]
    assert told["cause"].endswith(f"fetch once with START_DATE={days[5]}")


def test_the_whole_market_begins_where_the_lake_ends(command: Command, lake: TestLake, tmp_path: Path) -> None:  # noqa: F811
    days = sessions_between(dt.date(2024, 4, 1), TODAY)
    file = write_days(tmp_path, [(day, ticker) for day in days for ticker in ("PETR4", "VALE3")])
    took = ("--source", "b3", "--b3-files", str(file), "--tickers", "*")
    assert command(*took, "--start-date", str(days[0]), "--end-date", str(days[9])) == 0
    assert command.fetch_at(NOW, *took, "--start-date", str(days[20]), "--json") == 0
    record = command.records()["*"]
    assert (record["status"], record["gaps"]) == ("unchanged", [day.isoformat() for day in days[10:20]])
    for day in days[20:]:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key_of(day))
        lake.s3.delete_object(Bucket=lake.bucket, Key=key_of(day, "VALE3"))
    assert command.fetch_at(NOW, *took, "--sessions", "7", "--json") == 0
    assert f"fetched too: * from {days[9] + dt.timedelta(days=1)}." in command.err
    assert set(lake.written()) == {key_of(day, ticker) for day in days for ticker in ("PETR4", "VALE3")}
    assert "*" not in command.records()


def test_parts_have_one_first_day_each() -> None:
    old, older = dt.date(2024, 5, 2), dt.date(2024, 4, 2)
    wanted = Selection(("A", "B", "C", "D"), dt.date(2024, 6, 3), TODAY, NOW, since={"B": old, "C": older, "D": older})
    assert [(part.tickers, part.start, part.since) for part in wanted.parts] == [
        (("C", "D"), older, {}),
        (("B",), old, {}),
        (("A",), dt.date(2024, 6, 3), {}),
    ]
    assert wanted.earliest == older
    assert wanted.sessions_of("B") == sessions_between(old, TODAY)
