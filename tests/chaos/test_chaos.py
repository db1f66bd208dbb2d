"""The parts of a chaos run, and a short run: all of `make chaos` but its length."""

import itertools
from collections import Counter
from operator import attrgetter
from pathlib import Path

import pytest

from tests.chaos.__main__ import run_chaos
from tests.chaos.compare import Contents, differences
from tests.chaos.damage import FORGOTTEN, OBJECTS
from tests.chaos.faults import KINDS, Damage, EventFault, Fault, Kind, MarketFault, RunFault
from tests.chaos.market import COMING, EVENTS, HAPPENINGS, LISTED_LATE, SYMBOLS, WRONG_ANSWERS, Market
from tests.chaos.plan import rounds
from tests.chaos.rules import ENDINGS, LIES, REFUSALS, RUN_ERRORS, SPOILT_ANSWERS
from tests.chaos.truth import rows_of, untrue

# Its first round has a split, a dividend, a late event, a month without a host, a wrong answer about a split, the end
# of both programs, events, a listing that is none, a prefix removed, refusals, raw objects corrupted when the ingestion
# is over, and needs no run in full mode. One run of the job is ended and the next one succeeds: it is the fewest.
SHORT = 1200175


def _kinds(seed: int, many: int) -> list[Kind]:
    planned = itertools.islice(rounds(seed), many)
    return [
        fault.kind
        for one in planned
        for faults in (one.damage, one.damage_after_ingestion, one.yahoo, one.ingestion, one.events, one.job)
        for fault in faults
    ]


def test_a_seed_is_a_plan() -> None:
    first, again, other = (list(itertools.islice(rounds(seed), 20)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_kind_of_fault_comes_in_a_run_of_two_hundred() -> None:
    counted = Counter(_kinds(1, 16))
    assert counted.total() >= 200
    assert counted.keys() == set(KINDS)
    assert max(counted.values()) <= 2 * min(counted.values())


def test_no_program_ends_at_its_first_requests() -> None:
    planned = [fault for one in itertools.islice(rounds(1), 30) for fault in one.ingestion + one.job]
    ends = [fault for fault in planned if fault.kind in ENDINGS]
    assert {fault.kind for fault in ends} == set(ENDINGS)
    assert all(fault.after >= 12 for fault in ends)
    assert min(fault.after for fault in planned) == 0


BEFORE, AFTER = attrgetter("damage"), attrgetter("damage_after_ingestion")


def test_most_corrupted_raw_objects_are_there_for_a_run_of_the_job() -> None:
    planned = list(itertools.islice(rounds(1), 100))
    before, after = ([fault.kind for one in planned for fault in faults(one)] for faults in (BEFORE, AFTER))
    assert set(after) == {Damage.RAW_CORRUPTED}
    assert len(after) > before.count(Damage.RAW_CORRUPTED) > 0


ADDED = [Damage.RAW_ADDED, Damage.STRAY_KEY, Damage.RAW_TICKER_REMOVED]


def test_every_kind_of_fault_is_carried_out_in_one_way() -> None:
    ways = [OBJECTS, FORGOTTEN, ADDED, WRONG_ANSWERS, HAPPENINGS, LIES]
    ways += [REFUSALS, COMING, SPOILT_ANSWERS, EventFault, ENDINGS, [RunFault.REFUSED, RunFault.PARTIAL], RUN_ERRORS]
    assert Counter(kind for way in ways for kind in way) == Counter(KINDS)
    assert len({kind.value for kind in KINDS}) == len(KINDS)


def _contents(**keys: int) -> Contents:
    tables = ("b3_daily_quotes", "b3_daily_quotes_refined", "b3_daily_history")
    rows = {table: {key: [{"close": close}] for key, close in keys.items()} for table in tables}
    return Contents(rows, {table: {(key,) for key in keys} for table in tables}, [])


def test_lost_added_and_wrong_rows_are_told_apart() -> None:
    quiet = _contents(a=1, b=2)
    assert differences(_contents(a=1, b=2), quiet) == []
    assert differences(_contents(a=1, b=3), quiet)[0] == (
        "b3_daily_quotes: b has [{'close': 3}] instead of [{'close': 2}]"
    )
    assert "b3_daily_quotes: object b is lost" in differences(_contents(a=1), quiet)
    assert "b3_daily_history: partition ('c',) is one too many" in differences(_contents(a=1, b=2, c=3), quiet)


def _told(market: Market, change: dict[str, float] | None = None) -> Contents:
    """A lake that says what was traded, but for `change` in the rows of PETR4's last day."""
    raw, history = {}, []
    for ticker, symbol in SYMBOLS.items():
        for row in rows_of(market.shares[symbol]):
            is_last = ticker == "PETR4" and row["day"] == market.shares[symbol].known()[-1][0].day
            told = row | (change or {} if is_last else {})
            raw[f"raw/b3/dt={row['day']}/ticker={ticker}/data.parquet"] = [told]
            history.append(told | {"ticker": ticker, "trade_date": row["day"]})
    return Contents({"b3_daily_quotes": raw, "b3_daily_history": {"year": history}}, {}, [])


def test_what_was_traded_is_known_apart_from_the_lake() -> None:
    market = Market()
    assert untrue(_told(market), market) == []
    for name in ("close", "dividends", "adj_close_price"):
        (wrong,) = untrue(_told(market, {name: 0.123}), market)
        assert wrong.startswith("PETR4 ")
        assert f": {name} is 0.123 and not " in wrong
    lost = _told(market)
    lost.rows["b3_daily_quotes"].popitem()
    assert len(untrue(lost, market)) == 7, "a row of bronze: prices, volume, dividends and splits"


def test_what_happens_to_a_share_stays() -> None:
    market, met = Market(), []
    for kind in (MarketFault.SPLIT, MarketFault.DIVIDEND, MarketFault.LATE_EVENT):
        for seed in range(60):
            market.inject(Fault(kind, after=0, count=1, seed=seed), lambda kind=kind: met.append(kind))
    happened = Counter(met)
    events = [event for of_share in EVENTS.values() for event in of_share.items()]
    assert happened[MarketFault.LATE_EVENT] == len(LISTED_LATE)
    assert 1 <= happened[MarketFault.SPLIT] <= sum(split != "1" for _, (_, split) in events)
    assert happened.total() > 12
    assert {share.today for share in market.shares.values()} == {market.today}
    assert not any(share.forgotten for share in market.shares.values())


def test_wrong_answers_are_about_a_share_each() -> None:
    market = Market()
    for kind in list(WRONG_ANSWERS)[: len(SYMBOLS)]:
        market.inject(Fault(kind, after=0, count=1, seed=1), lambda: None)
    assert [len(answers) for answers in market.yahoo.scripted.values()] == [2] * len(SYMBOLS)


@pytest.mark.slow
@pytest.mark.timeout(
    900
)  # a minute alone on a machine; the pipeline's processes share two cores with whatever else runs
def test_a_short_chaos_run_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_chaos(seed=SHORT, faults=12, settle_every=12, folder=tmp_path)
    *told, last = capsys.readouterr().out.splitlines()
    assert last.split("rows compared, ")[1].startswith(f"none lost, doubled or wrong; seed {SHORT}, ")
    assert "     1 rounds that reported some of theirs" in told
