"""Rates, members of indexes and instruments, which are kept beside the quotes, each fetched and stored by itself.

A series, an index or a file that fails is reported and takes nothing else with it; what was there stays.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ingest.instruments import NOBODY, count_quotes, from_stored, to_stored
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
from b3lake.ingest.sources.cotahist import Quotes
from b3lake.lake.errors import B3LakeError
from b3lake.lake.indexes import INDEXES
from b3lake.lake.rates import FIRST_MONTH, SERIES

ASKED_AGAIN_DAYS = 40
"""So many days before the newest rate are asked for again: a month's IPCA is dated its first day and comes late."""


@dataclass(frozen=True)
class TableOutcome:
    """How one table fared: whether there was anything to write, and a sentence for each thing that could not be had."""

    table: str
    written: bool = False
    causes: tuple[str, ...] = ()


async def update_rates(to: Destination, bank: CentralBank, today: dt.date) -> TableOutcome:
    """Bring every series up to `today`; the first time from the month of the first session in reais on.

    Raises AwsError, and B3LakeError when the table cannot be written.
    """
    known = await read_table(to.store, RATES)
    fetched, causes = [], []
    for series in SERIES.values():
        newest = pc.max(known.filter(pc.field("series") == series.name)["day"]).as_py()
        start = max(FIRST_MONTH, newest - dt.timedelta(days=ASKED_AGAIN_DAYS)) if newest else FIRST_MONTH
        try:
            fetched.append(await asyncio.to_thread(bank.rates, series, start, today))
        except RatesError as error:
            causes.append(str(error))
    return await _store(to, RATES, fetched, causes)


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
    return await _store(to, PORTFOLIOS, fetched, causes)


async def update_instruments(to: Destination, files: Sequence[Quotes]) -> TableOutcome:
    """Count the days of `files`, each of which has every quote of the cash market on its days.

    Raises AwsError, and B3LakeError when the table cannot be written.
    """

    def count(rows: pa.Table) -> pa.Table:
        known = from_stored(rows) if rows.num_rows else NOBODY
        for quotes in files:
            known = count_quotes(known, quotes)
        return to_stored(known) if known.days else rows

    try:
        written = await update_table(to, INSTRUMENTS, count)
    except ValueError as error:
        raise B3LakeError(
            f"{INSTRUMENTS.key} is not the table {INSTRUMENTS.name} ({error}): delete it, and read the files again."
        ) from error
    return TableOutcome(INSTRUMENTS.name, written)


async def _store(
    to: Destination, table: SmallTable, fetched: Sequence[pa.Table], causes: Sequence[str]
) -> TableOutcome:
    written = await update_table(to, table, lambda rows: replace_groups(table, rows, fetched)) if fetched else False
    return TableOutcome(table.name, written, tuple(causes))
