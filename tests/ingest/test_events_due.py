"""Whose events are asked for, and what the lake keeps of the answers: without a service, on moto's S3."""
# ruff: noqa: F811 - fixtures that are imported

import asyncio
import datetime as dt
import io
from pathlib import Path

import pytest
from obstore.store import S3Store
from rich.console import Console

from b3lake.ingest.events.ask import MOST_ISSUERS, EventsWanted, shares_due
from b3lake.ingest.events.event import Share
from b3lake.ingest.events.kept import KeptAnswers, list_kept
from b3lake.ingest.objects import open_store
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources.b3_events import B3Events
from b3lake.lake.errors import B3LakeError
from tests.ingest.event_cases import CLOSES, DAYS, DIVIDEND, SPLIT, answers, fetch, put_files, table
from tests.ingest.lake_cases import TestLake, session
from tests.ingest.listed_companies import stock
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures

NOW = dt.datetime(2024, 5, 8, 12, tzinfo=dt.timezone.utc)
WEEK = dt.timedelta(days=7)
SECOND = dt.timedelta(seconds=1)
CALLS = ("GetListedSupplementCompany", "GetListedCashDividends")
XPTO = [Share("XPTO3"), Share("ABCD3"), Share("XPTO4")]


def put_on(**moments: dt.datetime) -> dict[str, dt.datetime]:
    """Both answers about each issuer, put at the same moment."""
    return {f"{issuer}-{call}.json": moment for issuer, moment in moments.items() for call in CALLS}


def due(
    shares: list[Share], there: dict[str, dt.datetime], *, tickers: tuple[str, ...] | None = None, source: B3Events
) -> tuple[list[str], str]:
    """The tickers that are asked for, and what a person is told."""
    told = io.StringIO()
    kept = KeptAnswers(S3Store("none", region="us-east-1"), there)
    found = shares_due(shares, EventsWanted(source, tickers, NOW), source, kept, Steps(Console(file=told, width=200)))
    return [share.ticker for share in found], told.getvalue()


@pytest.mark.parametrize(
    ("age", "asked"),
    [(WEEK - SECOND, ["ABCD3"]), (WEEK, ["ABCD3"]), (WEEK + SECOND, ["XPTO3", "XPTO4", "ABCD3"])],
)
def test_of_the_market_an_answer_stands_for_a_week(age: dt.timedelta, asked: list[str]) -> None:
    assert due(XPTO, put_on(XPTO=NOW - age), source=B3Events()) == (asked, "")


def test_who_is_named_is_asked_for_whatever_there_is() -> None:
    there = put_on(XPTO=NOW, ABCD=NOW)
    assert due(XPTO, there, tickers=("XPTO3",), source=B3Events()) == (["XPTO3", "ABCD3", "XPTO4"], "")


def test_one_of_both_answers_is_none() -> None:
    there = put_on(XPTO=NOW, ABCD=NOW)
    del there[f"XPTO-{CALLS[0]}.json"]
    assert due(XPTO, there, source=B3Events())[0] == ["XPTO3", "XPTO4"]
    there = put_on(XPTO=NOW, ABCD=NOW) | {f"ABCD-{CALLS[1]}.json": NOW - WEEK - SECOND}
    assert due(XPTO, there, source=B3Events())[0] == ["ABCD3"], "the older one counts"


def test_a_folder_is_read_whatever_its_age_and_asked_only_for_what_it_has(tmp_path: Path) -> None:
    (tmp_path / f"XPTO-{CALLS[1]}.json").write_text("{}")
    assert due(XPTO, put_on(XPTO=NOW, ABCD=NOW), source=B3Events(folder=tmp_path)) == (["XPTO3", "XPTO4"], "")


def test_a_run_asks_about_so_many_issuers_and_says_how_many_are_left() -> None:
    shares = [Share(f"{first}{second}AA3") for first in "ABCDEFGHIJKLMNOPQRSTU" for second in "ABCDEFGHIJKLMNOPQRST"]
    asked, told = due(shares, {}, source=B3Events())
    assert asked == [share.ticker for share in shares[:MOST_ISSUERS]]
    assert MOST_ISSUERS == 400
    assert told == "20 issuers' events are left for the next run, 400 are asked for now.\n"
    assert due(shares[:400], {}, source=B3Events())[1] == ""


def test_an_answer_is_put_where_it_is_new_or_old(lake: TestLake) -> None:
    store = open_store(lake.bucket, session())
    new, other = {CALLS[0]: b"{1}", CALLS[1]: b"{2}"}, {CALLS[0]: b"{1}", CALLS[1]: b"{3}"}

    async def keep(bodies: dict[str, bytes], older_than: dt.datetime) -> None:
        kept = await list_kept(store)
        await kept.read(["XPTO"])
        await kept.keep("XPTO", bodies, older_than)
        assert kept.bodies("XPTO") == bodies

    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    keys = [f"events/answers/XPTO-{call}.json" for call in CALLS]
    asyncio.run(keep(new, long_ago))
    asyncio.run(keep(new, long_ago))
    assert [lake.versions()[key] for key in keys] == [1, 1], "the same again is not put"
    asyncio.run(keep(other, long_ago))
    assert [lake.versions()[key] for key in keys] == [1, 2]
    asyncio.run(keep(other, dt.datetime.now(dt.timezone.utc) + WEEK))
    assert [lake.versions()[key] for key in keys] == [2, 3], "asked again, it is of today"


def test_a_bucket_that_takes_no_answer_is_a_sentence(lake: TestLake) -> None:
    store = open_store(f"{lake.bucket}-gone", session())
    with pytest.raises(B3LakeError) as caught:
        asyncio.run(KeptAnswers(store, {}).keep("XPTO", {CALLS[0]: b"{}"}, NOW))
    assert str(caught.value).startswith(f"Bucket {lake.bucket}-gone does not exist: ")
    assert caught.value.__cause__ is not None


def test_the_events_of_another_ticker_stay_and_its_own_are_replaced(
    command: Command, lake: TestLake, tmp_path: Path
) -> None:
    quotes = [(ticker, day, CLOSES[day]) for ticker in ("ABCD3", "XPTO3") for day in DAYS]
    files = put_files(tmp_path / "files", quotes)
    folder = tmp_path / "answers"
    answers(folder, SPLIT | {"isinCode": "BRABCDACNOR1"}, issuer="ABCD")
    assert command(*fetch(files, folder, DAYS[0], DAYS[-1], "ABCD3")) == 0
    answers(folder, SPLIT, DIVIDEND)
    assert command(*fetch(files, folder, DAYS[0], DAYS[-1], "XPTO3")) == 0
    of_others = [(row["kind"], str(row["ex_date"])) for row in table(lake, "ABCD3")]
    assert of_others == [("split", "2024-04-10")]
    assert [row["kind"] for row in table(lake, "XPTO3")] == ["split", "dividend"]
    answers(folder, stock("DESDOBRAMENTO", "100,0", "09/04/2024"))
    assert command(*fetch(files, folder, DAYS[0], DAYS[-1], "XPTO3")) == 0
    assert [row["kind"] for row in table(lake, "XPTO3")] == ["split"]
    assert [(row["kind"], str(row["ex_date"])) for row in table(lake, "ABCD3")] == of_others
