"""Which rows of the quotes events belong to, and what they put there. Pure.

An event belongs to the ticker's first trade day on or after its ex date. One from before the first row of the lake
belongs to a row that is not there. A row without an event has null, not 0: so a row never changes but by an event of
its own, and a lake that is filled in pieces, with events that come late, is the same as one filled at once.
"""

import bisect
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from b3lake.ingest.events.event import Event, Status


@dataclass(frozen=True)
class EventsOfDay:
    """A row's events: BRL per share held before, and shares after per share before; None: no event is known."""

    dividends: float | None = None
    stock_splits: float | None = None


NO_EVENTS = EventsOfDay()


def place(event: Event, days: Sequence[dt.date]) -> int | None:
    """The position of the row of `event` among a ticker's `days`, oldest first; None where that row is not there."""
    if event.ex_date is None:
        return None
    at = bisect.bisect_left(days, event.ex_date)
    if at == len(days) or (at == 0 and days[0] != event.ex_date):
        return None
    return at


def by_row(events: Iterable[Event], days: Sequence[dt.date]) -> dict[int, list[Event]]:
    """The applied events by the position of their row among `days`."""
    rows: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        at = place(event, days) if event.status is Status.APPLIED else None
        if at is not None:
            rows[at].append(event)
    return dict(rows)


def events_of_days(events: Iterable[Event], days: Sequence[dt.date]) -> dict[dt.date, EventsOfDay]:
    """The events that the rows of a ticker's `days`, oldest first, are to have; none for days without one."""
    return {
        days[at]: EventsOfDay(_number(cash_of(of_row)), _number(ratio_of(of_row)))
        for at, of_row in by_row(events, days).items()
    }


def moved_from(events: Iterable[Event], days: Sequence[dt.date], new: Collection[dt.date]) -> Iterator[dt.date]:
    """The rows that had an event before the `new` days of `days` had any, where now one of those has it."""
    old = [day for day in days if day not in new]
    for event in events:
        at = place(event, days) if event.status is Status.APPLIED else None
        if at is not None and days[at] in new and event.ex_date:
            before = bisect.bisect_left(old, event.ex_date)
            yield from old[before : before + 1]


def cash_of(events: Iterable[Event]) -> Decimal | None:
    """The sum of the cash among events of one row, None without any."""
    amounts = [event.value for event in events if event.value is not None and not event.is_ratio]
    return sum(amounts, Decimal(0)) if amounts else None


def ratio_of(events: Iterable[Event]) -> Decimal | None:
    """The product of the ratios among events of one row, None without any."""
    product = None
    for event in events:
        if event.is_ratio and event.value is not None:
            product = (product or Decimal(1)) * event.value
    return product


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
