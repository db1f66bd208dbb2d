"""Asks the quotes whether a split, grouping or bonus happened: prices that contradict it dispute it. Pure."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from b3lake.ingest.events.enter import by_row, cash_of, place, ratio_of
from b3lake.ingest.events.event import Event, Kind, Status
from b3lake.ingest.steps import LONGEST_PAUSE, Days, Floats, contradicted, log_steps


@dataclass(frozen=True)
class Quotes:
    """One ticker's days, oldest first, with prices as traded (BRL per share; arrays of one length)."""

    days: Sequence[dt.date]
    opens: Floats
    closes: Floats


def dispute(events: Sequence[Event], quotes: Quotes) -> list[Event]:
    """`events` of one ticker, those disputed whose ratio leaves more than half of its step in log price.

    Ratios of one row are judged together, after its cash. Where there is no quote shortly before, or an event of the
    same row has no usable number, prices tell nothing.
    """
    against = dict(_contradicted_rows(events, quotes))
    return [
        replace(event, status=Status.DISPUTED, note=f"{event.note}; {against[row]}")
        if event.is_ratio
        and event.status is Status.APPLIED
        and (row := place(event, quotes.days)) is not None
        and row in against
        else event
        for event in events
    ]


def _contradicted_rows(events: Sequence[Event], quotes: Quotes) -> Iterator[tuple[int, str]]:
    """The rows whose prices contradict their ratios, with the reason."""
    rows = by_row(events, quotes.days)
    silent = {place(event, quotes.days) for event in events if event.status is Status.UNSIZED and _moves_shares(event)}
    ratios, cash = np.ones(len(quotes.days)), np.zeros(len(quotes.days))
    for row, of_row in rows.items():
        ratios[row], cash[row] = float(ratio_of(of_row) or 1), float(cash_of(of_row) or 0)
    days = np.array(quotes.days, "datetime64[D]")
    steps = log_steps(Days(days, quotes.opens, quotes.closes, cash, ratios))
    for row in np.flatnonzero(contradicted(*steps, ratios)).tolist():
        if row not in silent and (quotes.days[row] - quotes.days[row - 1]).days <= LONGEST_PAUSE:
            before, after = quotes.closes[row - 1], quotes.closes[row]
            expected = (before - cash[row]) / ratios[row]
            yield row, f"the close went from {before:g} to {after:g}, where it would make {expected:.2f}"


def _moves_shares(event: Event) -> bool:
    return event.is_ratio or event.kind is Kind.OTHER
