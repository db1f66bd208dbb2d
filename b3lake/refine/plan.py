"""Planning: what is stale, and what has to be read to compute it. Pure, columnar, a million partitions in seconds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b3lake.refine.config import EVERYTHING, Scope
from b3lake.refine.fingerprint import digest
from b3lake.refine.partitions import find, keys_of, names_in, take
from b3lake.refine.rule import Rule

LEDGER = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("digest", pa.int64())])
"""The ledger: the object of this partition is known to be published, and to have been computed from just what `digest`
tells. It is a fact, and stays one: a refined partition is fresh if the digest of what is listed now is the same."""

READS = pa.schema(
    [
        ("ticker", pa.string()),
        ("day", pa.int32()),
        ("target", pa.bool_()),
        ("registered", pa.bool_()),
        ("published", pa.string()),
        ("listed", pa.int64()),
    ]
)
"""The reads of a run: the stale partitions (`target`) and the trade dates before them; whether the refined partition is
registered already, and the ETag under which its object is published; the tag of the raw object as it was listed."""

PARTITIONS_PER_WAVE = 100_000
"""So many are published, registered and entered in the ledger at a time: all that a run loses that is killed."""


@dataclass(frozen=True)
class Plan:
    """The reads, with those to recompute among them (READS, by ticker and day), and the orphans: refined partitions
    without a raw one."""

    reads: pa.Table
    orphans: pa.Table

    @property
    def empty(self) -> bool:
        return not len(self.reads) and not len(self.orphans)


def plan(
    raw: pa.Table,
    refined: pa.Table,
    ledger: pa.Table,
    rule: Rule,
    *,
    scope: Scope = EVERYTHING,
    full: bool = False,
    tried: pa.Table | None = None,
) -> Plan:
    """Find what is stale, from listings (LISTING) and the ledger (LEDGER).

    A refined partition is fresh when the ledger says that this very object was computed by this very rule from these
    very raw objects: its own and those of the ticker's trade dates before it. Raw objects in `tried` (LISTING) could
    not be read and are not tried again before they change. Only partitions in `scope` are touched; with `full` all of
    those.
    """
    names = names_in(raw, refined)
    raw_keys = keys_of(raw, names)
    order = np.argsort(raw_keys)
    raw_keys = raw_keys[order]
    window = windows(raw_keys, raw["tag"].to_numpy()[order], rule.dates)

    refined_keys = keys_of(refined, names)
    at_refined = find(refined_keys, raw_keys)
    at_ledger = find(keys_of(ledger, names), raw_keys)
    expected = digest(rule.tag, window, take(refined["tag"].to_numpy(), at_refined))
    registered = (at_refined >= 0) & (at_ledger >= 0)
    fresh = registered & (expected == take(ledger["digest"].to_numpy(), at_ledger))

    target = scope.covers(raw)[order] & (np.full(len(fresh), full) | ~fresh)
    if tried is not None:
        at_tried = find(keys_of(tried, names), raw_keys)
        target &= (at_tried < 0) | (window[0] != take(tried["tag"].to_numpy(), at_tried))
    needed = _with_dates_before(raw_keys, target, rule.dates)

    sorted_raw = raw.select(["ticker", "day"]).take(order[needed])
    published = refined["etag"].take(pa.array(at_refined[needed], mask=at_refined[needed] < 0))
    listed = raw["tag"].take(order[needed])
    columns = [*sorted_raw.columns, target[needed], registered[needed] & (not full), published, listed]
    orphan = (find(raw_keys, refined_keys) < 0) & scope.covers(refined)
    return Plan(pa.table(columns, schema=READS), refined.select(["ticker", "day"]).filter(orphan))


def windows(keys: np.ndarray, tags: np.ndarray, dates: int) -> list[np.ndarray]:
    """The tags of each partition's own raw object and of those before it, 0 where there is none."""
    return [tags, *(_earlier(keys, tags, steps) for steps in range(1, dates))]


def _earlier(keys: np.ndarray, values: np.ndarray, steps: int) -> np.ndarray:
    """The value so many rows before each, in sorted keys; 0 where that row is of another ticker."""
    earlier = np.zeros(len(values), values.dtype)
    same = keys[steps:] >> 32 == keys[:-steps] >> 32
    earlier[steps:] = np.where(same, values[:-steps], 0)
    return earlier


def _with_dates_before(keys: np.ndarray, target: np.ndarray, dates: int) -> np.ndarray:
    """The targets and, of each, the rows of its ticker before it that its row is computed from."""
    backwards = keys[::-1]
    before = (_earlier(backwards, target[::-1], steps)[::-1] for steps in range(1, dates))
    needed: np.ndarray = np.logical_or.reduce([target, *before])
    return needed


def waves(reads: pa.Table, size: int = PARTITIONS_PER_WAVE) -> Iterator[pa.Table]:
    """The reads in parts of about `size` rows, no ticker in two of them."""
    start = 0
    while start < len(reads):
        end = start + size
        if end < len(reads):
            same = pc.equal(reads["ticker"].slice(end), reads["ticker"][end - 1]).to_numpy()
            end += int(np.argmin(same)) if not same.all() else len(same)
        yield reads.slice(start, end - start)
        start = end
