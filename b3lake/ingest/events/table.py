"""Events as rows of `b3_corporate_events` and back."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

import pyarrow as pa

from b3lake.ingest.events.event import Event, Kind, Status
from b3lake.lake.schemas import EVENTS_SCHEMA


def to_table(events: Iterable[Event]) -> pa.Table:
    """`events` as EVENTS_SCHEMA, sorted by ticker, last day, kind; equal events stay as many as they are."""
    rows = [
        {
            "ticker": event.ticker,
            "isin": event.isin,
            "ex_date": event.ex_date,
            "last_day_with_right": event.last_day,
            "kind": event.kind.value,
            "value": None if event.value is None else float(event.value),
            "approved_on": event.approved_on,
            "payment_date": event.payment_date,
            "source": event.source,
            "status": event.status.value,
            "note": event.note,
        }
        for event in sorted(events, key=_place)
    ]
    return pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA)


def from_table(table: pa.Table) -> list[Event]:
    """The events of a table of EVENTS_SCHEMA."""
    return [
        Event(
            row["ticker"],
            row["isin"],
            Kind(row["kind"]),
            None if row["value"] is None else Decimal(repr(row["value"])),
            row["last_day_with_right"],
            row["ex_date"],
            row["approved_on"],
            row["payment_date"],
            row["source"],
            Status(row["status"]),
            row["note"],
        )
        for row in table.to_pylist()
    ]


def _place(event: Event) -> tuple[str, dt.date, str, str, Decimal, dt.date, dt.date, str]:
    never = dt.date.min
    return (
        event.ticker,
        event.last_day or never,
        event.kind,
        event.note,
        event.value or Decimal(0),
        event.approved_on or never,
        event.payment_date or never,
        event.source,
    )
