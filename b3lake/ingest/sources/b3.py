"""B3's own quotes: COTAHIST files, from B3's site or from here, as bars of the lake's columns."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from b3lake.ingest.sources.b3_files import B3_URL, CotahistFile, at_hand, files_here, files_on_site
from b3lake.ingest.sources.cotahist import Quotes, as_date, as_number, read_quotes
from b3lake.ingest.sources.source import Delivery, Failure, Selection
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import B3_ZONE, day_start_utc
from b3lake.lake.errors import B3LakeError, UsageError
from b3lake.lake.tickers import INDEX_TICKER

LABEL = "b3"
BATCH_ROWS = 20_000
"""Quotes that become bars at a time: a whole year of the market would be a gigabyte of them."""


@dataclass(frozen=True)
class B3Source:
    """The exchange's own record: the COTAHIST files at `base_url`, or those of `files`, a file or folder here."""

    base_url: str = B3_URL
    files: Path | None = None
    label: str = LABEL

    async def fetch(self, wanted: Selection) -> AsyncIterator[Delivery | Failure]:
        """Deliver file by file, each read whole and checked before, the days that no earlier file had.

        Raises UsageError for bars of less than a day, and when `files` has none of the wanted days.
        """
        if wanted.interval != "1d":
            raise UsageError("B3's files have daily bars only: leave --interval out, or take --source yahoo.")
        days = wanted.sessions
        seen: set[dt.date] = set()
        for file in self._files_of(days, wanted.now):
            if all(day in seen for day in days if file.covers(day)):
                continue
            try:
                quotes = await asyncio.to_thread(self._read, file)
            except B3LakeError as error:
                yield _failure(error, file)
                continue
            its = select(quotes, wanted.tickers, wanted.start, wanted.end, seen)
            seen |= days_of(quotes)
            if len(its):
                yield self._delivery(file.name, its)

    def why_no_bars(self, ticker: str) -> str:
        """As Source.why_no_bars."""
        index = ": B3's files hold shares, no index; take it from --source yahoo" if ticker == INDEX_TICKER else ""
        return f"no trade in the cash market in this range{index}"

    def _files_of(self, days: list[dt.date], now: dt.datetime) -> list[CotahistFile]:
        if not days:
            return []
        return files_here(self.files, days) if self.files else files_on_site(days, now.astimezone(B3_ZONE).date())

    def _read(self, file: CotahistFile) -> Quotes:
        with at_hand(file, self.base_url) as path:
            return read_quotes(path, file.period)

    def _delivery(self, name: str, quotes: Quotes) -> Delivery:
        days = days_of(quotes)
        return Delivery(name, tickers_of(quotes), min(days), max(days), batches(quotes, self.label))


def _failure(error: B3LakeError, file: CotahistFile) -> Failure:
    return Failure(error, start=file.period.start, end=file.period.end) if file.period else Failure(error)


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


def batches(quotes: Quotes, label: str = LABEL) -> Iterator[pa.Table]:
    """`quotes` (QUOTE_TYPE) as bars (BARS_SCHEMA), oldest days first, whole days of about BATCH_ROWS at a time."""
    quotes = quotes[np.argsort(quotes["day"], kind="stable")]
    day_ends = np.append(np.flatnonzero(quotes["day"][1:] != quotes["day"][:-1]) + 1, len(quotes)).tolist()
    first = 0
    for end in day_ends:
        if end - first >= BATCH_ROWS or end == day_ends[-1]:
            yield to_bars(quotes[first:end], label)
            first = end


def to_bars(quotes: Quotes, label: str) -> pa.Table:
    """`quotes` (QUOTE_TYPE) as BARS_SCHEMA, their `source` being `label`.

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
        "source": pa.array([label] * len(quotes), pa.string()),
        "adj_close": unknown,
        "dividends": unknown,
        "stock_splits": unknown,
    } | {name: pa.array(quotes[name]) for name in ("open", "high", "low", "close")}
    return pa.Table.from_arrays([columns[name] for name in BARS_SCHEMA.names], schema=BARS_SCHEMA)
