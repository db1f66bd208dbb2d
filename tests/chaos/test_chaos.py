"""The parts of a chaos run, and a short run: all of `make chaos` but its length."""

import itertools
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.__main__ import run_chaos
from tests.chaos.chaos_run import RUN_ERRORS, SPOILT_ANSWERS
from tests.chaos.compare import Contents, differences
from tests.chaos.damage import FORGOTTEN, OBJECTS
from tests.chaos.faults import KINDS, Damage, EventFault, IngestionFault, JobFault, Kind, RunFault
from tests.chaos.market import RESTATEMENTS, WRONG_ANSWERS
from tests.chaos.plan import rounds

# Its first round has kills of both programs, Yahoo, events, damage and refusals, and needs no run in full mode.
SHORT = 2928


def _kinds(seed: int, many: int) -> list[Kind]:
    planned = itertools.islice(rounds(seed), many)
    return [
        fault.kind
        for one in planned
        for faults in (one.damage, one.yahoo, one.ingestion, one.events, one.job)
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


def test_every_kind_of_fault_is_carried_out_in_one_way() -> None:
    ways = [OBJECTS, FORGOTTEN, [Damage.RAW_ADDED], WRONG_ANSWERS, RESTATEMENTS, SPOILT_ANSWERS, EventFault]
    ways += [[IngestionFault.KILLED, JobFault.KILLED], [RunFault.REFUSED], RUN_ERRORS]
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


@pytest.mark.slow
@pytest.mark.timeout(
    900
)  # a minute alone on a machine; the pipeline's processes share two cores with whatever else runs
def test_a_short_chaos_run_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_chaos(seed=SHORT, faults=8, settle_every=8, folder=tmp_path)
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.split("rows compared, ")[1].startswith(f"none lost, doubled or wrong; seed {SHORT}, ")
