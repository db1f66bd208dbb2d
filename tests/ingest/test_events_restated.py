"""The rows of a lake and its events in any order of arrival, with runs that are killed: as if filled at once."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.events.days import TradeDays
from b3lake.ingest.events.enter import NO_EVENTS, EventsOfDay, events_of_days
from b3lake.ingest.events.event import Event, Kind, Status
from b3lake.ingest.events.known import KnownEvents
from b3lake.ingest.events.restate import due_of
from b3lake.ingest.events.table import to_table
from tests.ingest.lake_cases import table as bars_of

FIRST = dt.date(2024, 1, 1)
SPAN = 12


def event(number: int, offset: int) -> Event:
    day = FIRST + dt.timedelta(days=offset)
    kind, value = (Kind.DIVIDEND, Decimal(number + 1)) if number % 2 else (Kind.SPLIT, Decimal(number + 2))
    return Event("PETR4", None, kind, value, day - dt.timedelta(days=1), day, None, None, "x", Status.APPLIED)


def run(rows: dict[dt.date, EventsOfDay], old: pa.Table, new: list[Event], brought: list[dt.date], left: int) -> bool:
    """One run over `rows`; it is killed when it has put `left` rows again (-1: before). Whether it came to its end."""
    stored = TradeDays()
    stored.add("PETR4", np.array([day.toordinal() for day in rows], np.int32))
    known = KnownEvents(old, stored)
    entered = known.enter(bars_of(days=brought))
    columns = (entered["dividends"].to_pylist(), entered["stock_splits"].to_pylist())
    rows |= {day: EventsOfDay(*cells) for day, *cells in zip(brought, *columns, strict=True)}
    if left < 0:
        return False
    due = due_of(known, "PETR4", new)
    to_put = sorted(due.to_check)
    for day in to_put[:left]:
        rows[day] = due.target.get(day, NO_EVENTS)
    return left >= len(to_put)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_order_of_pieces_and_events_with_kills_ends_as_filled_at_once(data: st.DataObject):
    offsets = st.integers(0, SPAN - 1)
    events = [event(number, at) for number, at in enumerate(data.draw(st.lists(offsets, max_size=5)))]
    traded = [FIRST + dt.timedelta(days=at) for at in sorted(data.draw(st.sets(offsets, min_size=1)))]
    rows: dict[dt.date, EventsOfDay] = {}
    known: list[Event] = []
    cuts = sorted(data.draw(st.lists(offsets, max_size=3)))
    pieces = data.draw(st.permutations(list(zip([0, *cuts], [*cuts, SPAN - 1], strict=True))))
    for number, (one, other) in enumerate(pieces):
        first, last = (FIRST + dt.timedelta(days=at) for at in (one, other))
        brought = [day for day in traded if first <= day <= last]
        last_piece = number == len(pieces) - 1
        told = events if last_piece else data.draw(st.lists(st.sampled_from(events), unique=True)) if events else []
        for left in [*data.draw(st.lists(st.integers(-1, 3), max_size=2)), SPAN]:  # killed, and run again
            if run(rows, to_table(known), told, brought, left):
                known = told
    at_once = events_of_days(events, traded)
    assert rows == {day: at_once.get(day, NO_EVENTS) for day in traded}
