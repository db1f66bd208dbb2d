"""Repairs the faults that the doctor found: from the source where it can give bars again, else from the lake itself."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable

import pyarrow as pa
from obstore.exceptions import BaseError

from b3lake.ingest import objects
from b3lake.ingest.catalog import Partition
from b3lake.ingest.doctor.examine import Examination
from b3lake.ingest.doctor.finding import Finding, Kind
from b3lake.ingest.events.ask import EventsWanted
from b3lake.ingest.events.bring import bring_events
from b3lake.ingest.events.enter import EventsOfDay
from b3lake.ingest.events.known import read_known, with_events
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import load_all
from b3lake.ingest.parquet import decode, encode
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources.source import Failure, Notice, Selection, Source
from b3lake.ingest.validate import pairs_of, validate
from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.calendar import last_final_session
from b3lake.lake.errors import B3LakeError
from b3lake.lake.keys import is_reachable, raw_key
from b3lake.lake.removal import removed_unasked
from b3lake.lake.schemas import RAW_SCHEMA
from b3lake.lake.words import printable

FETCHED_AGAIN = {Kind.GAP, Kind.UNREADABLE, Kind.IMPOSSIBLE, Kind.MISPLACED, Kind.STALE}


async def repair(
    lake: Lake, source: Source, examined: Selection, seen: Examination, steps: Steps, *, may_remove: int | None = None
) -> None:
    """Repair what can be: fetch again, enter events, drop repeated rows and carried-forward days, set the
    catalog right.

    Objects come before their registration, so that whatever stops this, doing it again finishes it. Strays go whose
    keys no program of the lake can read; others are left alone, for nobody knows here what they are. `steps` is told
    what the source could not give. Raises AwsError, and B3LakeError when more would be removed than `may_remove` (None:
    what may go unasked), or what was listed as gone is there.
    """
    try:
        await _check_removal(lake, seen, may_remove)
        await _repair(lake, source, examined, seen, steps)
    except BaseError as error:
        raise as_aws_error(error, f"bucket {lake.bucket}", "RAW_BUCKET") from error


async def _check_removal(lake: Lake, seen: Examination, may_remove: int | None) -> None:
    unbacked, carried = (_partitions(seen.findings, {kind}) for kind in (Kind.UNBACKED, Kind.CARRIED))
    there = await objects.those_there(lake.store, (raw_key(day, ticker) for day, ticker in sorted(unbacked)))
    if there:
        raise B3LakeError(
            f"The listing of s3://{lake.bucket} lacks {len(there)} objects that are there, {there[0]} first: it was no "
            "listing, and nothing was repaired. Run again, and ask whoever serves S3 when it happens again."
        )
    slips = unreachable(seen.findings)
    total, removed = seen.objects + len(unbacked), len(unbacked | carried)
    limit = removed_unasked(total) if may_remove is None else may_remove
    if removed > limit:
        raise B3LakeError(
            f"--fix would remove {removed} of {total} partitions, {min(unbacked | carried)[0]} first, and nothing was "
            f"repaired: look whether they went rightly, and then run with --allow-removal {removed}."
        )
    if len(slips) > limit:
        raise B3LakeError(
            f"--fix would remove {len(slips)} strays, {printable(slips[0])} first, and nothing was repaired: look what "
            f"they are, and then run with --allow-removal {len(slips)}."
        )


def unreachable(findings: Iterable[Finding]) -> list[str]:
    """The keys of strays that no program of the lake can read."""
    return [found.detail for found in findings if found.kind is Kind.STRAY and not is_reachable(found.detail)]


async def _repair(lake: Lake, source: Source, examined: Selection, seen: Examination, steps: Steps) -> None:
    await objects.delete_keys(lake.store, unreachable(seen.findings))
    if lake.catalog:
        lake.catalog.unregister(_partitions(seen.findings, {Kind.UNBACKED}))
    final = last_final_session(examined.now)
    wanted = {(day, ticker) for day, ticker in _partitions(seen.findings, FETCHED_AGAIN) if day <= final}
    if wanted:
        await _fetch_again(lake, source, examined, wanted, steps)
    for day, ticker in _partitions(seen.findings, {Kind.DUPLICATE}) - wanted:
        await _drop_repeated_rows(lake, day, ticker)
    for (day, ticker), events in seen.due.items():
        if (day, ticker) not in wanted:
            await _enter_events(lake, day, ticker, events)
    carried = _partitions(seen.findings, {Kind.CARRIED})
    if carried:
        await objects.delete(lake.store, [raw_key(day, ticker) for day, ticker in carried])
    if lake.catalog:
        lake.catalog.unregister(carried)
        lake.catalog.register(_partitions(seen.findings, {Kind.UNREGISTERED}) - carried)


def _partitions(findings: Iterable[Finding], kinds: set[Kind]) -> set[Partition]:
    return {(found.day, found.ticker) for found in findings if found.kind in kinds and found.day}


async def _fetch_again(lake: Lake, source: Source, examined: Selection, broken: set[Partition], steps: Steps) -> None:
    """Load exactly the `broken` partitions from `source`; those that it does not give stay as they are.

    Raises MixedLakeError when the source's prices are invented and the lake's are not, or the other way.
    """
    await lake.check_kind(source.label)
    first, last = min(day for day, _ in broken), max(day for day, _ in broken)
    tickers = tuple(sorted({ticker for _, ticker in broken}))
    wanted = dataclasses.replace(examined, tickers=tickers, start=first, end=last)
    inventory = await lake.survey(tickers, first, last)
    known = None if source.has_events else await read_known(lake.store, tickers)

    async def batches() -> AsyncIterator[tuple[pa.Table, Inventory]]:
        async for answer in source.fetch(wanted):
            if isinstance(answer, Failure):
                steps.tell(str(answer.error))
                continue
            if isinstance(answer, Notice):
                steps.tell(answer.text)
                continue
            for bars in answer.batches:
                possible = validate(bars, start=first, end=last, official=answer.official)
                found = _only(possible.bars, broken)
                yield known.enter(found) if known else found, inventory

    await load_all(lake.loader(dry_run=False), batches())
    if known:  # an event may have stood in a later row, for want of those that came
        about = EventsWanted(None, tickers, examined.now)
        told = await bring_events(lake, source.label, known, about, steps, dry_run=False)
        for problem in told.problems.values():
            steps.tell(problem)


def _only(bars: pa.Table, broken: set[Partition]) -> pa.Table:
    return bars.filter(pa.array([pair in broken for pair in pairs_of(bars)], pa.bool_()))


async def _enter_events(lake: Lake, day: dt.date, ticker: str, events: EventsOfDay) -> None:
    key = raw_key(day, ticker)
    rows = decode(await objects.get(lake.store, key))
    await objects.put(lake.store, key, encode(with_events(rows, {0: events})))


async def _drop_repeated_rows(lake: Lake, day: dt.date, ticker: str) -> None:
    key = raw_key(day, ticker)
    rows = decode(await objects.get(lake.store, key))
    last_of_ts: defaultdict[object, int] = defaultdict(int)
    for position, moment in enumerate(rows["ts"].to_pylist()):
        last_of_ts[moment] = position
    kept = rows.take(pa.array(sorted(last_of_ts.values()))).sort_by("ts")
    await objects.put(lake.store, key, encode(kept.select(RAW_SCHEMA.names)))
