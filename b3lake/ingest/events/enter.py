"""Which rows of the quotes events belong to, and what they put there. Pure.

An event belongs to the ticker's first trade day on or after its ex date. One from before the first row of the lake
belongs to a row that is not there.
"""

import bisect
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from b3lake.ingest.events.event import Event, Status


@dataclass(frozen=True)
class Known:
    """Which events of a ticker B3 told: without an answer a day without one is not known to have had none."""

    cash: bool
    ratios: bool


ALL_KNOWN = Known(cash=True, ratios=True)
NOTHING_KNOWN = Known(cash=False, ratios=False)


@dataclass(frozen=True)
class EventsOfDay:
    """What a row says: BRL per share held before, and shares after per share before; 0: none, None: not known."""

    dividends: float | None
    stock_splits: float | None


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


def events_of_days(events: Iterable[Event], days: Sequence[dt.date], known: Known = ALL_KNOWN) -> list[EventsOfDay]:
    """What the rows of a ticker's `days`, oldest first, say of their events."""
    rows = by_row(events, days)
    return [
        EventsOfDay(
            _or_unknown(cash_of(rows.get(i, ())), is_known=known.cash),
            _or_unknown(ratio_of(rows.get(i, ())), is_known=known.ratios),
        )
        for i in range(len(days))
    ]


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


def _or_unknown(value: Decimal | None, *, is_known: bool) -> float | None:
    if value is None:
        return 0.0 if is_known else None
    return float(value)
