"""Repairs of the doctor: a row that was written too early, the newest session, days of B3's files, the catalog."""
# ruff: noqa: F811 - fixtures that are imported

import asyncio
import datetime as dt
import io
from pathlib import Path

import pytest
from rich.console import Console

from b3lake.ingest.catalog import Catalog
from b3lake.ingest.doctor.examine import EVER, examine
from b3lake.ingest.doctor.repair import repair
from b3lake.ingest.parquet import encode
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources.source import Failure, Notice, Selection
from b3lake.lake.calendar import sessions_between
from b3lake.lake.errors import B3LakeError
from b3lake.lake.schemas import RAW_SCHEMA
from devlake.aws_requests import AwsRequest
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_yahoo import FakeYahoo
from devlake.proxy import Answer, Proxy, serving
from tests.ingest.event_cases import CASH, CLOSES, SPLIT, answers, fetch, put_files
from tests.ingest.event_cases import DAYS as APRIL
from tests.ingest.lake_cases import DATABASE, DAYS, TestLake, key_of, session, table
from tests.ingest.scripted_source import Source, bars
from tests.ingest.test_run import RANGE, Command, command, impatience  # noqa: F401 - fixtures
from tests.ingest.yahoo_cases import answer_with, bar

HOLIDAY = dt.date(2024, 5, 1)


def put(lake: TestLake, day: dt.date, ticker: str = "PETR4", *, register: bool = True, **columns: list[object]) -> None:
    """An object of one row, and its registration."""
    lake.open()
    body = encode(table(ticker, [day], **columns).select(RAW_SCHEMA.names))
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(day, ticker), Body=body)
    if register:
        Catalog(DATABASE, lake.bucket, session()).register([(day, ticker)])


def next_session() -> dt.date:
    """The first session after today: what is written today is written before it is final."""
    today = dt.datetime.now(dt.timezone.utc).date()
    return sessions_between(today + dt.timedelta(days=2), today + dt.timedelta(days=14))[0]


def test_a_row_written_before_its_session_was_final_is_fetched_again_when_it_is(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo
):
    """On the evening of that session, which is then the newest; not in its afternoon."""
    day = next_session()
    put(lake, day, price=1.0)
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(day, 33.0)])]
    of_the_day = ("--start-date", str(day), "--end-date", str(day), "--json")
    afternoon = dt.datetime.combine(day, dt.time(18), dt.timezone.utc)
    assert command.doctor_at(afternoon, *of_the_day, "--fix") == 3
    assert fake_yahoo.requests == []
    assert lake.rows(key_of(day))[0]["close"] == 1.1
    evening = afternoon + dt.timedelta(hours=6)
    assert command.doctor_at(evening, *of_the_day) == 3
    assert [line["finding"] for line in command.lines()] == ["stale"]
    command.doctor_at(evening, *of_the_day, "--fix")
    assert len(fake_yahoo.requests) == 1
    assert lake.rows(key_of(day))[0]["close"] == 33.0


def test_the_newest_session_is_repaired_as_the_oldest_is(command: Command, lake: TestLake, fake_yahoo: FakeYahoo):
    """Both ends of what is broken, and nothing between them that is whole."""
    assert command("--tickers", "PETR4", *RANGE) == 0
    before = lake.versions()
    good = lake.everything()
    for day in (DAYS[0], DAYS[-1]):
        lake.s3.put_object(Bucket=lake.bucket, Key=key_of(day), Body=b"PAR1 half a fi")
    evening = dt.datetime.combine(DAYS[-1], dt.time(23, 30), dt.timezone.utc)
    assert command.doctor_at(evening, "--fix", "--json") == 0
    assert command.summary()["repaired"] == 2
    assert lake.everything() == good
    written = {key_of(day): 3 if day in (DAYS[0], DAYS[-1]) else 1 for day in DAYS}
    assert {key: count for key, count in lake.versions().items() if key in before} == written


def test_a_registered_day_that_was_carried_forward_leaves_the_catalog_too(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo
):
    assert command("--tickers", "PETR4", *RANGE) == 0
    put(lake, HOLIDAY, volume=[0])
    assert len(lake.partitions()) == 6
    assert command.doctor("--json") == 3
    assert [line["finding"] for line in command.lines()] == ["carried-forward"]
    assert command.doctor("--fix", "--json") == 0
    assert command.summary()["repaired"] == 1
    assert set(lake.written()) == {key_of(day) for day in DAYS}
    assert lake.partitions() == {(str(day), "PETR4") for day in DAYS}


def test_what_the_source_cannot_give_is_told_and_the_rest_is_repaired(lake: TestLake):
    """A failure and a notice come before the bars of another day."""
    for day in DAYS[:2]:
        put(lake, day)
        lake.s3.put_object(Bucket=lake.bucket, Key=key_of(day), Body=b"PAR1 half a fi")
    good = table("PETR4", [DAYS[1]], price=7.0)
    source = Source(Failure(B3LakeError("PETR4: nobody knows"), "PETR4"), Notice("a word"), bars(good))
    said = io.StringIO()
    steps = Steps(Console(file=said, width=200))
    wanted = Selection(None, *EVER, dt.datetime(2024, 6, 3, 12, tzinfo=dt.timezone.utc))
    opened = lake.open()

    async def mend() -> None:
        await repair(opened, source, wanted, await examine(opened, wanted, steps), steps)

    asyncio.run(mend())
    assert said.getvalue().splitlines()[1:3] == ["PETR4: nobody knows", "a word"]
    assert [row["close"] for row in lake.rows(key_of(DAYS[1]))] == good["close"].to_pylist()
    assert lake.s3.get_object(Bucket=lake.bucket, Key=key_of(DAYS[0]))["Body"].read() == b"PAR1 half a fi"


def test_repeated_rows_are_dropped_where_the_source_does_not_help(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo
):
    """The last of two rows of one moment stands; rows are in the order of their moments."""
    lake.open()
    hours = [dt.datetime.combine(DAYS[0], dt.time(hour)) for hour in (15, 13, 15, 14)]
    rows = table(days=[DAYS[0]] * 4, ts=hours, volume=[1, 2, 3, 4])
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(DAYS[0]), Body=encode(rows.select(RAW_SCHEMA.names)))
    Catalog(DATABASE, lake.bucket, session()).register([(DAYS[0], "PETR4")])
    assert command.doctor("--json") == 3
    assert [line["finding"] for line in command.lines()] == ["duplicate"]
    assert command.doctor("--fix") == 0
    assert [(row["ts"].hour, row["volume"]) for row in lake.rows(key_of(DAYS[0]))] == [(13, 2), (14, 4), (15, 3)]
    assert fake_yahoo.requests == [], "nothing is fetched for it"


def test_an_object_that_goes_between_listing_and_reading_is_told_so(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo, monkeypatch: pytest.MonkeyPatch
):
    assert command("--tickers", "PETR4", *RANGE) == 0
    gone = Answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")

    def answer(request: AwsRequest) -> Answer | None:
        return gone if (request.operation, request.key) == ("GetObject", key_of(DAYS[2])) else None

    with serving(Proxy(lake.url, intercept=answer)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        assert command.doctor("--json") == 3
    (found,) = command.lines()
    assert (found["finding"], found["day"], found["detail"]) == (
        "unreadable",
        str(DAYS[2]),
        "gone since it was listed",
    )


# --- From B3's files ---------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """All five days of two papers; 2024-05-07 of PETR4 is refused."""
    records = [
        quote(day=int(f"{day:%Y%m%d}"), code=code, currency="CR$" if (day, code) == (DAYS[3], "PETR4") else "R$")
        for day in DAYS
        for code in ("PETR4", "VALE3")
    ]
    (tmp_path / "notes.txt").write_text("not one of B3's")
    (tmp_path / "COTAHIST_A2024.TXT").write_bytes(whole_file(records))
    return tmp_path


def from_b3(files: Path, *more: str) -> tuple[str, ...]:
    return ("--source", "b3", "--b3-files", str(files), "--fix", "--json", *more)


def test_what_is_broken_is_taken_from_b3_s_files_and_nothing_else(command: Command, lake: TestLake, files: Path):
    for day in (DAYS[0], DAYS[4]):
        put(lake, day, price=37.0, source=["b3"])
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(DAYS[0]), Body=b"PAR1 half a fi")
    assert command.doctor(*from_b3(files)) == 3
    assert [(line["finding"], line["day"]) for line in command.lines()] == [("gap", str(DAYS[3]))]
    assert command.summary()["repaired"] == 3
    assert set(lake.written("raw/b3/")) == {key_of(day) for day in DAYS if day != DAYS[3]}
    closes = [lake.rows(key_of(day))[0]["close"] for day in DAYS if day != DAYS[3]]
    assert closes == [37.78, 37.78, 37.78, 37.1], "the last day was whole"
    assert lake.partitions() == {(str(day), "PETR4") for day in DAYS if day != DAYS[3]}
    assert "Left out, for they do not begin as a COTAHIST file does: notes.txt." in command.err


def test_what_b3_s_files_do_not_have_is_told_and_left(command: Command, lake: TestLake, files: Path):
    first, last = dt.date(2024, 4, 29), DAYS[0]
    put(lake, first, source=["b3"])
    put(lake, last, source=["b3"])
    assert command.doctor(*from_b3(files)) == 3
    assert [(line["finding"], line["day"]) for line in command.lines()] == [("gap", "2024-04-30")]
    assert f"{files} has no file of the session of 2024-04-30" in command.err


def test_invented_prices_repair_no_real_lake(command: Command, lake: TestLake, fake_yahoo: FakeYahoo, monkeypatch):
    put(lake, DAYS[0])
    put(lake, DAYS[2])
    monkeypatch.setenv("B3LAKE_SOURCE_LABEL", "synthetic")
    assert command.doctor("--fix", "--json") == 1
    assert "synthetic" in command.err
    assert fake_yahoo.requests == []
    assert len(lake.written()) == 2


def test_without_a_trade_there_is_nothing_to_repair_from_a_file(command: Command, lake: TestLake, files: Path):
    for day in (DAYS[0], DAYS[2]):
        put(lake, day, "ITUB4", source=["b3"])
    assert command.doctor(*from_b3(files)) == 3
    assert [(line["finding"], line["ticker"]) for line in command.lines()] == [("gap", "ITUB4")]
    assert len(lake.written()) == 2


def test_what_the_kept_answers_about_events_lack_is_told(command: Command, lake: TestLake, tmp_path: Path):
    files = put_files(tmp_path / "files", [("XPTO3", day, CLOSES[day]) for day in APRIL])
    assert command(*fetch(files, answers(tmp_path / "answers", SPLIT), APRIL[0], APRIL[-1])) == 0
    lake.s3.put_object(Bucket=lake.bucket, Key=f"events/answers/XPTO-{CASH}.json", Body=b"no JSON")
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(APRIL[3], "XPTO3"), Body=b"PAR1 half a fi")
    assert command.doctor(*from_b3(files)) == 0
    told = "events: GetListedCashDividends: what the lake kept of it: B3's answer is no JSON"
    assert [line for line in command.err.splitlines() if line.startswith("events:")] == [told]
