"""One run: plan what is stale, carry it out, record it, and again, until nothing is stale."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from b3lake.lake.keys import NOTES_NAME, OBJECT_NAME, UNREADABLE_NAME, parse_partition_key
from b3lake.lake.removal import removed_unasked
from b3lake.lake.words import counted
from b3lake.refine.catalog import (
    connect,
    ensure_columns,
    ensure_history_table,
    register,
    registered,
    unregister,
    update_columns,
)
from b3lake.refine.config import EVERYTHING, Job, Place
from b3lake.refine.gone import really_gone, those_there
from b3lake.refine.history import History, HistoryYear, Refined
from b3lake.refine.ledger import read_ledger, write_ledger
from b3lake.refine.listing import list_partitions
from b3lake.refine.log import log
from b3lake.refine.notes import Notes
from b3lake.refine.objects import delete, get_own, put
from b3lake.refine.partitions import LISTING, is_in, iso, pairs
from b3lake.refine.plan import LEDGER, Plan, plan, waves
from b3lake.refine.publish import report_schema
from b3lake.refine.spark import spark_session
from b3lake.refine.unreadable import (
    UNREADABLE,
    dump_unreadable,
    parse_unreadable,
    still_unreadable,
    with_earlier,
)
from b3lake.refine.wave import refine

MAX_PASSES = 10


@dataclass
class Counts:
    """The counts of a run's summary."""

    refined_partitions: int = 0
    written_objects: int = 0
    registered_partitions: int = 0
    deleted_partitions: int = 0
    kept_partitions: int = 0
    history_years: int = 0
    unreadable_objects: int = 0
    passes: int = 0


class Run:
    """Carries one run through its passes, and counts what it did.

    `raw` and `refined` are the last listings, `before` the refined one that the run began with; `held` are the rows
    that it published.
    """

    def __init__(self, job: Job, spark: Callable[[], SparkSession]) -> None:
        self.job = job
        self.spark = spark
        self.raw = self.refined = self.before = LISTING.empty_table()
        self.held = [job.rule.rows.empty_table()]
        self.unreadable = report_schema(job.rule).empty_table()
        self.counts = Counts()

    def refine(self, *, moved: bool) -> bool:
        """Pass after pass until nothing is stale; whether it came to that. It ends with a listing in either case.

        With `moved`, the table is not the one of the last run, or had other columns: what is there is registered anew.
        """
        while True:
            found = self.plan()
            if moved and not self.counts.passes:
                self.register(self.refined)
                update_columns(self.job, self.job.table, self.job.rule.schema, self.job.refined.locations(self.refined))
            self.counts.passes += 1
            if found.empty:
                return True
            if self.counts.passes == MAX_PASSES:
                log.warning("raw keeps changing: the next run goes on")
                return False
            for wave in waves(found.reads):
                self.record(refine(self.spark(), self.job, wave))
            self.remove(found.orphans)

    def plan(self) -> Plan:
        """List raw and refined, read the ledger, and plan."""
        # What two passes could not settle may be under another key in truth.
        listing = partial(list_partitions, connection=self.job.connection, exactly=self.counts.passes >= 2)
        with ThreadPoolExecutor(2) as threads:
            raw = threads.submit(listing, self.job.raw)
            refined = threads.submit(listing, self.job.refined, of_strays=True)
            self.raw, self.refined = raw.result(), refined.result()
        first = not self.counts.passes
        if first:
            self.before = self.refined
        found = plan(
            self.raw,
            self.refined,
            read_ledger(self.job),
            self.job.rule,
            scope=self.job.scope,
            full=self.job.full and first,
            tried=self.unreadable.select(["ticker", "day", "raw_tag"]).rename_columns(["ticker", "day", "tag"]),
        )
        log.info(
            "%s and %s: %s to read, %s without a raw one",
            counted(len(self.raw), "raw partition"),
            counted(len(self.refined), "refined partition"),
            counted(len(found.reads), "object"),
            counted(len(found.orphans), "refined partition"),
        )
        return Plan(found.reads, self.removable(found.orphans))

    def removable(self, orphans: pa.Table) -> pa.Table:
        """The refined partitions (ticker, day) that may go: all, or none where they are too large a share of the lake.

        Raw objects that were removed by mistake then take no refined rows with them.
        """
        limit = removed_unasked(len(self.before), self.job.max_removed_share)
        self.counts.kept_partitions = 0
        if self.counts.deleted_partitions + len(orphans) <= limit:
            return orphans
        self.counts.kept_partitions = len(orphans)
        log.error(
            "%d of %d refined rows have no raw object any more: so many are kept. Bring the raw objects back, or, if "
            "the rows are to go, run once with --max_removed_share 1.",
            len(orphans),
            len(self.refined),
        )
        return orphans.slice(0, 0)

    def record(self, report: pa.Table) -> None:
        """Register what a wave published (report_schema), and only then enter it in the ledger."""
        bad = report.filter(pc.is_valid(report["error"]))
        self.unreadable = pa.concat_tables([self.unreadable, bad])
        done = report.filter(pc.is_valid(report["tag"]))
        kept = bad.filter(pa.array(is_in(bad, self.refined)))  # what an unreadable one's earlier contents gave
        new = pa.concat_tables([done, kept])
        self.register(new.filter(pc.invert(new["registered"])))
        write_ledger(self.job, done.select(LEDGER.names), LEDGER.empty_table())
        if self.job.history:
            self.held.append(done.select(self.job.rule.rows.names))
        self.counts.refined_partitions += len(done)
        self.counts.written_objects += pc.sum(done["written"].cast(pa.int64())).as_py() or 0
        log.info(
            "%s refined, %s written",
            counted(self.counts.refined_partitions, "partition"),
            counted(self.counts.written_objects, "object"),
        )

    def register(self, partitions: pa.Table) -> None:
        """Register refined partitions (ticker, day)."""
        register(self.job, self.job.table, self.job.rule.schema, self.job.refined.locations(partitions))
        self.counts.registered_partitions += len(partitions)

    def remove(self, orphans: pa.Table) -> None:
        """Take away the refined partitions (ticker, day) whose raw object is gone."""
        orphans = really_gone(self.job.raw, orphans, self.job.connection)
        if len(orphans):
            # Struck out first: the ledger never tells of a partition that is not registered.
            write_ledger(self.job, LEDGER.empty_table(), orphans)
            unregister(self.job, self.job.table, list(self.job.refined.locations(orphans).values()))
            delete(self.job.refined, self.job.refined.keys(orphans), self.job.connection)
            self.counts.deleted_partitions += len(orphans)
            log.info("%s left the lake, for want of a raw object", counted(len(orphans), "refined row"))

    def forget_lost(self) -> None:
        """Take out of the catalog what has no refined object: nothing else tells of one whose raw object went, too.

        Raises as those_there, and AwsError.
        """
        place = self.job.refined
        known = set(place.keys(self.refined))
        lost = {}
        for location, values in registered(self.job, self.job.table).items():
            key = f"{location.removeprefix(f's3://{place.bucket}/').rstrip('/')}/{OBJECT_NAME}"
            if key not in known and parse_partition_key(place.prefix, key):  # a place of others' is theirs
                lost[key.removeprefix(f"{place.prefix}/")] = values
        there = those_there(place, list(lost), self.job.connection)
        gone = [values for name, values in lost.items() if name not in there]
        if gone:
            unregister(self.job, self.job.table, gone)
            log.info("%s without an object left the catalog", counted(len(gone), "partition"))

    def update_history(self, place: Place, noted: dict[int, HistoryYear], *, again: bool) -> dict[int, HistoryYear]:
        """Bring the history up to what refined is now; what its objects are made of."""
        copy = History(self.job, place, self.spark)
        refined = Refined(self.refined, self.before, pa.concat_tables(self.held))
        known = copy.update(refined, noted, again=again)
        self.counts.history_years = copy.rewritten
        return known

    def report_unreadable(self, old: bytes | None) -> None:
        """Log the raw objects that cannot be read, and leave a list of them beside the lake.

        What an earlier run listed stays listed where this one did not look, as long as it is there and unchanged.
        """
        bad = still_unreadable(self.unreadable.select(UNREADABLE.names), self.raw)
        self.counts.unreadable_objects = len(bad)
        for (ticker, day), cause in zip(pairs(bad), bad["error"].to_pylist(), strict=True):
            log.error("%s of %s cannot be read: %s", ticker, iso(day), cause)
        if old is not None:
            bad = with_earlier(self.job, bad, still_unreadable(parse_unreadable(old), self.raw))
        if len(bad) or old is not None:
            put_if_changed(self.job, UNREADABLE_NAME, old, dump_unreadable(self.job, bad))


def put_if_changed(job: Job, name: str, old: bytes | None, new: bytes) -> None:
    """Write one of the job's own objects, unless it is this already."""
    if new != old:
        put(job.state, name, new, job.connection)


def run(job: Job, spark: Callable[[], SparkSession] = spark_session) -> dict[str, Any]:
    """Refine what is stale, and bring the history up to that; the summary.

    Raises B3LakeError. Spark is started only when there is something to do.
    """
    started = time.monotonic()
    connect(job.connection)
    old_notes, old_list = (get_own(job.state, name, job.connection) for name in (NOTES_NAME, UNREADABLE_NAME))
    notes = Notes.parse(old_notes)
    notes.check_source(job)
    told = ensure_columns(job, job.table, job.rule.schema, job.refined)
    tables, history, own = {job.table: told}, notes.history, Run(job, spark)
    clean = own.refine(moved=notes.tables.get(job.table) != tables[job.table])
    if job.full and clean and job.scope == EVERYTHING:
        own.forget_lost()
    if job.history:
        ensure_history_table(job, job.history)
        tables[job.history_table] = ensure_columns(job, job.history_table, job.rule.history, job.history)
        moved = notes.tables.get(job.history_table) != tables[job.history_table]
        history = own.update_history(job.history, notes.history, again=moved or job.full)
    put_if_changed(job, NOTES_NAME, old_notes, Notes(job.raw.uri, notes.tables | tables, history).dump())
    own.report_unreadable(old_list)
    seconds = round(time.monotonic() - started, 2)
    newest = iso(pc.max(own.refined["day"]).as_py()) if len(own.refined) else None
    return {
        "mode": "full" if job.full else "incremental",
        **asdict(own.counts),
        "newest_row": newest,
        "clean": clean,
        "seconds": seconds,
    }
