"""Events and the rows that they belong to: positions, days, sums, and who a share is, each part alone."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from b3lake.ingest.decimals import shortest_within
from b3lake.ingest.events.days import TradeDays, by_ticker, dates
from b3lake.ingest.events.enter import EventsOfDay, by_row, cash_of, place, ratio_of
from b3lake.ingest.events.event import Event, Kind, Share, Status
from b3lake.ingest.events.known import KnownEvents, with_events
from b3lake.ingest.events.shares import merged, share_of
from b3lake.ingest.events.table import to_table
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.schemas import SHARES_SCHEMA


def day(number: int) -> dt.date:
    return dt.date(2024, 5, number)


def event(ex_date: int | None, value: str | None, kind: Kind = Kind.SPLIT, status: Status = Status.APPLIED) -> Event:
    of_day = None if ex_date is None else day(ex_date)
    number = None if value is None else Decimal(value)
    return Event("PETR4", None, kind, number, None, of_day, None, None, "call", status)


DAYS = [day(3), day(6), day(8)]


@pytest.mark.parametrize(
    ("ex_date", "position"), [(None, None), (2, None), (3, 0), (4, 1), (6, 1), (7, 2), (8, 2), (9, None)]
)
def test_the_row_of_an_event_is_the_first_on_or_after_its_ex_date(ex_date: int | None, position: int | None) -> None:
    assert place(event(ex_date, "2"), DAYS) == position


def test_only_applied_events_have_a_row() -> None:
    told = [event(6, "2"), event(6, "3"), event(8, "2", status=Status.DISPUTED), event(8, None, status=Status.UNSIZED)]
    assert by_row(told, DAYS) == {1: told[:2]}
    assert place(event(6, "2"), []) is None


def test_cash_is_summed_and_ratios_are_multiplied() -> None:
    told = [event(6, "2"), event(6, "1.5", Kind.BONUS), event(6, "0.1", Kind.GROUPING)]
    told += [event(6, "0.5", Kind.DIVIDEND), event(6, "0.25", Kind.JCP), event(6, "1", Kind.OTHER), event(6, None)]
    assert (cash_of(told), ratio_of(told)) == (Decimal("1.75"), Decimal("0.30"))
    assert (cash_of(told[:3]), ratio_of(told[3:])) == (None, None)


def bars(*rows: tuple[str, int]) -> pa.Table:
    told = [dict.fromkeys(BARS_SCHEMA.names) | {"ticker": ticker, "day": day(number)} for ticker, number in rows]
    return pa.Table.from_pylist(told, BARS_SCHEMA)


def ordinals(*numbers: int) -> np.ndarray:
    return np.array([day(number).toordinal() for number in numbers], np.int32)


def test_rows_are_parted_by_ticker() -> None:
    found = [(ticker, first, dates(days)) for ticker, first, days in by_ticker(bars(("A", 2), ("A", 3), ("B", 3)))]
    assert found == [("A", 0, [day(2), day(3)]), ("B", 2, [day(3)])]
    assert list(by_ticker(bars())) == []


def test_days_are_kept_once_and_in_order() -> None:
    known = TradeDays()
    known.add("A", ordinals(6, 3))
    known.add("A", ordinals(6, 2))
    assert (known.dates("A"), known.dates("B"), set(known.tickers())) == ([day(2), day(3), day(6)], [], {"A"})
    known.add("A", ordinals(1))
    known.add("B", ordinals(8))
    assert set(known.tickers()) == {"A", "B"}
    assert known.dates("A") == [day(1), day(2), day(3), day(6)]


def test_cells_are_set_anew() -> None:
    rows = bars(("A", 2), ("A", 3), ("A", 6)).set_column(10, BARS_SCHEMA.field("dividends"), pa.array([9.0, 9.0, 9.0]))
    found = with_events(rows, {1: EventsOfDay(0.5, None), 2: EventsOfDay(0.25, 2.0)})
    assert found["dividends"].to_pylist() == [None, 0.5, 0.25]
    assert found["stock_splits"].to_pylist() == [None, None, 2.0]
    assert found.schema == BARS_SCHEMA


def test_events_enter_the_first_row_of_their_day_that_the_lake_and_the_run_have() -> None:
    stored = TradeDays()
    stored.add("PETR4", ordinals(3, 7))
    known = KnownEvents(to_table([event(6, "2"), event(7, "3"), event(2, "5")]), stored)
    found = known.enter(bars(("ITUB4", 6), ("PETR4", 6), ("PETR4", 6), ("PETR4", 8)))
    assert found["stock_splits"].to_pylist() == [None, 2.0, None, None], "that of the seventh has a row in the lake"
    assert dict(known.entered) == {"PETR4": {day(6): EventsOfDay(None, 2.0)}}
    assert dates(known.days("PETR4")) == [day(3), day(6), day(7), day(8)]
    assert dates(known.days("ITUB4")) == [day(6)]


def who(**told: object) -> dict[str, object]:
    plain = {"ticker": "PETR4", "first_day": day(2), "isin": "BRPETRACNPR6", "share_class": "PN", "kind": "share"}
    return plain | {"name": "PETROBRAS"} | told


def shares(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), SHARES_SCHEMA)


def test_who_a_share_is_has_its_first_day() -> None:
    one, other = shares(who(first_day=day(6)), who(ticker="A")), shares(who(), who(name="PETRO", first_day=day(3)))
    assert merged(one, other).to_pylist() == [
        who(ticker="A"),
        who(),
        who(name="PETRO", first_day=day(3)),
    ]


def test_a_share_is_what_its_newest_quote_says_with_all_its_isins() -> None:
    known = shares(
        who(isin="OLD"),
        who(isin="NEW", first_day=day(8), share_class="ON", name="NEW NAME"),
        who(isin=None, first_day=day(3)),
        who(isin="OLD", first_day=day(6)),
        who(ticker="VALE3", first_day=day(9), kind="BDR"),
    )
    assert share_of("PETR4", known) == Share("PETR4", ("NEW", "OLD"), "ON", "NEW NAME", is_listed=True)
    assert share_of("VALE3", known) == Share("VALE3", ("BRPETRACNPR6",), "PN", "PETROBRAS", is_listed=False)
    assert share_of("ITUB4", known) is None
    assert share_of("TAEE11", shares(who(ticker="TAEE11", kind="unit"))).is_listed


@pytest.mark.parametrize(
    ("share", "issuer"),
    [
        (Share("PETR4"), "PETR"),
        (Share("VVAR3"), "BHIA"),
        (Share("PET4", ("BRPETRACNPR6",)), "PETR"),
        (Share("PET4"), "PET4"),
        (Share("B3SA3"), "B3SA"),
    ],
)
def test_by_which_code_an_issuer_is_asked(share: Share, issuer: str) -> None:
    assert share.issuer == issuer


@pytest.mark.parametrize(
    ("value", "precision", "shortest"),
    [
        (1.2345, 0.0, 1.2345),
        (1.2345, 0.05, 1.2),
        (1.25, 0.06, 1.2),
        (1.5, 0.5, 2.0),
        (1.2345, 0.3, 1.0),
        (1 / 3, 0.0, 1 / 3),
        (0.123456789012, 0.0, 0.123456789012),
    ],
)
def test_the_shortest_decimal_within_a_precision(value: float, precision: float, shortest: float) -> None:
    found = shortest_within(np.array([value, np.nan]), np.array([precision, precision]))
    assert found[0] == shortest
    assert np.isnan(found[1])
