"""The planner alone: what is stale, and that any history of changes, runs and crashes ends in the right lake."""

import hashlib
import time
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from b3lake.refine.config import EVERYTHING, Scope
from b3lake.refine.fingerprint import digest, plain_etag, tag_of
from b3lake.refine.partitions import LISTING
from b3lake.refine.plan import LEDGER, Plan, plan, waves
from b3lake.refine.rule import CURRENT_RULE, Rule

Key = tuple[str, int]


def listing(objects: dict[Key, str]) -> pa.Table:
    rows = [{"ticker": t, "day": d, "tag": tag_of(etag), "etag": etag} for (t, d), etag in objects.items()]
    return pa.Table.from_pylist(rows, schema=LISTING)


def etag_of(content: object) -> str:
    return hashlib.md5(repr(content).encode()).hexdigest()


@dataclass
class Outcome:
    """A row that was read and published, as the executors do it."""

    content: object
    digest: int


class ModelLake:
    """A lake in memory: raw contents (a number, or None when unreadable), refined contents, ledger, registrations."""

    def __init__(self) -> None:
        self.raw: dict[Key, int | None] = {}
        self.refined: dict[Key, object] = {}
        self.ledger: dict[Key, int] = {}
        self.registered: set[Key] = set()
        self.rule = CURRENT_RULE

    def raw_etag(self, key: Key) -> str:
        return etag_of(("raw", self.raw[key]))

    def window(self, key: Key) -> list[Key]:
        """The partition and those before it that its row is computed from, newest first."""
        earlier = sorted((k for k in self.raw if k[0] == key[0] and k[1] <= key[1]), reverse=True)
        return earlier[: self.rule.dates]

    def content(self, key: Key) -> object:
        return (key, self.rule.schema.names, tuple(self.raw[k] for k in self.window(key)))

    def plan(self, scope: Scope = EVERYTHING, tried: dict[Key, str] | None = None, *, full: bool = False) -> Plan:
        ledger = [{"ticker": t, "day": d, "digest": v} for (t, d), v in self.ledger.items()]
        return plan(
            listing({k: self.raw_etag(k) for k in self.raw}),
            listing({k: etag_of(v) for k, v in self.refined.items()}),
            pa.Table.from_pylist(ledger, schema=LEDGER),
            self.rule,
            scope=scope,
            full=full,
            tried=listing(tried or {}),
        )

    def compute(self, reads: pa.Table) -> dict[Key, Outcome | None]:
        """Compute a plan's reads as executors do; None for an unreadable target. Windows come from the reads alone,
        and a raw object that went meanwhile puts off what depends on it."""
        rows = reads.to_pylist()
        result: dict[Key, Outcome | None] = {}
        for row in rows:
            key = (row["ticker"], row["day"])
            read = [(r["ticker"], r["day"]) for r in rows if r["ticker"] == key[0] and r["day"] <= key[1]]
            window = read[::-1][: self.rule.dates]
            if not row["target"] or any(k not in self.raw for k in window):
                continue
            if self.raw[key] is None:
                result[key] = None
                continue
            content = (key, self.rule.schema.names, tuple(self.raw[k] for k in window))
            tags = [np.array([tag_of(self.raw_etag(k))]) for k in window]
            tags += [np.array([0])] * (self.rule.dates - len(tags))
            result[key] = Outcome(content, int(digest(self.rule.tag, tags, np.array([tag_of(etag_of(content))]))[0]))
        return result

    def steps(self, found: Plan, computed: dict[Key, Outcome | None]):
        """The effects of a pass one by one; a crash is to stop anywhere among them."""
        published = {key: outcome for key, outcome in computed.items() if outcome}
        for key, outcome in published.items():
            self.refined[key] = outcome.content
            yield
        for key in computed.keys() & self.refined.keys():
            self.registered.add(key)
            yield
        self.ledger |= {key: outcome.digest for key, outcome in published.items()}
        yield
        orphans = [(r["ticker"], r["day"]) for r in found.orphans.to_pylist()]
        for key in orphans:
            self.ledger.pop(key, None)
        yield
        for key in orphans:
            self.registered.discard(key)
            yield
        for key in orphans:
            self.refined.pop(key, None)
            yield

    def run(self, scope: Scope = EVERYTHING, *, full: bool = False) -> int:
        """A whole run; the number of partitions that it published."""
        tried: dict[Key, str] = {}
        published = 0
        for number in range(20):
            found = self.plan(scope, tried, full=full and not number)
            if found.empty:
                return published
            computed = self.compute(found.reads)
            published += sum(outcome is not None for outcome in computed.values())
            tried |= {key: self.raw_etag(key) for key, outcome in computed.items() if outcome is None}
            for _ in self.steps(found, computed):
                pass
        raise AssertionError("the run does not come to an end")

    def check(self) -> None:
        readable = {key for key, content in self.raw.items() if content is not None}
        assert {key: self.refined.get(key) for key in readable} == {key: self.content(key) for key in readable}
        # The last good row of an object that became unreadable may stay; nothing else may.
        assert set(self.refined) <= set(self.raw)
        assert self.registered == set(self.refined)


KEYS = st.tuples(st.sampled_from(["A", "B"]), st.integers(0, 9))
CONTENTS = st.one_of(st.integers(0, 3), st.none())
SCOPES = st.builds(
    Scope,
    st.one_of(st.none(), st.integers(0, 9)),
    st.one_of(st.none(), st.integers(0, 9)),
    st.sampled_from([None, frozenset("A"), frozenset("AB")]),
)


RULES = [
    CURRENT_RULE,
    replace(CURRENT_RULE, dates=2),
    replace(CURRENT_RULE, dates=7),
    replace(CURRENT_RULE, schema=CURRENT_RULE.schema.remove(1)),
]


class AnyHistory(RuleBasedStateMachine):
    """Changes to raw and of the rule, whole runs, partial runs, crashes at any step, changes during a run, two runs at
    once."""

    def __init__(self) -> None:
        super().__init__()
        self.lake = ModelLake()
        self.settled = True

    def change(self, key: Key, content: int | None) -> None:
        self.lake.raw[key] = content
        self.settled = False

    @rule(changes=st.dictionaries(KEYS, CONTENTS, max_size=8))
    def put(self, changes: dict[Key, int | None]) -> None:
        for key, content in changes.items():
            self.change(key, content)

    @rule(key=KEYS)
    def remove(self, key: Key) -> None:
        self.lake.raw.pop(key, None)
        self.settled = False

    @rule(chosen=st.sampled_from(RULES))
    def change_the_rule(self, chosen: Rule) -> None:
        self.lake.rule = chosen
        self.settled = False

    @rule(full=st.booleans())
    def run(self, full: bool) -> None:
        self.lake.run(full=full)
        self.lake.check()
        self.settled = True

    @rule(scope=SCOPES)
    def run_partly(self, scope: Scope) -> None:
        self.lake.run(scope)

    @rule(scope=SCOPES, steps=st.integers(0, 40))
    def crash(self, scope: Scope, steps: int) -> None:
        found = self.lake.plan(scope)
        for _, _ in zip(range(steps), self.lake.steps(found, self.lake.compute(found.reads)), strict=False):
            pass
        self.settled = False

    @rule(key=KEYS, content=CONTENTS, before=st.booleans(), steps=st.integers(0, 40))
    def crash_while_raw_changes(self, key: Key, content: int | None, before: bool, steps: int) -> None:
        """Raw changes after the listing, before or after it is read; then the run is killed."""
        found = self.lake.plan()
        if before:
            self.change(key, content)
        computed = self.lake.compute(found.reads)
        self.change(key, content)
        for _, _ in zip(range(steps), self.lake.steps(found, computed), strict=False):
            pass
        self.settled = False

    @rule(key=KEYS, steps=st.integers(0, 40), content=CONTENTS)
    def overlap(self, key: Key, steps: int, content: int | None) -> None:
        """A run reads; raw changes; another run does everything; the first one writes what it has, and is killed."""
        found = self.lake.plan()
        computed = self.lake.compute(found.reads)
        self.change(key, content)
        ledger = dict(self.lake.ledger)
        self.lake.run()
        self.lake.ledger = ledger | self.lake.ledger if steps % 2 else ledger  # facts of one of them may be lost
        for _, _ in zip(range(steps), self.lake.steps(found, computed), strict=False):
            pass
        self.settled = False

    @rule()
    def lose_the_ledger(self) -> None:
        self.lake.ledger.clear()
        self.settled = False

    @invariant()
    def a_settled_lake_has_nothing_to_do(self) -> None:
        if self.settled:
            found = self.lake.plan(tried={k: self.lake.raw_etag(k) for k, c in self.lake.raw.items() if c is None})
            assert found.empty

    def teardown(self) -> None:
        self.lake.run()
        self.lake.check()
        assert self.lake.run() == 0


AnyHistory.TestCase.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
TestAnyHistory = AnyHistory.TestCase


def planned(lake: ModelLake, **options: object) -> tuple[set[Key], set[Key]]:
    """The targets and what is read besides."""
    rows = lake.plan(**options).reads.to_pylist()
    keys = [{(r["ticker"], r["day"]) for r in rows if r["target"] == target} for target in (True, False)]
    return keys[0], keys[1]


def lake_of(days: range, *tickers: str) -> ModelLake:
    lake = ModelLake()
    lake.raw = {(t, d): d for t in tickers for d in days}
    lake.run()
    return lake


def test_a_change_reaches_four_trade_dates_on_and_reads_four_back() -> None:
    lake = lake_of(range(0, 40, 2), "A", "B")
    assert planned(lake) == (set(), set())
    lake.raw["A", 20] = 99
    assert planned(lake) == ({("A", d) for d in range(20, 30, 2)}, {("A", d) for d in range(12, 20, 2)})


def test_a_late_older_date_and_a_deleted_one_reach_what_follows_them() -> None:
    lake = lake_of(range(0, 40, 2), "A", "B")
    lake.raw["A", 21] = 5
    assert planned(lake)[0] == {("A", d) for d in (21, 22, 24, 26, 28)}
    del lake.raw["A", 21], lake.raw["B", 20]
    assert planned(lake)[0] == {("B", d) for d in (22, 24, 26, 28)}
    assert lake.plan().orphans.to_pylist() == [{"ticker": "B", "day": 20}]


@pytest.mark.parametrize("other", RULES[1:])
def test_another_rule_makes_everything_stale_and_nothing_when_it_is_taken_back(other: Rule) -> None:
    lake = lake_of(range(9), "A")
    lake.rule = other
    assert planned(lake)[0] == set(lake.raw)
    lake.rule = CURRENT_RULE
    assert planned(lake) == (set(), set())


def test_the_scope_bounds_targets_and_orphans_but_not_what_is_read() -> None:
    lake = lake_of(range(10), "A", "B")
    del lake.raw["B", 9], lake.raw["A", 0]
    lake.raw["A", 5] = 50
    found = lake.plan(Scope(6, 8, frozenset("A")))
    rows = found.reads.to_pylist()
    assert {r["day"] for r in rows if r["target"]} == {6, 7, 8}
    assert {r["day"] for r in rows} == set(range(2, 9))
    assert not len(found.orphans)
    assert planned(lake, scope=Scope(), full=True)[0] == set(lake.raw)


def test_waves_part_the_reads_between_tickers() -> None:
    lake = ModelLake()
    lake.raw = {(t, d): d for t in "ABCDE" for d in range(7)}
    reads = lake.plan().reads
    parts = list(waves(reads, 10))
    assert [sorted(set(part["ticker"].to_pylist())) for part in parts] == [["A", "B"], ["C", "D"], ["E"]]
    assert pa.concat_tables(parts).equals(reads)


def test_an_etag_is_the_same_with_and_without_quotes() -> None:
    assert plain_etag('"a-1"') == plain_etag("a-1") == "a-1"
    assert plain_etag(None) == ""


def big_listing(tickers: int, days: int) -> pa.Table:
    """A listing without objects behind it."""
    number = tickers * days
    names = pa.array([f"T{n:04}" for n in range(tickers)]).take(pa.array(np.tile(np.arange(tickers), days)))
    tags = np.random.default_rng(1).integers(1, 2**62, number)
    etags = pa.array(["0" * 32]).take(pa.array(np.zeros(number, np.int64)))
    return pa.table([names, np.repeat(np.arange(days, dtype=np.int32), tickers), tags, etags], schema=LISTING)


def test_planning_is_columnar() -> None:
    """A hundred thousand partitions are no work; the benchmark plans a million."""
    raw = big_listing(400, 250)
    started = time.monotonic()
    found = plan(raw, raw.slice(0, 0), LEDGER.empty_table(), CURRENT_RULE)
    assert len(found.reads) == 100_000
    assert time.monotonic() - started < 5


def test_a_late_write_of_an_overlapping_run_is_found_out() -> None:
    """The ledger tells of the other run's objects, which this run then replaced: only their ETags say so."""
    lake = lake_of(range(8), "A")
    lake.raw["A", 3] = 50
    found = lake.plan()
    computed = lake.compute(found.reads)
    lake.raw["A", 3] = 60
    lake.run()
    late = lake.steps(found, computed)
    for _ in computed:
        next(late)
    late.close()
    assert planned(lake)[0] == {("A", day) for day in range(3, 8)}
    lake.run()
    lake.check()
