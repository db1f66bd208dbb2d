"""Whether the rows of the quotes say what `b3_corporate_events` says, and which events were not applied. Pure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ingest.events.enter import NO_EVENTS, EventsOfDay, events_of_days
from b3lake.ingest.events.event import Event, Kind, Status
from b3lake.ingest.events.table import from_table
from b3lake.lake.labels import B3


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


@dataclass
class SaidEvents:
    """The events in B3's rows: `days` of all such rows by ticker, and `cells` of those with a dividend or a split."""

    days: defaultdict[str, set[dt.date]] = field(default_factory=lambda: defaultdict(set))
    cells: defaultdict[str, dict[dt.date, EventsOfDay]] = field(default_factory=lambda: defaultdict(dict))

    def note(self, bars: pa.Table) -> None:
        """Take some rows (BARS_SCHEMA); those of other sources have events of their own."""
        rows = bars.filter(pc.equal(bars["source"], B3)).select(["ticker", "day", "dividends", "stock_splits"])
        for row in rows.to_pylist():
            self.days[row["ticker"]].add(row["day"])
            said = EventsOfDay(row["dividends"] or None, row["stock_splits"] or None)  # 0 is no event
            if said != NO_EVENTS:
                self.cells[row["ticker"]][row["day"]] = said


def differing(
    events: pa.Table, said: SaidEvents, days_of: Mapping[str, Collection[dt.date]], *, whole: bool
) -> dict[tuple[dt.date, str], tuple[EventsOfDay, EventsOfDay]]:
    """By day and ticker what B3's rows say, and what `events` (EVENTS_SCHEMA) say that they should.

    `days_of` has the days of every ticker; unless they are the `whole` lake's, nobody knows what belongs to the first.
    """
    by_ticker: defaultdict[str, list[Event]] = defaultdict(list)
    for event in from_table(events):
        by_ticker[event.ticker].append(event)
    found = {}
    for ticker, of_b3 in said.days.items():
        days = sorted(days_of[ticker])
        wanted = events_of_days(by_ticker[ticker], days)
        for day in (wanted.keys() | said.cells[ticker].keys()) & of_b3:
            pair = (said.cells[ticker].get(day, NO_EVENTS), wanted.get(day, NO_EVENTS))
            if pair[0] != pair[1] and (whole or day != days[0]):
                found[day, ticker] = pair
    return found
