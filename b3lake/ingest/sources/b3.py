"""B3's own quotes: COTAHIST files, from B3's site or from here, as bars of the lake's columns."""

import asyncio
import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from b3lake.ingest.errors import missing_sessions
from b3lake.ingest.events.shares import seen_in
from b3lake.ingest.sources.b3_folder import files_here, name_others
from b3lake.ingest.sources.b3_site import B3_URL, FILE_BACK_OFF, ClosedError, files_on_site, read_from_site
from b3lake.ingest.sources.cotahist import (
    CASH_MARKET,
    FRACTIONAL_MARKET,
    Cotahist,
    Quotes,
    RefusedRecord,
    as_date,
    as_number,
    read_file,
)
from b3lake.ingest.sources.http_get import BackOff, nobody_answered
from b3lake.ingest.sources.source import Delivery, Failure, Notice, Selection
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake import labels
from b3lake.lake.calendar import B3_ZONE, TOO_EARLY, day_start_utc
from b3lake.lake.errors import B3LakeError, UsageError
from b3lake.lake.tickers import CASH, FRACTIONAL, INDEX_TICKER
from b3lake.lake.words import counted

LABEL = labels.B3
FUND_SUFFIX = "11"
_TRADED = ("open", "high", "low", "close", "volume")
_SHOWN = 5
BATCH_ROWS = 20_000
"""Quotes that become bars at a time: a whole year of the market would be a gigabyte of them."""


@dataclass(frozen=True)
class B3Source:
    """The exchange's own record: the COTAHIST files at `base_url`, or those of `files`, a file or folder here.

    Of each file the quotes of one `market` are taken: shares of the fractional one have codes and volumes of their own.
    """

    base_url: str = B3_URL
    files: Path | None = None
    label: str = LABEL
    market: str = CASH
    back_off: BackOff = FILE_BACK_OFF

    @property
    def _codes(self) -> tuple[bytes, ...]:
        """TPMERC of the market."""
        return (FRACTIONAL_MARKET if self.market == FRACTIONAL else CASH_MARKET,)

    @property
    def has_events(self) -> bool:
        """As Source.has_events: the files have none."""
        return False

    def may_have(self, wanted: Selection) -> bool:
        """As Source.may_have; a file that is here is read whatever the day."""
        return bool(self.files or wanted.weekdays)

    async def fetch(self, wanted: Selection) -> AsyncIterator[Delivery | Failure | Notice]:
        """Deliver file by file, each read whole and checked before, the days that no earlier file had.

        The sessions that no file had are a failure. Raises UsageError for bars of less than a day, and when `files` has
        none of the wanted years.
        """
        if wanted.interval != "1d":
            raise UsageError("B3's files have daily bars only: leave --interval out, or take --source yahoo.")
        got = _Got(wanted, self.label, is_whole_market=self.market == CASH)
        async for answer in self._fetch_here(wanted, got) if self.files else self._fetch_site(wanted, got):
            yield answer

    def why_no_bars(self, ticker: str) -> str:
        """As Source.why_no_bars: indices and ETFs of fixed income (all of them end in 11) are in no file of B3's."""
        elsewhere = ""
        if ticker == INDEX_TICKER:
            elsewhere = ": B3's files hold shares, no index; take it from --source yahoo"
        elif ticker.endswith(FUND_SUFFIX):
            elsewhere = ": B3's files have no ETF of fixed income; if it is one, take it from --source yahoo"
        return f"no trade in the {self.market} market in this range{elsewhere}"

    async def _fetch_site(self, wanted: Selection, got: "_Got") -> AsyncIterator[Delivery | Failure | Notice]:
        today = wanted.now.astimezone(B3_ZONE).date()
        missed: set[dt.date] = set()
        files = files_on_site(wanted.weekdays, today)
        for number, file in enumerate(files):
            try:
                content = await asyncio.to_thread(
                    read_from_site, file, self.base_url, today, self._codes, self.back_off
                )
            except ClosedError:
                continue  # as the calendar says
            except B3LakeError as error:
                # Of a site that does not answer no other file is asked for: each would take as long.
                lost = files[number:] if nobody_answered(error) else [file]
                days = {
                    day for day in wanted.sessions if any(one.period.start <= day <= one.period.end for one in lost)
                }
                missed |= days
                yield Failure(error, days=frozenset(days))
                if len(lost) > 1:
                    break
                continue
            for answer in got.take(file.name, content):
                yield answer
        lacking = got.lacking(wanted.sessions) - missed
        if lacking:
            yield Failure(missing_sessions("B3's site", lacking), days=lacking)

    async def _fetch_here(self, wanted: Selection, got: "_Got") -> AsyncIterator[Delivery | Failure | Notice]:
        place = self.files or Path()
        here = files_here(place, None if wanted.whatever else range(wanted.start.year, wanted.end.year + 1))
        if here.others:
            yield Notice(name_others(here.others))
        damaged: list[tuple[B3LakeError, int | None]] = [(error, None) for error in here.damaged]
        for file in here.files:
            try:
                content = await asyncio.to_thread(read_file, file.path, None, self._codes)
            except B3LakeError as error:
                damaged.append((error, file.header.year))
                continue
            for answer in got.take(file.path.name, content):
                yield answer
        if wanted.whatever:
            for cause, _ in damaged:
                yield Failure(cause)
            return
        lacking = got.lacking(wanted.sessions)
        for cause, year in damaged:
            days = frozenset(day for day in lacking if year in {None, day.year})
            # What a damaged file was to give, another may have given.
            yield Failure(cause, days=days) if days else Notice(str(cause))
        unexplained = frozenset(day for day in lacking if not {None, day.year} & {year for _, year in damaged})
        if unexplained:
            yield Failure(missing_sessions(str(place), unexplained), days=unexplained)


class _Got:
    """The quotes that the files have given so far: each day once, from the first file that has it."""

    def __init__(self, wanted: Selection, label: str, *, is_whole_market: bool) -> None:
        self._wanted, self._label, self._is_whole_market = wanted, label, is_whole_market
        self._days: set[dt.date] = set()

    def lacking(self, days: Sequence[dt.date]) -> frozenset[dt.date]:
        """Those of `days` that no file had."""
        return frozenset(days) - self._days

    def take(self, name: str, content: Cotahist) -> Iterator[Delivery | Notice]:
        """The wanted bars of the days that no earlier file had."""
        wanted, before = self._wanted, set(self._days)
        quotes = select(content.quotes, wanted.tickers, wanted.start, wanted.end, before)
        refused = [one for one in content.refused if self._wants(one) and one.day not in before]
        self._days |= content.days
        if said := told_twice(quotes):
            yield Notice(f"{name}: more than one quote, and the last stands, of {said}.")
        if content.left_out:
            yield Notice(f"{name}: {counted(content.left_out, 'quote')} left out, from {TOO_EARLY}.")
        days = frozenset(day for day in content.days - before if wanted.start <= day <= wanted.end)
        if days:
            new = ~np.isin(content.quotes["day"], [as_number(day) for day in before])
            market = content.quotes[new] if self._is_whole_market else None
            yield dataclasses.replace(self._delivery(name, quotes, refused, days), market=market)

    def _wants(self, one: RefusedRecord) -> bool:
        wanted = self._wanted
        return wanted.start <= one.day <= wanted.end and (wanted.tickers is None or one.ticker in wanted.tickers)

    def _delivery(self, name: str, quotes: Quotes, refused: list[RefusedRecord], days: frozenset[dt.date]) -> Delivery:
        reasons: dict[str, dict[dt.date, str]] = {}
        for one in refused:
            reasons.setdefault(one.ticker, {})[one.day] = one.reason
        bars = batches(quotes, self._label) if len(quotes) else ()
        tickers, seen = tickers_of(quotes), seen_in(quotes)
        told = Delivery(name, tickers, min(days), max(days), bars, refused=reasons, days=days, seen=seen)
        return dataclasses.replace(told, official=True)


def select(quotes: Quotes, tickers: Sequence[str] | None, start: dt.date, end: dt.date, but: set[dt.date]) -> Quotes:
    """The quotes (QUOTE_TYPE) of `tickers` (None: of all) from `start` to `end`, save the days `but`."""
    keep = (quotes["day"] >= as_number(start)) & (quotes["day"] <= as_number(end))
    keep &= ~np.isin(quotes["day"], [as_number(day) for day in but])
    if tickers is not None:
        keep &= np.isin(quotes["ticker"], [ticker.encode() for ticker in tickers])
    return quotes[keep]


def told_twice(quotes: Quotes) -> str:
    """The days and tickers that `quotes` (QUOTE_TYPE) have with more than one price or volume, "" where there are none;
    of many the first ones."""
    words = np.ascontiguousarray(quotes["ticker"]).view(np.uint32).reshape(len(quotes), 3).astype(np.uint64)
    keys = quotes["day"].astype(np.uint64)
    for column in words.T:
        keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)
    values, counts = np.unique(keys, return_counts=True)
    if len(values) == len(keys):
        return ""
    said: defaultdict[str, set[tuple[float, ...]]] = defaultdict(set)
    for one in quotes[np.isin(keys, values[counts > 1])]:
        said[f"{one['ticker'].decode('latin-1')} on {as_date(int(one['day']))}"].add(
            tuple(one[name] for name in _TRADED)
        )
    twice = [where for where, different in said.items() if len(different) > 1]
    return ", ".join(twice[:_SHOWN]) + (f" and {len(twice) - _SHOWN} more" if len(twice) > _SHOWN else "")


def tickers_of(quotes: Quotes) -> list[str]:
    """The tickers that `quotes` (QUOTE_TYPE) has, sorted."""
    return [name.decode("latin-1") for name in np.unique(quotes["ticker"])]


def batches(quotes: Quotes, label: str = LABEL) -> Iterator[pa.Table]:
    """`quotes` (QUOTE_TYPE, at least one) as bars, oldest days first, whole days of about BATCH_ROWS at a time."""
    quotes = quotes[np.argsort(quotes["day"], kind="stable")]
    day_ends = np.append(np.flatnonzero(quotes["day"][1:] != quotes["day"][:-1]) + 1, len(quotes)).tolist()
    first = 0
    for end in day_ends:
        if end - first >= BATCH_ROWS or end == day_ends[-1]:
            yield to_bars(quotes[first:end], label)
            first = end


def to_bars(quotes: Quotes, label: str) -> pa.Table:
    """`quotes` (QUOTE_TYPE) as BARS_SCHEMA with `factor` beside, their `source` being `label`.

    The exchange quotes prices as traded. Its files do not have the events: those are null.
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
        "turnover": pa.array(quotes["turnover"]),
        "trades": pa.array(quotes["trades"]),
        "isin": _isins(quotes),
        "dividends": unknown,
        "stock_splits": unknown,
    } | {name: pa.array(quotes[name]) for name in ("open", "high", "low", "close")}
    bars = pa.Table.from_arrays([columns[name] for name in BARS_SCHEMA.names], schema=BARS_SCHEMA)
    return bars.append_column("factor", pa.array(quotes["factor"]))


def _isins(quotes: Quotes) -> pa.Array:
    """The ISIN of each quote; null where the file has none."""
    texts = np.char.decode(quotes["isin"], "latin-1")
    return pa.array(texts, pa.string(), mask=texts == "")
