"""The doctor's rules alone, without a lake: at the bounds of each, and in its whole sentences."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from b3lake.ingest.doctor.events import SaidEvents, differing, not_applied
from b3lake.ingest.doctor.examine import examine_rows
from b3lake.ingest.doctor.finding import NOTES, Finding, Kind
from b3lake.ingest.doctor.series import _begins
from b3lake.ingest.doctor.strays import is_stray
from b3lake.ingest.events.enter import EventsOfDay
from b3lake.ingest.events.event import Event, Status
from b3lake.ingest.events.event import Kind as EventKind
from b3lake.ingest.events.table import to_table
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import day_start_utc


def day(number: int) -> dt.date:
    return dt.date(2024, 5, number)


def event(ex_date: dt.date | None, status: Status, kind: EventKind = EventKind.SPLIT, ticker: str = "PETR4") -> Event:
    return Event(ticker, None, kind, Decimal(2), None, ex_date, None, None, "call", status, "why")


# --- Events ------------------------------------------------------------------------------------------------------

DAYS = {"PETR4": {day(3), day(6), day(8)}, "VALE3": {day(3), day(8)}}


@pytest.mark.parametrize(
    ("ex_date", "is_told"), [(2, False), (3, False), (4, True), (6, True), (8, True), (9, False), (None, False)]
)
def test_an_event_that_was_not_applied_is_told_within_the_days_of_its_ticker(
    ex_date: int | None, is_told: bool
) -> None:
    for status in (Status.DISPUTED, Status.UNSIZED):
        told = event(ex_date and day(ex_date), status)
        assert list(not_applied(to_table([told]), DAYS)) == [told] * is_told


def test_what_is_applied_or_adjusts_nothing_or_is_of_nobody_is_not_told() -> None:
    events = [
        event(day(6), Status.APPLIED),
        event(day(6), Status.UNSIZED, EventKind.SUBSCRIPTION),
        event(day(6), Status.DISPUTED, ticker="ITUB4"),
        event(day(6), Status.DISPUTED, ticker="VALE3"),
    ]
    assert list(not_applied(to_table(events), DAYS)) == [events[-1]]
    assert list(not_applied(to_table(events[-1:]), {"VALE3": set()})) == []


def bars(*rows: dict[str, object]) -> pa.Table:
    plain = {"ticker": "PETR4", "open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0, "volume": 100, "source": "b3"}
    made = [plain | {"ts": day_start_utc(row["day"])} | row for row in rows]
    return pa.Table.from_pylist([dict.fromkeys(BARS_SCHEMA.names) | row for row in made], schema=BARS_SCHEMA)


def test_what_b3_s_rows_say_is_compared_with_its_events() -> None:
    said = SaidEvents()
    said.note(
        bars(
            {"day": day(3), "stock_splits": 3.0},
            {"day": day(6), "stock_splits": 2.0, "dividends": 0.0},
            {"day": day(8), "dividends": 0.5},
            {"day": day(9), "source": "yahoo", "stock_splits": 7.0},
            {"day": day(8), "ticker": "VALE3", "stock_splits": 0.0},
        )
    )
    assert dict(said.days) == {"PETR4": {day(3), day(6), day(8)}, "VALE3": {day(8)}}
    assert dict(said.cells) == {
        "PETR4": {day(3): EventsOfDay(None, 3.0), day(6): EventsOfDay(None, 2.0), day(8): EventsOfDay(0.5, None)}
    }
    days = {"PETR4": {day(3), day(6), day(8), day(9)}, "VALE3": {day(3), day(8)}}
    events = to_table([event(day(5), Status.APPLIED), event(day(7), Status.APPLIED, ticker="VALE3")])
    nothing = EventsOfDay()
    missing = {
        (day(8), "PETR4"): (EventsOfDay(0.5, None), nothing),
        (day(8), "VALE3"): (nothing, EventsOfDay(None, 2.0)),
    }
    assert differing(events, said, days, whole=False) == missing
    of_the_first = {(day(3), "PETR4"): (EventsOfDay(None, 3.0), nothing)}
    assert differing(events, said, days, whole=True) == missing | of_the_first


# --- Rows --------------------------------------------------------------------------------------------------------


def at(number: int, *, microseconds: int = 0) -> dict[str, object]:
    return {"day": day(number), "ts": day_start_utc(day(number)) + dt.timedelta(microseconds=microseconds)}


def test_a_moment_is_of_its_day_from_midnight_to_midnight_at_b3() -> None:
    whole_day = 24 * 3600 * 10**6
    found = list(examine_rows(bars(at(3), at(3, microseconds=whole_day - 1))))
    assert found == []
    for microseconds, moment in ((-1, "2024-05-03T02:59:59.999999"), (whole_day, "2024-05-04T03:00:00.000000")):
        detail = f"ts {moment} is not of this day at B3"
        assert list(examine_rows(bars(at(3, microseconds=microseconds)))) == [
            Finding(Kind.MISPLACED, "PETR4", day(3), detail)
        ]


def test_a_moment_is_one_of_a_ticker_and_a_day() -> None:
    rows = [at(3), at(3) | {"ticker": "VALE3"}, at(3), at(6), at(3)]
    detail = "ts 2024-05-03T03:00:00.000000 more than once"
    assert list(examine_rows(bars(*rows))) == [Finding(Kind.DUPLICATE, "PETR4", day(3), detail)] * 2


def test_where_the_rows_of_a_key_begin() -> None:
    assert _begins(np.array([1, 1, 2, 2]), np.array([5, 6, 6, 6])).tolist() == [0, 1, 2]
    assert _begins(np.array([7])).tolist() == [0]


# --- Findings and strays -----------------------------------------------------------------------------------------


WORDS = [
    "gap",
    "unreadable",
    "impossible",
    "outside-range",
    "turnover-disagrees",
    "misplaced",
    "disputed-event",
    "unsized-event",
    "event-not-entered",
    "duplicate",
    "carried-forward",
    "unexplained-step",
    "stale",
    "mixed-sources",
    "stray",
    "unregistered",
    "unbacked",
    "impossible-rate",
    "rate-gap",
    "weights",
    "instrument-without-quotes",
]


def test_the_words_of_findings_are_what_scripts_and_alarms_look_for() -> None:
    assert [kind.value for kind in Kind] == WORDS
    assert frozenset({Kind.UNSIZED}) == NOTES
    assert Finding(Kind.GAP, "PETR4", day(3)).as_record() == {
        "finding": "gap",
        "ticker": "PETR4",
        "day": "2024-05-03",
        "detail": "",
    }
    assert Finding(Kind.STRAY, "", None, "raw//x").as_record()["day"] is None


@pytest.mark.parametrize(
    "key",
    [
        "raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet",
        "raw/b3/dt=1994-07-04/ticker=IBOV/data.parquet",
        "refined/b3/dt=2024-01-02/ticker=PETR4/data.parquet",
        "history/b3/year=2024/data.parquet",
        "state/refined/b3/ledger/year=2024.parquet",
        "state/refined/b3/notes.json",
        "events/answers/PETR.json",
        "events/b3/data.parquet",
        "events/shares/data.parquet",
        "rates/br/data.parquet",
        "instruments/b3/data.parquet",
        "portfolios/b3/data.parquet",
        "raw/b32/x",
        "somebody/else.csv",
    ],
)
def test_a_key_of_the_lake_or_beside_it_is_no_stray(key: str) -> None:
    assert not is_stray(key)


@pytest.mark.parametrize(
    "key",
    [
        "raw/b3/x",
        "raw/b3/dt=1994-07-03/ticker=PETR4/data.parquet",
        "raw/b3/dt=2024-01-02/ticker=petr4/data.parquet",
        "refined/b3/dt=2024-01-02/ticker=PETR4/data.csv",
        "refined/b3/dt=1994-07-01/ticker=PETR4/data.parquet",
        "history/b3/year=24/data.parquet",
        "state/refined/b3/ledger/year=2024.json",
        "events/answers/a/PETR.json",
        "events/b3/x",
        "events/shares/x",
        "rates/br/x",
        "instruments/b3/data.parquet.gz",
        "portfolios/b3/x",
        "somebody//else.csv",
    ],
)
def test_any_other_key_under_a_prefix_of_the_lake_is_one(key: str) -> None:
    assert is_stray(key)
