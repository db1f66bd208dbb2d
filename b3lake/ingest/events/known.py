"""The events that a lake knows when a run begins, and what they put into the rows that the run brings."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from obstore.store import S3Store

from b3lake.ingest.events.days import Ordinals, TradeDays, by_ticker, dates
from b3lake.ingest.events.enter import EventsOfDay, events_of_days
from b3lake.ingest.events.event import Event
from b3lake.ingest.events.shares import merged
from b3lake.ingest.events.table import from_table
from b3lake.ingest.objects import list_days
from b3lake.ingest.small_tables import EVENTS, read_table
from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.keys import FIRST_DAY
from b3lake.lake.schemas import EVENTS_SCHEMA, SHARES_SCHEMA


class KnownEvents:
    """Events by ticker as `table` (EVENTS_SCHEMA) has them, and the days on which `stored` says that there were rows.

    `brought` are the days of the run's own rows, and `entered` is what those got of events. `seen` (SHARES_SCHEMA) says
    who the run's tickers are.
    """

    def __init__(self, table: pa.Table, stored: TradeDays) -> None:
        self._table, self._events = table, dict[str, list[Event]]()
        self.stored, self.brought = stored, TradeDays()
        self.entered: defaultdict[str, dict[dt.date, EventsOfDay]] = defaultdict(dict)
        self.seen = SHARES_SCHEMA.empty_table()

    def events(self, ticker: str) -> list[Event]:
        """The events of `ticker` that the table has."""
        if ticker not in self._events:
            self._events[ticker] = from_table(self._table.filter(pc.field("ticker") == ticker))
        return self._events[ticker]

    def days(self, ticker: str) -> Ordinals:
        """The days on which the lake and the run have rows of `ticker`, oldest first."""
        return np.union1d(self.stored.of(ticker), self.brought.of(ticker))

    def note_seen(self, seen: pa.Table) -> None:
        """Note who tickers are (SHARES_SCHEMA)."""
        self.seen = merged(self.seen, seen)

    def enter(self, bars: pa.Table) -> pa.Table:
        """`bars` (BARS_SCHEMA, sorted by ticker and day), the known events entered into the first row of their day."""
        cells: dict[int, EventsOfDay] = {}
        for ticker, first, days in by_ticker(bars):
            self.brought.add(ticker, days)
            events = self.events(ticker)
            if not events:
                continue
            window = _window(self.days(ticker), days)
            for day, found in events_of_days(events, dates(window)).items():
                at = int(np.searchsorted(days, day.toordinal()))
                if at < len(days) and days[at] == day.toordinal():
                    cells[first + at] = self.entered[ticker][day] = found
        return with_events(bars, cells)


def _window(all_days: Ordinals, days: Ordinals) -> Ordinals:
    """Of `all_days` those from the last before `days` to the end of `days`: enough to tell what belongs to `days`."""
    first, last = np.searchsorted(all_days, days[0]), np.searchsorted(all_days, days[-1], side="right")
    return all_days[max(0, int(first) - 1) : int(last)]


def with_events(rows: pa.Table, cells: dict[int, EventsOfDay]) -> pa.Table:
    """`rows` with the columns dividends and stock_splits anew: `cells` by position, null elsewhere."""
    for name in ("dividends", "stock_splits"):
        values, is_null = np.zeros(len(rows)), np.ones(len(rows), bool)
        for at, cell in cells.items():
            value = getattr(cell, name)
            if value is not None:
                values[at], is_null[at] = value, False
        column = rows.schema.get_field_index(name)
        rows = rows.set_column(column, rows.schema.field(column), pa.array(values, mask=is_null))
    return rows


async def read_known(store: S3Store, tickers: Collection[str] | None) -> KnownEvents:
    """The events that the lake has of `tickers` (None: of every ticker) before a run.

    Raises AwsError, and B3LakeError when the table is damaged.
    """
    table, stored = await asyncio.gather(read_table(store, EVENTS), list_trade_days(store, tickers))
    return KnownEvents(table.select(EVENTS_SCHEMA.names), stored)


async def list_trade_days(store: S3Store, tickers: Collection[str] | None) -> TradeDays:
    """The days of the rows of `tickers` (None: of every ticker), all years listed at once. Raises AwsError."""
    found = TradeDays()
    wanted = None if tickers is None else set(tickers)

    newest = dt.datetime.now(B3_ZONE).year

    async def list_year(year: int) -> None:
        days: defaultdict[str, list[int]] = defaultdict(list)
        end = dt.date.max if year == newest else dt.date(year, 12, 31)
        async for row in list_days(store, dt.date(year, 1, 1), end):
            if wanted is None or row.ticker in wanted:
                days[row.ticker].append(row.day.toordinal())
        for ticker, ordinals in days.items():
            found.add(ticker, np.array(ordinals, np.int32))

    await asyncio.gather(*(list_year(year) for year in range(FIRST_DAY.year, newest + 1)))
    return found
