"""Faults of the tables beside the quotes: rates, members of indexes, instruments. Pure."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ingest.doctor.finding import Finding, Kind
from b3lake.lake.calendar import sessions_between
from b3lake.lake.rates import SERIES

GAPS_OF = "CDI"
"""The series that has a value for each session."""
LATE_DAYS = 7
"""A rate comes a day after its session; one that is missing so many days before the newest quote is a fault."""
MARKET_SHARE = 0.5
"""A lake that has quotes of so many of the instruments holds the whole market; another holds whom it was asked for."""
_HALF_OF_LAST_DIGIT = 0.0005
"""Weights are printed with three decimals of a per cent."""


def rate_faults(rates: pa.Table, start: dt.date, end: dt.date, newest_quote: dt.date | None) -> Iterator[Finding]:
    """Values of `rates` (RATES_SCHEMA) from `start` to `end` that cannot be, and sessions without a CDI."""
    within = rates.filter((pc.field("day") >= start) & (pc.field("day") <= end))
    for row in within.to_pylist():
        series = SERIES.get(row["series"])
        if not series or row["unit"] != series.unit or row["value"] is None or not series.is_plausible(row["value"]):
            detail = f"{row['value']} {row['unit']} cannot be a rate of {row['series']}"
            yield Finding(Kind.RATE, row["series"], row["day"], detail)
    days = set(rates.filter(pc.field("series") == GAPS_OF)["day"].to_pylist())
    if not days:
        if len(rates):
            yield Finding(Kind.RATE_GAP, GAPS_OF, None, "other rates are there, and none of it")
        return
    expected = max(days)
    if newest_quote:
        expected = max(expected, newest_quote - dt.timedelta(days=LATE_DAYS))
    for day in sessions_between(max(start, min(days)), min(end, expected)):
        if day not in days:
            yield Finding(Kind.RATE_GAP, GAPS_OF, day)


def weight_faults(portfolios: pa.Table, start: dt.date, end: dt.date) -> Iterator[Finding]:
    """Portfolios (PORTFOLIOS_SCHEMA) of the days `start` to `end` whose weights do not sum to 100."""
    within = portfolios.filter((pc.field("day") >= start) & (pc.field("day") <= end))
    summed = within.group_by(["index", "day"]).aggregate([("weight", "sum"), ("weight", "count")])
    for row in summed.to_pylist():
        weight = row["weight_sum"] or 0.0
        if not abs(weight - 100) <= row["weight_count"] * _HALF_OF_LAST_DIGIT + 1e-9:
            yield Finding(Kind.WEIGHTS, row["index"], row["day"], f"its weights sum to {weight:g} and not to 100")


def instrument_faults(instruments: pa.Table, days_of: Mapping[str, Collection[dt.date]]) -> Iterator[Finding]:
    """The instruments (INSTRUMENTS_SCHEMA) that have no quotes, in a lake of the whole market, and no other.

    `days_of` has the days of every ticker that the lake has.
    """
    known = instruments["ticker"].to_pylist()
    if sum(ticker in days_of for ticker in known) < MARKET_SHARE * len(known):
        return
    for row in instruments.to_pylist():
        if row["ticker"] not in days_of:
            detail = f"traded from {row['first_day']} to {row['last_day']}, and the lake has no quote of it"
            yield Finding(Kind.INSTRUMENT, row["ticker"], None, detail)
