"""Reads a whole lake and finds its faults."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from b3lake.ingest import objects
from b3lake.ingest.catalog import Partition
from b3lake.ingest.doctor.beside import instrument_faults, rate_faults, weight_faults
from b3lake.ingest.doctor.events import SaidEvents, differing, not_applied
from b3lake.ingest.doctor.finding import Finding, Kind
from b3lake.ingest.doctor.series import PriceSeries
from b3lake.ingest.doctor.strays import is_stray, strays_beside_bronze
from b3lake.ingest.events.enter import EventsOfDay
from b3lake.ingest.events.event import Status
from b3lake.ingest.lake import Lake
from b3lake.ingest.objects import IN_FLIGHT, RawObject
from b3lake.ingest.parquet import decode
from b3lake.ingest.progress import Steps
from b3lake.ingest.small_tables import EVENTS, INSTRUMENTS, PORTFOLIOS, RATES, read_table
from b3lake.ingest.sources.source import Selection
from b3lake.ingest.validate import BARS_SCHEMA, carried_forward, disagreeing, outside, refusals
from b3lake.lake.aws_errors import DENIED, as_aws_error, ends_the_run, refusal
from b3lake.lake.calendar import day_start_utc, is_final, last_final_day, sessions_between
from b3lake.lake.labels import B3, is_synthetic
from b3lake.lake.schemas import RAW_SCHEMA
from b3lake.lake.words import counted, first_line

BATCH_OBJECTS = 1000
EVER = (dt.date.min, dt.date.max)


_EVENT_KINDS = {Status.DISPUTED: Kind.DISPUTED, Status.UNSIZED: Kind.UNSIZED}


@dataclass
class Examination:
    """The objects that were read, and all faults that were found in them.

    `kinds` has whether prices are invented, of all that were read; `invented` has the partitions of those that are.
    `due` has the events that B3's rows should say and do not.
    """

    objects: int = 0
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)
    days: defaultdict[str, set[dt.date]] = field(default_factory=lambda: defaultdict(set))
    kinds: set[bool] = field(default_factory=set)
    invented: set[Partition] = field(default_factory=set)
    series: PriceSeries = field(default_factory=PriceSeries)
    said: SaidEvents = field(default_factory=SaidEvents)
    due: dict[Partition, EventsOfDay] = field(default_factory=dict)


async def examine(lake: Lake, examined: Selection, steps: Steps, *, batch_objects: int = BATCH_OBJECTS) -> Examination:
    """Read every object of the tickers and days of `examined`, a batch at a time; strays of any. Raises AwsError."""
    start, end, wanted = examined.start, examined.end, examined.tickers and set(examined.tickers)
    seen = Examination()
    strays: list[str] = []
    registered = asyncio.create_task(lake.registered(start, end))
    batch: list[RawObject] = []
    foreign: set[Partition] = set()
    async for found in objects.list_days(lake.store, start, end, strays):
        if is_stray(found.key):
            strays.append(found.key)
            foreign.add((found.day, found.ticker))
            continue
        if wanted is not None and found.ticker not in wanted:
            continue
        batch.append(found)
        if len(batch) == batch_objects:
            await _examine_batch(lake.store, batch, seen, steps)
            batch = []
    await _examine_batch(lake.store, batch, seen, steps)
    if wanted is None and (start, end) == EVER:
        strays += [key async for key in strays_beside_bronze(lake.store, steps)]
    seen.findings += [Finding(Kind.STRAY, "", None, key) for key in strays]
    seen.findings += [Finding(Kind.STEP, ticker, step.day, step.sentence()) for ticker, step in seen.series.steps()]
    seen.findings += _gaps(seen.days, last_final_day(examined.now))
    seen.findings += _event_findings(await read_table(lake.store, EVENTS), seen, whole=(start, end) == EVER)
    seen.findings += [finding async for finding in _beside(lake.store, examined, seen)]
    if len(seen.kinds) > 1:
        seen.findings += [Finding(Kind.MIXED, ticker, day, "its price is invented") for day, ticker in seen.invented]
    known = {pair for pair in await registered if wanted is None or pair[1] in wanted}
    there = {(day, ticker) for ticker, days in seen.days.items() for day in days}
    seen.findings += [Finding(Kind.UNREGISTERED, ticker, day) for day, ticker in there - known]
    seen.findings += [Finding(Kind.UNBACKED, ticker, day) for day, ticker in known - there - foreign]
    seen.findings.sort(key=lambda finding: (finding.kind, finding.ticker, finding.day or dt.date.min, finding.detail))
    return seen


def _event_findings(events: pa.Table, seen: Examination, *, whole: bool) -> Iterator[Finding]:
    """Events that are not in the rows, and those that could not be; what rows should say is noted in `seen`."""
    for event in not_applied(events, seen.days):
        yield Finding(_EVENT_KINDS[event.status], event.ticker, event.ex_date, event.note)
    for (day, ticker), (said, wanted) in differing(events, seen.said, seen.days, whole=whole).items():
        seen.due[day, ticker] = wanted
        yield Finding(Kind.EVENT, ticker, day, f"it says {_told(said)}, and B3's events {_told(wanted)}")


def _told(events: EventsOfDay) -> str:
    told = (("dividends", events.dividends), ("stock_splits", events.stock_splits))
    return " and ".join(f"{name} {value:g}" for name, value in told if value is not None) or "nothing"


async def _beside(store: S3Store, examined: Selection, seen: Examination) -> AsyncIterator[Finding]:
    """The faults of the tables beside the quotes; instruments are compared with all quotes, or not at all."""
    start, end = examined.start, examined.end
    newest = max((day for days in seen.days.values() for day in days), default=None)
    for finding in rate_faults(await read_table(store, RATES), start, end, newest):
        yield finding
    for finding in weight_faults(await read_table(store, PORTFOLIOS), start, end):
        yield finding
    if examined.tickers is None and (start, end) == EVER:
        for finding in instrument_faults(await read_table(store, INSTRUMENTS), seen.days):
            yield finding


async def _examine_batch(store: S3Store, batch: list[RawObject], seen: Examination, steps: Steps) -> None:
    tables: list[pa.Table] = []
    published: set[RawObject] = set()
    work = iter(batch)

    async def read() -> None:
        for found in work:
            rows, finding = await _read(store, found)
            if rows is not None:
                tables.append(_as_bars(found, rows))
                labels = set(rows["source"].to_pylist())
                if labels == {B3}:
                    published.add(found)
                seen.kinds |= set(map(is_synthetic, labels))
                if any(map(is_synthetic, labels)):
                    seen.invented.add((found.day, found.ticker))
            if finding:
                seen.findings.append(finding)

    before = len(seen.findings)
    await asyncio.gather(*(read() for _ in range(min(IN_FLIGHT, len(batch)))))
    _check_denied(batch, seen.findings[before:])
    for found in batch:
        seen.days[found.ticker].add(found.day)
        if not is_final(found.day, found.modified, published=found in published):
            written = f"written {found.modified:%Y-%m-%d %H:%M} UTC, before the session was final"
            seen.findings.append(Finding(Kind.STALE, found.ticker, found.day, written))
    if tables:
        bars = pa.concat_tables(tables)
        seen.rows += len(bars)
        seen.findings += examine_rows(bars)
        seen.series.note(bars)
        seen.said.note(bars)
    seen.objects += len(batch)
    steps.advance(f"{counted(seen.objects, 'object')} read", len(batch))


def _check_denied(batch: list[RawObject], findings: list[Finding]) -> None:
    """Raise AwsError when S3 denied all of several objects: then it is not for one of them."""
    if sum(finding.detail == DENIED for finding in findings) == len(batch) > 1:
        raise as_aws_error(PermissionError(), "the raw bucket", "RAW_BUCKET")


async def _read(store: S3Store, found: RawObject) -> tuple[pa.Table | None, Finding | None]:
    try:
        rows = decode(await objects.get(store, found.key))
    except pa.ArrowInvalid as error:
        return None, Finding(Kind.UNREADABLE, found.ticker, found.day, f"no Parquet file: {first_line(error)[:120]}")
    except NotFoundError:
        return None, Finding(Kind.UNREADABLE, found.ticker, found.day, "gone since it was listed")
    except BaseError as error:
        why = refusal(error)
        if not why and ends_the_run(error):
            raise as_aws_error(error, "the raw bucket", "RAW_BUCKET") from error
        return None, Finding(Kind.UNREADABLE, found.ticker, found.day, why or first_line(error)[:120])
    if not len(rows):
        return None, Finding(Kind.UNREADABLE, found.ticker, found.day, "it has no rows")
    if not rows.schema.equals(RAW_SCHEMA):
        columns = ", ".join(f"{column.name} {column.type}" for column in rows.schema)
        return None, Finding(Kind.UNREADABLE, found.ticker, found.day, f"other columns than the table's: {columns}")
    return rows, None


def _as_bars(found: RawObject, rows: pa.Table) -> pa.Table:
    day = pa.repeat(pa.scalar(found.day, pa.date32()), len(rows))
    ticker = pa.repeat(pa.scalar(found.ticker), len(rows))
    return pa.Table.from_arrays([day, ticker, *rows.columns], schema=BARS_SCHEMA)


def examine_rows(bars: pa.Table) -> Iterator[Finding]:
    """The faults of the rows of `bars` (BARS_SCHEMA), all rows of any partition together. Pure."""
    tickers, days = bars["ticker"].to_pylist(), bars["day"].to_pylist()
    reasons = refusals(bars)
    moments = bars["ts"].to_numpy()
    begins = {day: np.datetime64(day_start_utc(day), "us") for day in set(days)}
    since_begin = moments - np.array([begins[day] for day in days], "datetime64[us]")
    carried = carried_forward(bars)
    strange = {Kind.OUTSIDE: outside(bars), Kind.TURNOVER: disagreeing(bars)}
    seen: set[tuple[str, dt.date, np.datetime64]] = set()
    for i, (ticker, day, moment) in enumerate(zip(tickers, days, moments, strict=True)):
        if reasons[i]:
            yield Finding(Kind.IMPOSSIBLE, ticker, day, str(reasons[i]))
        else:
            yield from (Finding(kind, ticker, day, which[i]) for kind, which in strange.items() if i in which)
        if not np.timedelta64(0, "us") <= since_begin[i] < np.timedelta64(24, "h"):
            yield Finding(Kind.MISPLACED, ticker, day, f"ts {moment} is not of this day at B3")
        if carried[i]:
            yield Finding(Kind.CARRIED, ticker, day, "B3 was closed, and nothing was traded")
        if (ticker, day, moment) in seen:
            yield Finding(Kind.DUPLICATE, ticker, day, f"ts {moment} more than once")
        seen.add((ticker, day, moment))


def _gaps(days_of: dict[str, set[dt.date]], newest: dt.date) -> Iterator[Finding]:
    """The sessions that a ticker lacks between its first day and its last, of those up to `newest`."""
    for ticker, days in days_of.items():
        final = [day for day in days if day <= newest]
        for day in sessions_between(min(final), max(final)) if final else ():
            if day not in days:
                yield Finding(Kind.GAP, ticker, day)
