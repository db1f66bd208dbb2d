"""Which rows have to be written again for what is known of events now, and those rows. Pure but for their bytes."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from b3lake.ingest.events.days import dates
from b3lake.ingest.events.enter import NO_EVENTS, EventsOfDay, events_of_days, moved_from, place
from b3lake.ingest.events.event import Event, Status
from b3lake.ingest.events.known import KnownEvents, with_events
from b3lake.ingest.events.prices import Quotes
from b3lake.ingest.parquet import decode
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.schemas import RAW_SCHEMA


def days_of_prices(events: Sequence[Event], days: Sequence[dt.date]) -> set[dt.date]:
    """The days among a ticker's `days` whose prices can contradict `events`: that of each ratio, and the one before."""
    rows = {place(event, days) for event in events if event.is_ratio and event.status is Status.APPLIED}
    return {days[at] for row in rows if row for at in (row - 1, row)}


def quotes_of(days: Sequence[dt.date], rows: Mapping[dt.date, pa.Table]) -> Quotes:
    """The prices of those of a ticker's `days` that `rows` (RAW_SCHEMA) has; NaN on the others."""
    opens, closes = np.full(len(days), np.nan), np.full(len(days), np.nan)
    for at, day in enumerate(days):
        if day in rows:
            opens[at], closes[at] = rows[day]["open"][0].as_py(), rows[day]["close"][-1].as_py()
    return Quotes(days, opens, closes)


@dataclass(frozen=True)
class Due:
    """The events that rows of a ticker are to have, by day, and the days whose rows may say otherwise."""

    target: Mapping[dt.date, EventsOfDay]
    to_check: set[dt.date]


def due_of(known: KnownEvents, ticker: str, events: Sequence[Event]) -> Due:
    """The part of `events` that goes into the rows of `ticker`, after the run's own were written.

    A row of the run is checked where it got something else. Of the others those are checked where the events that the
    table had say something else; both with the days that the lake had when the run began, and without any that it
    brought: a run before may have brought those, and been killed. And where the table's events would be in a later row
    if it were not for the rows of the run, those later rows are checked.
    """
    old, days = known.events(ticker), dates(known.days(ticker))
    brought, stored = set(known.brought.dates(ticker)), known.stored.dates(ticker)
    others = [day for day in stored if day not in brought]
    target = events_of_days(events, days)
    entered = known.entered[ticker]
    to_check = {day for day in target.keys() | entered.keys() if day in brought and _differ(target, entered, day)}
    for before in (events_of_days(old, stored), events_of_days(old, others)):
        differing = {day for day in target.keys() | before.keys() if _differ(target, before, day)}
        to_check |= differing - brought
    return Due(target, to_check | set(moved_from(old, days, brought)))


def _differ(one: Mapping[dt.date, EventsOfDay], other: Mapping[dt.date, EventsOfDay], day: dt.date) -> bool:
    return one.get(day, NO_EVENTS) != other.get(day, NO_EVENTS)


def read_rows(body: bytes) -> pa.Table | None:
    """The rows of an object (RAW_SCHEMA, at least one); None where it has none such, which the doctor names."""
    try:
        rows = decode(body)
    except (pa.ArrowInvalid, OSError):
        return None
    return rows if len(rows) and rows.schema.equals(RAW_SCHEMA) else None


def restated(ticker: str, day: dt.date, rows: pa.Table, target: EventsOfDay, label: str) -> pa.Table | None:
    """`rows` (RAW_SCHEMA) as bars that say `target`; None where they do, and where not all are from `label`."""
    said = EventsOfDay(rows["dividends"][0].as_py(), rows["stock_splits"][0].as_py())
    if said == target or set(rows["source"].to_pylist()) != {label}:
        return None
    anew = with_events(rows, {0: target})
    partition = [pa.repeat(pa.scalar(day, pa.date32()), len(rows)), pa.repeat(pa.scalar(ticker), len(rows))]
    return pa.Table.from_arrays([*partition, *anew.columns], schema=BARS_SCHEMA)
