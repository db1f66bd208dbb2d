"""A run's outcomes, ticker by ticker, of a source that answers as it is told to, in a lake in memory."""

import asyncio
import dataclasses
import datetime as dt
import io

import pytest
from obstore.store import MemoryStore
from rich.console import Console

from b3lake.ingest.errors import (
    MissingSessionsError,
    NoDataError,
    RateLimitedError,
    Status,
    TickerError,
)
from b3lake.ingest.ingest import _note_missing_before, ingest
from b3lake.ingest.lake import Lake, MixedLakeError
from b3lake.ingest.outcome import Outcome
from b3lake.ingest.parquet import encode
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources.source import Delivery, Failure, Notice, Selection
from b3lake.ingest.steps import Step, phrase
from b3lake.lake.errors import B3LakeError
from b3lake.lake.schemas import RAW_SCHEMA
from tests.ingest.lake_cases import DAYS, key_of, table
from tests.ingest.scripted_source import Source, bars

NOW = dt.datetime(2024, 5, 9, tzinfo=dt.timezone.utc)
FIVE = Selection(("A",), DAYS[0], DAYS[-1], NOW)
WEEKEND = dataclasses.replace(FIVE, start=dt.date(2024, 5, 4), end=dt.date(2024, 5, 5))
MARKET = dataclasses.replace(FIVE, tickers=None)
STEP = Step(DAYS[1], 20.0, 10.0, 2.0)


@dataclasses.dataclass
class Run:
    """A run's outcomes, what it printed, and the keys that it left."""

    outcomes: list[Outcome]
    lines: list[str]
    keys: list[str]


def run(wanted: Selection, *answers: Delivery | Failure | Notice, dry_run: bool = False, **more: object) -> Run:
    store, sink = MemoryStore(), io.StringIO()
    steps = Steps(Console(file=sink))
    outcomes = asyncio.run(ingest(wanted, Source(*answers), Lake("b", store, None), steps, dry_run=dry_run, **more))
    keys = sorted(one["path"] for page in store.list() for one in page)
    return Run(outcomes, sink.getvalue().splitlines(), keys)


def test_bars_that_came_are_written_and_counted() -> None:
    found = run(FIVE, bars(table("A")))
    assert found.outcomes == [Outcome("A", Status.WRITTEN, 5, 5, 5)]
    assert found.lines == ["A: 5 bars"]
    assert found.keys == [key_of(day, "A") for day in DAYS]
    dry = run(FIVE, bars(table("A", DAYS[:1]), table("A", DAYS[1:])), dry_run=True)
    assert dry.outcomes == [Outcome("A", Status.PLANNED, 5, 5, 5)]
    assert (dry.lines, dry.keys) == (["A: 5 bars"], [])


def test_what_the_lake_has_is_compared_from_the_earliest_day_on() -> None:
    store = MemoryStore()
    store.put(key_of(DAYS[0], "A"), encode(table("A", DAYS[:1]).select(RAW_SCHEMA.names)))
    wanted = dataclasses.replace(FIVE, start=DAYS[2], since={"A": DAYS[0]})
    source, steps = Source(bars(table("A"))), Steps(Console(quiet=True))
    outcomes = asyncio.run(ingest(wanted, source, Lake("b", store, None), steps, dry_run=False))
    assert outcomes == [Outcome("A", Status.WRITTEN, 5, 5, written=4, unchanged=1)]


def test_prices_of_another_kind_enter_no_lake() -> None:
    held = table("B", DAYS[:1], source=["synthetic"]).select(RAW_SCHEMA.names)
    store, source = MemoryStore(), Source(bars(table("A")))
    store.put(key_of(DAYS[0], "B"), encode(held))
    with pytest.raises(MixedLakeError, match=r"^This lake holds synthetic prices \(their source is synthetic\)"):
        asyncio.run(ingest(FIVE, source, Lake("b", store, None), Steps(Console(quiet=True)), dry_run=False))
    assert [one["path"] for page in store.list() for one in page] == [key_of(DAYS[0], "B")]


def test_refusals_of_the_source_and_of_the_rules_are_counted_together() -> None:
    low = [9.5, 0.0, 9.5]
    delivery = bars(
        table("A", DAYS[:3], low=low),
        table("A", DAYS[3:4], low=[0.0]),
        refused={"A": {DAYS[4]: "no price"}},
        doubts={"A": {DAYS[0]: "odd"}},
        steps={"A": [STEP]},
    )
    found = run(FIVE, delivery)
    cause = (
        "2 bars refused: zero or negative price (2024-05-03, 2024-05-07); 1 bar refused: no price (2024-05-08); "
        f"1 bar doubtful: odd (2024-05-02); {phrase([STEP])}"
    )
    (outcome,) = found.outcomes
    assert outcome.cause == cause
    assert outcome == Outcome(
        "A",
        Status.WRITTEN,
        *(5, 2, 2),
        refused=3,
        doubtful=1,
        gaps=[DAYS[1], DAYS[3], DAYS[4]],
        steps=[STEP],
        cause=cause,
    )
    assert found.lines == ["A: 2 bars"]
    nothing = run(FIVE, bars(table("A", DAYS[:1], low=[0.0])))
    refused = "1 bar refused: zero or negative price (2024-05-02)"
    assert nothing.outcomes == [Outcome("A", Status.INVALID, 5, refused=1, gaps=DAYS, cause=refused)]


def test_what_is_strange_about_the_exchanges_own_bars_is_told_and_they_enter() -> None:
    odd = table("A", close=[10.1, 10.1, 10.7, 10.1, 10.1], turnover=[None, 1.0, None, None, None])
    (outcome,) = run(FIVE, bars(odd, official=True)).outcomes
    assert (outcome.status, outcome.written, outcome.doubtful, outcome.refused) == (Status.WRITTEN, 5, 2, 0)
    assert outcome.cause == (
        "1 bar doubtful: a turnover of 1.00 BRL for 1000 shares at 9.5 to 10.5 (2024-05-03); "
        "1 bar doubtful: close above high (2024-05-06)"
    )


@pytest.mark.parametrize(
    ("closes", "cause"),
    [
        ([10.0, 10.0, 1000.0, 10.0, 10.0], "1 bar doubtful: 30 times the bars around it, or a part (2024-05-06)"),
        ([10.0, 10.0, 10.0, 10.0, 1000.0], ""),  # the next day tells
    ],
)
def test_a_price_of_the_exchanges_own_is_compared_with_the_days_around_it(closes: list[float], cause: str) -> None:
    prices = dict.fromkeys(("open", "high", "low", "close"), closes)
    (outcome,) = run(FIVE, bars(table("A", **prices), official=True)).outcomes
    assert (outcome.cause, outcome.written) == (cause, 5)


def test_days_before_the_first_trade_are_no_gaps() -> None:
    (outcome,) = run(FIVE, bars(table("A", DAYS[3:]), listed_since={"A": DAYS[2]})).outcomes
    assert outcome == Outcome("A", Status.WRITTEN, 5, 2, 2, gaps=[DAYS[2]])


def test_nothing_that_came_has_a_reason() -> None:
    assert run(FIVE).outcomes == [Outcome("A", Status.NO_DATA, 5, gaps=DAYS, cause="no bars of A")]
    closed = "B3 has no final session from 2024-05-04 to 2024-05-05"
    assert run(WEEKEND).outcomes == [Outcome("A", Status.UNCHANGED, cause=closed)]


def test_what_two_files_say_of_a_ticker_counts_together() -> None:
    said = [{"A": {day: "no price"}} for day in DAYS[:2]]
    files = [bars(table("A", [DAYS[n + 2]]), refused=said[n], doubts=said[n]) for n in (0, 1)]
    (outcome,) = run(FIVE, *files).outcomes
    days = "no price (2024-05-02, 2024-05-03)"
    assert outcome.cause == f"2 bars refused: {days}; 2 bars doubtful: {days}"
    assert (outcome.received, outcome.refused, outcome.doubtful) == (2, 2, 2)


class Counting:
    """Keeps the quotes that it is to count."""

    def __init__(self) -> None:
        self.noted: list[object] = []

    def note(self, market: object) -> None:
        self.noted.append(market)


def test_the_papers_of_whole_days_are_counted_where_a_file_has_them() -> None:
    market = Counting()
    run(FIVE, bars(table("A"), market="of a day"), bars(table("A")), market=market)
    assert market.noted == ["of a day"]


def test_notices_and_failures_are_told_in_their_order() -> None:
    failure = Failure(NoDataError("A", "gone"), "A")
    found = run(FIVE, Notice("Look [here]."), failure, bars(table("B", DAYS[:1])))
    assert found.lines == ["Look [here].", "A: gone", "B: 1 bar"]
    assert found.outcomes == [Outcome("A", Status.NO_DATA, 5, gaps=DAYS, cause="gone")]


ALL, SOME = None, frozenset(DAYS[1:3])
MISSING = MissingSessionsError("No file.")


@pytest.mark.parametrize(
    ("failures", "status", "cause"),
    [
        ([Failure(RateLimitedError("A", "slow"), "A")], Status.RATE_LIMITED, "slow"),
        ([Failure(TickerError("A", "why"), "A", SOME)], Status.FAILED, "why"),
        ([Failure(B3LakeError("Away."))], Status.FAILED, "Away."),
        ([Failure(MISSING, days=SOME)], Status.INCOMPLETE, "No file."),
        ([Failure(MISSING), Failure(B3LakeError("Away."))], Status.FAILED, "Away. (and 1 more)"),
        ([Failure(B3LakeError("Away.")), Failure(MISSING)], Status.FAILED, "Away. (and 1 more)"),
        ([Failure(MISSING), Failure(MISSING), Failure(MISSING)], Status.INCOMPLETE, "No file. (and 2 more)"),
        ([Failure(B3LakeError("Away."), "B")], Status.WRITTEN, ""),
        ([Failure(MISSING, days=frozenset(DAYS[3:]))], Status.WRITTEN, ""),
    ],
)
def test_a_failure_is_that_of_who_lacks_a_day_by_it(failures: list[Failure], status: Status, cause: str) -> None:
    found = run(FIVE, bars(table("A", [DAYS[0], *DAYS[3:]])), *failures)
    assert found.outcomes == [Outcome("A", status, 5, 3, 3, gaps=DAYS[1:3], cause=cause)]
    whole = run(FIVE, bars(table("A")), *failures)
    assert whole.outcomes == [Outcome("A", Status.WRITTEN, 5, 5, 5)]


@pytest.mark.parametrize(
    ("failure", "status", "cause"),
    [
        (Failure(NoDataError("A", "gone"), "A"), Status.UNCHANGED, None),
        (Failure(RateLimitedError("A", "slow"), "A"), Status.RATE_LIMITED, "slow"),
        (Failure(B3LakeError("Away.")), Status.FAILED, "Away."),
        (Failure(B3LakeError("Away."), "B"), Status.UNCHANGED, None),
    ],
)
def test_without_a_session_only_who_is_not_answered_fails(failure: Failure, status: Status, cause: str | None) -> None:
    closed = "B3 has no final session from 2024-05-04 to 2024-05-05"
    assert run(WEEKEND, failure).outcomes == [Outcome("A", status, cause=cause or closed)]


def test_of_the_whole_market_who_came_has_an_outcome_and_what_failed_one() -> None:
    came = bars(table("B"), table("A", DAYS[:1]), refused={"C": {DAYS[0]: "no price"}})
    outcomes = [
        Outcome("A", Status.WRITTEN, 5, 1, 1),
        Outcome("B", Status.WRITTEN, 5, 5, 5),
        Outcome("C", Status.INVALID, 5, refused=1, cause="1 bar refused: no price (2024-05-02)"),
    ]
    assert run(MARKET, came).outcomes == outcomes
    failed = run(MARKET, came, Failure(MISSING, days=SOME), Failure(MISSING, days=frozenset(DAYS[:2])))
    its = Outcome("*", Status.INCOMPLETE, 5, gaps=DAYS[:3], cause="No file. (and 1 more)")
    assert failed.outcomes == [*outcomes, its]
    assert run(MARKET, Failure(B3LakeError("Away."))).outcomes == [Outcome("*", Status.FAILED, 5, cause="Away.")]


def test_of_whatever_there_is_the_files_say_which_days_they_have() -> None:
    whatever = dataclasses.replace(FIVE, whatever=True)
    found = run(whatever, bars(table("A", DAYS[:1]), days=frozenset(DAYS[:2])))
    assert found.outcomes == [Outcome("A", Status.WRITTEN, 2, 1, 1, gaps=[DAYS[1]])]
    failed = run(whatever, bars(table("A", DAYS[:1]), days=frozenset(DAYS[:1])), Failure(B3LakeError("Away.")))
    assert failed.outcomes == [Outcome("A", Status.FAILED, 1, 1, 1, cause="Away.")]
    market = dataclasses.replace(whatever, tickers=None)
    of_all = run(market, bars(table("A", DAYS[:1]), days=frozenset(DAYS[:1])), Failure(B3LakeError("Away.")))
    assert of_all.outcomes == [Outcome("A", Status.WRITTEN, 1, 1, 1), Outcome("*", Status.FAILED, 1, cause="Away.")]


LACKING = "before that the lake lacks 2 sessions, 2024-04-29 to 2024-04-30: if it traded then, fetch once with"


def test_sessions_that_the_lake_lacks_before_are_told_and_are_no_failure() -> None:
    before = [dt.date(2024, 4, 29), dt.date(2024, 4, 30)]
    cause = f"{LACKING} START_DATE=2024-04-29"
    found = run(FIVE, bars(table("A", DAYS[1:])), before={"A": before})
    assert found.outcomes == [Outcome("A", Status.WRITTEN, 5, 4, 4, gaps=[*before, DAYS[0]], cause=cause)]
    of_all = run(MARKET, bars(table("A")), before={"*": before})
    assert of_all.outcomes == [
        Outcome("A", Status.WRITTEN, 5, 5, 5),
        Outcome("*", Status.UNCHANGED, gaps=before, cause=cause),
    ]


def test_what_is_lacking_is_said_beside_what_is_said_already() -> None:
    before = [dt.date(2024, 4, 29), dt.date(2024, 4, 30)]
    outcomes = [Outcome("B", Status.WRITTEN), Outcome("A", Status.WRITTEN, gaps=DAYS[:1], cause="why")]
    _note_missing_before(outcomes, "A", before)
    cause = f"why; {LACKING} START_DATE=2024-04-29"
    assert outcomes == [
        Outcome("B", Status.WRITTEN),
        Outcome("A", Status.WRITTEN, gaps=[*before, DAYS[0]], cause=cause),
    ]
