"""B3's service of listed companies in whole runs: who is asked and when, and what becomes of a bad answer."""
# ruff: noqa: F811 - fixtures that are imported

import base64
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from b3lake.ingest.events.ask import FRESH
from b3lake.ingest.sources import settings
from b3lake.ingest.sources.b3_events import B3Events
from b3lake.ingest.sources.http_get import BackOff
from devlake.fake_b3 import FakeB3
from devlake.fake_http import HTML_200, NOT_FOUND, Reply, Scripted, serving
from tests.ingest.event_cases import CASH, CLOSES, DAYS, DIVIDEND, SPLIT, SUPPLEMENT, cells, fetch, put_files
from tests.ingest.lake_cases import TestLake
from tests.ingest.listed_companies import cash_body, supplement_body
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures

HASTY = BackOff(attempts=2, first_seconds=0.001, longest_seconds=0.002, timeout_seconds=5)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """A fake of B3's service that knows XPTO and ABCD; the environment points at it, and it is asked hastily."""
    told = {
        f"{issuer}-{call}": json.loads(body)
        for issuer in ("XPTO", "ABCD")
        for call, body in (
            (SUPPLEMENT, supplement_body([SPLIT | {"isinCode": f"BR{issuer}ACNOR1"}], tradingName=f"{issuer} S/A")),
            (CASH, cash_body([DIVIDEND])),
        )
    }
    made = Scripted(FakeB3(answers=told))
    monkeypatch.setattr(settings, "B3Events", partial(B3Events, back_off=HASTY, pause_seconds=0))
    with serving(made) as url:
        monkeypatch.setenv("B3LAKE_B3_LISTED_URL", url)
        monkeypatch.setenv("B3LAKE_SOURCE_LABEL", "b3")
        yield made


NAMES = ("ABCD3", "XPTO3", "FIIX11")


@pytest.fixture
def two_shares(tmp_path: Path) -> Path:
    return put_files(
        tmp_path / "files", [(name, day, CLOSES[day]) for day in DAYS for name in ("ABCD3", "XPTO3", "FIIX11")]
    )


@dataclass(frozen=True)
class Asked:
    """Runs over all days of `files` that ask the service."""

    command: Command
    files: Path

    def __call__(self, tickers: str) -> int:
        return self.command(*self.words(tickers))

    def words(self, tickers: str) -> tuple[str, ...]:
        return fetch(self.files, "network", DAYS[0], DAYS[-1], tickers)


@pytest.fixture
def asked(command: Command, service: Scripted, two_shares: Path) -> Asked:
    return Asked(command, two_shares)


BOTH = {"2024-04-10": (None, 2.0), "2024-04-17": (0.25, None)}


@pytest.mark.parametrize(
    ("replies", "cause"),
    [
        ([HTML_200] * 4, "it answered 200 with a page instead of JSON, 2 times; run again later"),
        ([NOT_FOUND] * 4, "it answered 404 with a page instead of JSON, 2 times; run again later"),
        ([Reply(404, "{}")] * 2, "B3 refuses to answer (status 404)"),
        ([Reply(200, "")] * 2, "B3's answer is empty"),
        ([Reply(200, "{")] * 2, "B3's answer is no JSON"),
        ([HTML_200] * 2, "GetListedSupplementCompany: it answered 200 with a page instead of JSON, 2 times"),
    ],
)
def test_one_issuer_never_takes_the_others_with_it(
    asked: Asked, lake: TestLake, service: Scripted, replies: list[Reply], cause: str
):
    service.replies = list(replies)
    assert asked("ABCD3,XPTO3") == 3
    bad, good = asked.command.records().values()
    no_ratios = len(replies) == 2 and replies[0] is HTML_200
    assert (bad["ticker"], bad["status"], bad["written"]) == ("ABCD3", "written", len(DAYS))
    assert bad["events"] == ("no-ratios" if no_ratios else "unknown")
    assert bad["cause"].startswith("events: ")
    assert cause in bad["cause"]
    assert (good["status"], good["events"], good["cause"]) == ("written", "known", "")
    assert cells(lake, "XPTO3") == BOTH
    assert cells(lake, "ABCD3") == ({"2024-04-17": (0.25, None)} if no_ratios else {})
    assert asked.command.summary()["events_missed"] == 1
    assert asked("ABCD3,XPTO3") == 0
    assert cells(lake, "ABCD3") == BOTH, "the next run has what this one missed"


def test_null_totals_are_no_answer_and_what_was_known_stays(
    command: Command, lake: TestLake, service: Scripted, two_shares: Path
):
    run = fetch(two_shares, "network", DAYS[0], DAYS[-1])
    assert command(*run) == 0
    before = lake.everything()
    good = json.loads(supplement_body([SPLIT], tradingName="XPTO S/A"))
    null = {"page": {"pageNumber": 1, "pageSize": 400, "totalRecords": None, "totalPages": None}, "results": []}
    service.replies = [Reply(200, good), Reply(200, null)]
    assert command(*run) == 3
    (record,) = command.records().values()
    assert (record["status"], record["events"]) == ("unchanged", "known")
    assert record["cause"] == (
        "events: GetListedCashDividends: B3's answer is a page of null totals; what was answered before stands"
    )
    assert lake.everything() == before


def test_an_issuer_that_b3_does_not_know_is_told_and_no_failure(
    command: Command, lake: TestLake, service: Scripted, tmp_path: Path
):
    files = put_files(tmp_path / "files", [("MGLU3", day, 10.0) for day in DAYS])
    assert command(*fetch(files, "network", DAYS[0], DAYS[-1], "MGLU3")) == 0
    (record,) = command.records().values()
    assert (record["status"], record["events"]) == ("written", "no-ratios")
    assert record["cause"] == "events: GetListedSupplementCompany: B3 does not know the issuer (its answer is empty)"


def test_the_quotes_tell_the_trading_name_and_its_slash_is_taken_out(
    command: Command, lake: TestLake, service: Scripted, two_shares: Path
):
    service.replies = [Reply(404, "{}")]
    assert command(*fetch(two_shares, "network", DAYS[0], DAYS[-1])) == 3
    asked = [json.loads(base64.b64decode(request.path.rsplit("/", 1)[1])) for request in service.requests]
    assert asked[1]["tradingName"] == "XPTO SA"
    assert cells(lake, "XPTO3") == {"2024-04-17": (0.25, None)}


def test_of_the_whole_market_shares_are_asked_for_once_a_week(
    command: Command, lake: TestLake, service: Scripted, two_shares: Path
):
    run = fetch(two_shares, "network", DAYS[0], DAYS[-1], "*")
    assert command(*run) == 0
    assert {name: record["events"] for name, record in command.records().items()} == {
        "ABCD3": "known",
        "FIIX11": "unknown",
        "XPTO3": "known",
    }
    assert len(service.requests) == 4, "two issuers, two calls, and no fund"
    assert cells(lake, "XPTO3") == cells(lake, "ABCD3") == BOTH
    before = lake.everything()
    assert command(*run) == 0
    assert (len(service.requests), lake.everything()) == (4, before)
    later = dt.datetime.now(dt.timezone.utc) + FRESH + dt.timedelta(hours=1)
    assert command.fetch_at(later, *run) == 0
    assert len(service.requests) == 8
    assert command(*fetch(two_shares, "network", DAYS[0], DAYS[-1], "XPTO3")) == 0
    assert len(service.requests) == 10, "whoever is named is asked for"


def test_real_quotes_get_no_invented_events(
    command: Command, lake: TestLake, service: Scripted, two_shares: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("B3LAKE_SOURCE_LABEL")
    assert command(*fetch(two_shares, "network", DAYS[0], DAYS[-1])) == 2
    assert "Quotes from b3 and events from 127.0.0.1 are not mixed: set B3LAKE_B3_LISTED_URL" in command.err
    assert service.requests == []
