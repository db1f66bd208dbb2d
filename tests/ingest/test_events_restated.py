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


def pieces_of(data: st.DataObject, traded: list[dt.date]) -> list[list[dt.date]]:
    """The traded days of some ranges, which may overlap, and single days that are in none: all in the end."""
    offsets = st.integers(0, SPAN - 1)
    ranges = data.draw(st.lists(st.tuples(offsets, st.integers(0, 4)), max_size=5))
    pieces = [[day for day in traded if one <= (day - FIRST).days <= one + length] for one, length in ranges]
    missing = [[day] for day in traded if not any(day in piece for piece in pieces)]
    return [piece for piece in data.draw(st.permutations([*pieces, *missing])) if piece]


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_any_order_of_pieces_and_events_with_kills_ends_as_filled_at_once(data: st.DataObject):
    """Events come late, and some that were told are withdrawn again."""
    offsets = st.integers(0, SPAN - 1)
    events = [event(number, at) for number, at in enumerate(data.draw(st.lists(offsets, max_size=5)))]
    right = [one for one in events if data.draw(st.booleans())]
    traded = [FIRST + dt.timedelta(days=at) for at in sorted(data.draw(st.sets(offsets, min_size=1)))]
    rows: dict[dt.date, EventsOfDay] = {}
    known: list[Event] = []
    pieces = pieces_of(data, traded)
    for number, brought in enumerate(pieces):
        is_last = number == len(pieces) - 1
        told = right if is_last else data.draw(st.lists(st.sampled_from(events), unique=True)) if events else []
        for left in [*data.draw(st.lists(st.integers(-1, 3), max_size=2)), SPAN]:  # killed, and run again
            if run(rows, to_table(known), told, brought, left):
                known = told
    at_once = events_of_days(right, traded)
    assert rows == {day: at_once.get(day, NO_EVENTS) for day in traded}


def test_a_row_that_a_killed_run_brought_does_not_hide_where_its_event_was():
    """The event stood in the third row, for want of the second; the run that brought that one was killed."""
    first, second, third = (FIRST + dt.timedelta(days=at) for at in (0, 1, 2))
    split = event(0, 1)
    rows: dict[dt.date, EventsOfDay] = {}
    assert run(rows, to_table([]), [split], [first], SPAN)
    assert run(rows, to_table([split]), [split], [third], SPAN)
    assert rows[third].stock_splits == 2
    assert not run(rows, to_table([split]), [split], [first, second], -1)
    assert run(rows, to_table([split]), [split], [first, second], SPAN)
    assert [rows[day].stock_splits for day in (first, second, third)] == [None, 2, None]


def test_an_event_that_is_withdrawn_leaves_a_row_which_only_the_run_s_own_precede():
    first, third = FIRST, FIRST + dt.timedelta(days=2)
    split = event(0, 1)
    rows: dict[dt.date, EventsOfDay] = {}
    for day in (first, third):
        assert run(rows, to_table([split]), [split], [day], SPAN)
    assert rows[third].stock_splits == 2
    assert run(rows, to_table([split]), [], [first], SPAN)
    assert rows == {first: NO_EVENTS, third: NO_EVENTS}
