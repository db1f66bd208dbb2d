"""B3's service of listed companies as a source: how it is asked, what is kept, and what becomes of a bad answer."""

import base64
import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from b3lake.ingest.events.answers import CASH, SUPPLEMENT
from b3lake.ingest.events.event import Share
from b3lake.ingest.events.rules import events_of
from b3lake.ingest.sources.b3_events import B3Events, IssuerAnswers, file_name, plain_name
from b3lake.ingest.sources.http_get import BackOff
from devlake.fake_b3 import FakeB3
from devlake.fake_http import HTML_200, Reply, Scripted, serving
from tests.ingest.listed_companies import cash, cash_body, recent, stock, supplement_body

HASTY = BackOff(attempts=2, first_seconds=0.001, longest_seconds=0.002, timeout_seconds=5)
RECENT = [recent("DIVIDENDO", "0,1", "17/12/2021", "BRABEVACNOR1")]
AMBEV = {
    "trading_name": "AMBEV S/A",
    "stocks": [stock("DESDOBRAMENTO", "400,0", "08/11/2013", "BRABEVACNOR1")],
    "recents": RECENT,
    "cashes": [cash("DIVIDENDO", f"0,{number:03}", "17/12/2021") for number in range(1, 251)],
}


@contextmanager
def service(replies: list[Reply] | None = None, **issuers: dict[str, Any]) -> Iterator[tuple[B3Events, Scripted]]:
    """The events source of a fake B3 that knows `issuers`: trading_name, stocks, recents and cashes of each."""
    answers: dict[str, Any] = {}
    for issuer, told in issuers.items():
        body = supplement_body(
            told.get("stocks", ()), told.get("recents", ()), tradingName=told["trading_name"].ljust(12)
        )
        answers[f"{issuer}-{SUPPLEMENT}"] = json.loads(body)
        answers[f"{issuer}-{CASH}"] = json.loads(cash_body(told.get("cashes", ())))
    scripted = Scripted(FakeB3(answers=answers), replies or [])
    with serving(scripted) as url:
        yield B3Events(url, back_off=HASTY, pause_seconds=0), scripted


def asked(scripted: Scripted) -> list[tuple[str, dict[str, Any]]]:
    """The calls and what was asked for in them."""
    parts = [request.path.split("/", 4) for request in scripted.requests]
    return [(part[3], json.loads(base64.b64decode(part[4]))) for part in parts]


def ask(source: B3Events, issuer: str = "ABEV", name: str = "AMBEV S/A   ") -> IssuerAnswers:
    return source.ask(issuer, name)


def test_both_answers_come_whole_over_several_pages():
    with service(ABEV=AMBEV) as (source, scripted):
        answers = ask(source)
    assert answers.problems == ()
    assert [str(row.value) for row in answers.cash] == [f"0.{number:03}" for number in range(1, 251)]
    assert answers.supplement.trading_name == "AMBEV S/A"
    page = {"language": "pt-br", "pageSize": 120, "tradingName": "AMBEV SA"}
    assert asked(scripted) == [
        (SUPPLEMENT, {"issuingCompany": "ABEV", "language": "pt-br"}),
        *((CASH, page | {"pageNumber": number}) for number in (1, 2, 3)),
    ]


def test_what_is_kept_can_be_given_in_a_folder_and_means_the_same(tmp_path: Path):
    with service(ABEV=AMBEV) as (source, _):
        answers = ask(source)
    for call, body in answers.bodies.items():
        (tmp_path / file_name("ABEV", call)).write_bytes(body)
    again = B3Events(folder=tmp_path).ask("ABEV", "")
    share = Share("ABEV3", ("BRABEVACNOR1",))
    assert again == answers
    assert len(events_of(share, again.supplement, again.cash)) == 251


def test_an_issuer_without_events_is_known_to_have_none():
    with service(NONE={"trading_name": "NONE"}) as (source, _):
        answers = ask(source, "NONE", "NONE")
    assert (answers.problems, answers.cash, answers.supplement.stock) == ((), (), ())


def test_the_trading_name_of_the_quotes_comes_first_and_that_of_the_answer_is_tried_too():
    with service(ABEV=AMBEV) as (source, scripted):
        assert len(ask(source, name="AN OLD NAME").cash) == 250
        assert [question["tradingName"] for call, question in asked(scripted) if call == CASH] == [
            "AN OLD NAME",
            *["AMBEV SA"] * 3,
        ]
        assert len(ask(source, name="").cash) == 250
    assert plain_name(" AMBEV S/A   ") == "AMBEV SA"


def test_nothing_found_where_payments_are_listed_is_a_wrong_name():
    lost = {"trading_name": "LOST", "recents": RECENT}
    with service(LOST=lost, ABEV=AMBEV) as (source, _):
        answers = ask(source, "LOST", "LOST")
    assert answers.cash is None
    assert answers.problems == (
        "GetListedCashDividends: B3 finds nothing under the trading name, though it lists payments of this year",
    )
    assert set(answers.bodies) == {SUPPLEMENT}


def test_an_unknown_issuer_is_named_and_nothing_is_kept():
    with service() as (source, scripted):
        answers = ask(source, "XXXX", "")
    assert answers.problems == (
        "GetListedSupplementCompany: B3 does not know the issuer (its answer is empty)",
        "GetListedCashDividends: no trading name is known to ask by",
    )
    assert (answers.supplement, answers.cash, answers.bodies) == (None, None, {})
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("bad", [HTML_200, Reply(503, "busy"), Reply(200, supplement_body().decode(), cut=True)])
def test_a_passing_fault_is_asked_again(bad: Reply):
    with service([bad], ABEV=AMBEV) as (source, _):
        answers = ask(source)
    assert answers.problems == ()
    assert len(answers.cash) == 250


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (HTML_200, "it answered 200 with a page instead of JSON, 2 times; run again later"),
        (Reply(200, ""), "B3's answer is empty"),
        (Reply(200, "{broken"), "B3's answer is no JSON"),
        (Reply(403, '{"error": "denied"}'), "B3 refuses to answer (status 403)"),
        (Reply(429, ""), "it answered 429, 2 times; run again later"),
    ],
)
def test_one_answer_that_is_no_good_leaves_the_other(bad: Reply, problem: str):
    with service([bad, bad], ABEV=AMBEV) as (source, scripted):
        scripted.replies = [bad] * (2 if "times" in problem else 1)
        answers = ask(source)
    assert answers.problems == (f"GetListedSupplementCompany: {problem}",)
    assert answers.supplement is None
    assert len(answers.cash) == 250
    assert set(answers.bodies) == {CASH}


def test_a_page_of_null_totals_is_no_answer(tmp_path: Path):
    with service(ABEV=AMBEV) as (source, _):
        greedy = B3Events(source.base_url, back_off=HASTY, pause_seconds=0, page_size=400)
        answers = ask(greedy)
    assert answers.problems == ("GetListedCashDividends: B3's answer is a page of null totals",)
    assert answers.cash is None


def test_more_pages_than_there_can_be_are_not_asked_for():
    endless = Reply(200, json.loads(cash_body([cash("DIVIDENDO", "1,0", "10/03/2021")], totalPages=9999)))
    with service([Reply(200, json.loads(supplement_body())), endless], ABEV=AMBEV) as (source, scripted):
        answers = ask(source)
    assert answers.problems == ("GetListedCashDividends: B3 has 9999 pages of events, more than 50",)
    assert len(scripted.requests) == 2


def test_each_issuer_is_asked_for_once_and_one_that_fails_leaves_the_others():
    shares = [Share("ABEV3", trading_name="AMBEV S/A"), Share("NONE3", trading_name="NONE"), Share("NONE4")]
    with service([HTML_200] * 4, ABEV=AMBEV, NONE={"trading_name": "NONE"}) as (source, scripted):
        first, second = source.ask_all(shares)
    assert (first.issuer, first.supplement, first.cash, first.reached) == ("ABEV", None, None, False)
    assert len(first.problems) == 2
    assert (second.issuer, second.cash, second.problems) == ("NONE", (), ())
    assert len(scripted.requests) == 4 + 2


def test_a_service_that_is_down_is_not_asked_for_everybody():
    shares = [Share(f"AAA{letter}3", trading_name=letter) for letter in "ABCDEFGH"]
    with service([HTML_200] * 1000) as (source, scripted):
        answers = list(source.ask_all(shares))
    assert [each.issuer for each in answers] == [share.issuer for share in shares]
    assert len(scripted.requests) == 3 * 2 * HASTY.attempts
    assert {each.problems for each in answers[3:]} == {("B3's service of listed companies does not answer: not asked",)}


def test_only_issuers_in_a_row_without_any_answer_tell_that_the_service_is_down():
    shares = [Share(f"AAA{letter}3", trading_name=letter) for letter in "ABCDEFGH"]
    down, good = [HTML_200] * 2, [Reply(200, json.loads(supplement_body()))]
    replies = [*down, *down, *down, *down, *good, *down, *down, *down, *good, *down, *good, *down, *good, *down]
    with service(replies) as (source, _):
        answers = list(source.ask_all(shares))
    assert [each.reached for each in answers] == [False, False, True, False, True, True, True, True]
    assert "not asked" not in "".join(problem for each in answers for problem in each.problems)


def test_an_issuer_goes_by_the_name_of_the_first_of_its_shares_that_has_one():
    shares = [
        Share("ABEV3"),
        Share("ABEV4", trading_name="FIRST"),
        Share("ABEV11", trading_name="SECOND"),
        Share("ABEV5"),
    ]
    with service(ABEV=AMBEV) as (source, scripted):
        list(source.ask_all(shares))
    assert next(question["tradingName"] for call, question in asked(scripted) if call == CASH) == "FIRST"


def test_requests_keep_a_pause():
    with service(ABEV=AMBEV) as (source, scripted):
        begun = time.monotonic()
        ask(dataclasses.replace(source, pause_seconds=0.05))
    assert len(scripted.requests) == 4
    assert time.monotonic() - begun >= 0.2


def test_a_service_that_cannot_be_reached_is_named():
    source = B3Events("http://127.0.0.1:9", back_off=HASTY, pause_seconds=0)
    answers = source.ask("ABEV", "AMBEV")
    assert [problem.partition(" (")[0] for problem in answers.problems] == [
        "GetListedSupplementCompany: it could not be reached",
        "GetListedCashDividends: it could not be reached",
    ]
    assert not answers.reached


def test_a_folder_may_lack_an_answer_and_says_which(tmp_path: Path, shared_data: Path):
    answers = B3Events(folder=shared_data / "b3_events").ask("MGLU", "MAGAZ LUIZA")
    assert len(answers.supplement.stock) == 3
    missing = shared_data / "b3_events" / "MGLU-GetListedCashDividends.json"
    assert answers.problems == (f"GetListedCashDividends: {missing} does not exist",)
    (tmp_path / "XPTO-GetListedCashDividends.json").mkdir()
    assert [problem.rpartition("(")[2] for problem in B3Events(folder=tmp_path).ask("XPTO", "").problems] == [
        f"GetListedSupplementCompany: {tmp_path / 'XPTO-GetListedSupplementCompany.json'} does not exist",
        "Is a directory)",
    ]
