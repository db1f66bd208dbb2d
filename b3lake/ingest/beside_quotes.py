"""Rates, members of indexes and instruments, which are kept beside the quotes, each fetched and stored by itself.

A series, an index or a file that fails is reported and takes nothing else with it; what was there stays.
"""

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from obstore.store import S3Store

from b3lake.ingest.instruments import NOBODY, Instruments, MarketCount, from_stored, merge, to_stored
from b3lake.ingest.lake import Lake
from b3lake.ingest.progress import Steps
from b3lake.ingest.small_tables import (
    INSTRUMENTS,
    PORTFOLIOS,
    RATES,
    Destination,
    SmallTable,
    read_table,
    replace_groups,
    update_table,
)
from b3lake.ingest.sources.b3_index import IndexPortfolios, PortfolioError
from b3lake.ingest.sources.bcb import CentralBank, RatesError
from b3lake.ingest.sources.beside import BesideSources, MarketFile
from b3lake.ingest.sources.http_get import nobody_answered
from b3lake.ingest.sources.source import Selection
from b3lake.lake.calendar import B3_ZONE, last_final_session, sessions_between, trailing_window
from b3lake.lake.errors import B3LakeError
from b3lake.lake.indexes import INDEXES, MEMBERS_MARK, expand_members
from b3lake.lake.rates import FIRST_MONTH, SERIES, Series
from b3lake.lake.words import counted

ASKED_AGAIN_DAYS = 40
"""So many days before the newest rate are asked for again: a month's IPCA is dated its first day and comes late."""


@dataclass(frozen=True)
class TableOutcome:
    """How one table fared: whether there was anything to write, and a sentence for each thing that could not be had."""

    table: str
    written: bool = False
    causes: tuple[str, ...] = ()

    def as_record(self) -> dict[str, object]:
        """The outcome as a JSON object."""
        return {"table": self.table, "written": self.written, "causes": list(self.causes)}


class BesideQuotes:
    """Updates rates, portfolios and instruments from `sources` (None: nothing); `now` (aware) is the run's moment.

    Each table by itself: what fails is a cause of that table, and nothing else suffers by it.
    """

    def __init__(
        self, lake: Lake, sources: BesideSources | None, steps: Steps, now: dt.datetime, *, dry_run: bool
    ) -> None:
        self._lake, self._sources, self._steps, self._now, self._dry_run = lake, sources, steps, now, dry_run
        self._market = MarketCount()
        self._unreadable = ""

    async def begin(self) -> MarketCount | None:
        """To be called before the quotes: who counts the papers of their files, None where nobody does."""
        if not self._sources:
            return None
        try:
            self._market = MarketCount(await counted_days(self._lake.store))
        except B3LakeError as error:
            self._unreadable = str(error)
            return None
        return self._market

    async def bring(self) -> list[TableOutcome]:
        """To be called after the quotes: bring rates, members of indexes and instruments up to date."""
        jobs = self._jobs() if self._sources else {}
        outcomes = await asyncio.gather(*(_alone(table, job) for table, job in jobs.items()))
        if not self._dry_run:
            for table in jobs:
                await self._lake.ensure_small_table(table, self._steps)
        broken = [TableOutcome(INSTRUMENTS.name, causes=(self._unreadable,))] if self._unreadable else []
        return [*outcomes, *broken]

    def _jobs(self) -> dict[SmallTable, Awaitable[TableOutcome]]:
        sources, today = self._sources or BesideSources(), self._now.astimezone(B3_ZONE).date()
        jobs: dict[SmallTable, Awaitable[TableOutcome]] = {}
        if sources.bank:
            jobs[RATES] = update_rates(self._to(sources.bank_label), sources.bank, today)
        if sources.indexes:
            jobs[PORTFOLIOS] = update_portfolios(self._to(sources.indexes_label), sources.indexes, today)
        if not self._unreadable and (sources.market_file or self._market.new.days):
            jobs[INSTRUMENTS] = self._instruments(self._to(sources.market_label), sources.market_file, today)
        return jobs

    async def _instruments(self, to: Destination, file: MarketFile | None, today: dt.date) -> TableOutcome:
        """Add the papers of the run's own files, or else of the session before the last one.

        B3 may not have published the last one yet; and a file of a year that is over is of the whole year, too much for
        this.
        """
        day = trailing_window(last_final_session(self._now), 2)
        if file and day.year == today.year and not self._market.has(day):
            self._market.note(await asyncio.to_thread(file.quotes, day, today))
        return await update_instruments(to, self._market.new)

    def _to(self, label: str) -> Destination:
        return Destination(self._lake.store, label, self._dry_run)


async def _alone(table: SmallTable, job: Awaitable[TableOutcome]) -> TableOutcome:
    try:
        return await job
    except B3LakeError as error:
        return TableOutcome(table.name, causes=(str(error),))


async def with_members(store: S3Store, wanted: Selection) -> Selection:
    """`wanted` with the members of the newest portfolio that the lake has in place of each `@INDEX`.

    Raises AwsError, and B3LakeError when the lake has none.
    """
    if not any(name.startswith(MEMBERS_MARK) for name in wanted.tickers or ()):
        return wanted
    portfolios = await read_table(store, PORTFOLIOS)
    return dataclasses.replace(wanted, tickers=expand_members(wanted.tickers or (), portfolios))


async def update_rates(to: Destination, bank: CentralBank, today: dt.date) -> TableOutcome:
    """Bring every series up to `today`; the first time from the month of the first session in reais on.

    Raises AwsError, and B3LakeError when the table cannot be written.
    """
    known = await read_table(to.store, RATES)
    fetched, causes = [], []
    for series in SERIES.values():
        days = set(known.filter(pc.field("series") == series.name)["day"].to_pylist())
        try:
            fetched.append(await asyncio.to_thread(bank.rates, series, _first_to_ask_for(series, days), today))
        except RatesError as error:
            causes.append(str(error))
            if nobody_answered(error):
                break
    return await _store(to, RATES, fetched, causes)


def _first_to_ask_for(series: Series, days: set[dt.date]) -> dt.date:
    """ASKED_AGAIN_DAYS before the newest of the `days` that are known, or the oldest gap between them."""
    if not days:
        return FIRST_MONTH
    first, newest = min(days), max(days)
    recent = newest - dt.timedelta(days=ASKED_AGAIN_DAYS)
    expected = sessions_between(first, recent)
    if not series.is_daily:
        expected = sorted({day.replace(day=1) for day in expected})
    missing = next((day for day in expected if day not in days), recent)
    return max(FIRST_MONTH, missing)


async def update_portfolios(to: Destination, service: IndexPortfolios, today: dt.date) -> TableOutcome:
    """Add the newest portfolio of every index; one of a day that is there already is replaced whole.

    Raises AwsError, and B3LakeError when the table cannot be written.
    """
    fetched, causes = [], []
    for index in INDEXES:
        try:
            fetched.append(await asyncio.to_thread(service.portfolio, index, today))
        except PortfolioError as error:
            causes.append(str(error))
            if nobody_answered(error):
                break
    return await _store(to, PORTFOLIOS, fetched, causes)


async def counted_days(store: S3Store) -> frozenset[dt.date]:
    """The days whose papers the lake has counted. Raises AwsError, and B3LakeError for a damaged table."""
    rows = await read_table(store, INSTRUMENTS)
    return _instruments(rows).days


async def update_instruments(to: Destination, new: Instruments) -> TableOutcome:
    """Add the papers of days that the lake had not counted when the run began.

    Another run may have counted one of them meanwhile: then nothing is added, which is told, and a run that reads the
    same files counts the rest. Raises AwsError, and B3LakeError when the table cannot be written.
    """
    uncounted: set[dt.date] = set()

    def add(rows: pa.Table) -> pa.Table:
        known = _instruments(rows)
        uncounted.clear()
        if known.days & new.days:
            uncounted.update(new.days - known.days)
            return rows
        return to_stored(merge(known, new)) if new.days else rows

    written = await update_table(to, INSTRUMENTS, add)
    causes: tuple[str, ...] = ()
    if uncounted:
        days = counted(len(uncounted), "day")
        causes = (f"another run counted the same files; fetch {days} from {min(uncounted)} on once more to count them",)
    return TableOutcome(INSTRUMENTS.name, written, causes)


def _instruments(rows: pa.Table) -> Instruments:
    """The rows of the table as counted papers. Raises B3LakeError when they do not say which days those are."""
    try:
        return from_stored(rows) if rows.num_rows else NOBODY
    except ValueError as error:
        raise B3LakeError(
            f"{INSTRUMENTS.key} is not the table {INSTRUMENTS.name} ({error}): delete it, and read the files again."
        ) from error


async def _store(
    to: Destination, table: SmallTable, fetched: Sequence[pa.Table], causes: Sequence[str]
) -> TableOutcome:
    written = await update_table(to, table, lambda rows: replace_groups(table, rows, fetched)) if fetched else False
    return TableOutcome(table.name, written, tuple(causes))
