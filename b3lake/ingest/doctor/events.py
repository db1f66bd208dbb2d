"""Which events of `b3_corporate_events` could have moved prices and were not applied. Pure."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping

import pyarrow as pa

from b3lake.ingest.events.event import Event, Kind, Status
from b3lake.ingest.events.table import from_table


def not_applied(events: pa.Table, days_of: Mapping[str, Collection[dt.date]]) -> Iterator[Event]:
    """The disputed and unsized ones of `events` (EVENTS_SCHEMA) whose ex date is within the days that their ticker has.

    A right to subscribe is left out: it adjusts nothing.
    """
    for event in from_table(events):
        days = days_of.get(event.ticker)
        if event.status is Status.APPLIED or event.kind is Kind.SUBSCRIPTION or not event.ex_date or not days:
            continue
        if min(days) < event.ex_date <= max(days):
            yield event
