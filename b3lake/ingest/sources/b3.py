"""B3's own quotes as bars: from COTAHIST records to the lake's columns, some days at a time."""

import datetime as dt
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from b3lake.ingest.sources.cotahist import Quotes, as_date, as_number
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import day_start_utc

SOURCE = "b3"
BATCH_ROWS = 20_000
"""Quotes that become bars at a time: a whole year of the market would be a gigabyte of them."""


def select(quotes: Quotes, tickers: Sequence[str] | None, start: dt.date, end: dt.date, but: set[dt.date]) -> Quotes:
    """The quotes (QUOTE_TYPE) of `tickers` (None: of all) from `start` to `end`, save the days `but`."""
    keep = (quotes["day"] >= as_number(start)) & (quotes["day"] <= as_number(end))
    keep &= ~np.isin(quotes["day"], [as_number(day) for day in but])
    if tickers is not None:
        keep &= np.isin(quotes["ticker"], [ticker.encode() for ticker in tickers])
    return quotes[keep]


def tickers_of(quotes: Quotes) -> list[str]:
    """The tickers that `quotes` (QUOTE_TYPE) has, sorted."""
    return [name.decode("latin-1") for name in np.unique(quotes["ticker"])]


def days_of(quotes: Quotes) -> set[dt.date]:
    """The days that `quotes` (QUOTE_TYPE) has."""
    return {as_date(int(day)) for day in np.unique(quotes["day"])}


def batches(quotes: Quotes) -> Iterator[pa.Table]:
    """`quotes` (QUOTE_TYPE) as bars (BARS_SCHEMA), oldest days first, whole days of about BATCH_ROWS at a time."""
    quotes = quotes[np.argsort(quotes["day"], kind="stable")]
    day_ends = np.append(np.flatnonzero(quotes["day"][1:] != quotes["day"][:-1]) + 1, len(quotes)).tolist()
    first = 0
    for end in day_ends:
        if end - first >= BATCH_ROWS or end == day_ends[-1]:
            yield to_bars(quotes[first:end])
            first = end


def to_bars(quotes: Quotes) -> pa.Table:
    """`quotes` (QUOTE_TYPE) as BARS_SCHEMA.

    The exchange quotes prices as traded: what it does not know, the adjusted close and the events, is null.
    """
    numbers, which = np.unique(quotes["day"], return_inverse=True)
    days = [as_date(int(number)) for number in numbers]
    starts = np.array([day_start_utc(day) for day in days], "datetime64[us]")
    unknown = pa.nulls(len(quotes), pa.float64())
    columns = {
        "day": pa.array(np.array(days, "datetime64[D]")[which]),
        "ticker": pa.array(quotes["ticker"].astype("U12")),
        "ts": pa.array(starts[which]),
        "volume": pa.array(quotes["volume"]),
        "source": pa.array([SOURCE] * len(quotes), pa.string()),
        "adj_close": unknown,
        "dividends": unknown,
        "stock_splits": unknown,
    } | {name: pa.array(quotes[name]) for name in ("open", "high", "low", "close")}
    return pa.Table.from_arrays([columns[name] for name in BARS_SCHEMA.names], schema=BARS_SCHEMA)
