"""Takes bars to the lake: puts the objects that differ from what is there, then registers their partitions.

The order makes a killed run harmless. An object is whole or absent, and is registered only after it was put; the next
run finds by the listing what was put and by the catalog what was registered, and does what is left.
"""

import asyncio
import datetime as dt
import hashlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from b3lake.ingest import objects
from b3lake.ingest.catalog import Catalog, Partition
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.mixing import clash
from b3lake.ingest.objects import IN_FLIGHT
from b3lake.ingest.parquet import decode, encode, encode_each
from b3lake.lake.aws_errors import as_aws_error, ends_the_run, refusal
from b3lake.lake.errors import AwsError
from b3lake.lake.keys import raw_key
from b3lake.lake.schemas import RAW_SCHEMA
from b3lake.lake.words import first_line

PREPARED_TOGETHER = 1000
REGISTER_FROM = 1000
"""Partitions that are registered together while the puts go on."""

_EPOCH = dt.date(1970, 1, 1).toordinal()


@dataclass
class Tally:
    """How many partitions of each ticker were written, unchanged, failed and registered, and why some failed.

    `kept` says of which days the lake's rows stayed, for these must not replace them, and why.
    """

    written: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    registered: Counter[str] = field(default_factory=Counter)
    causes: defaultdict[str, str] = field(default_factory=lambda: defaultdict(str))
    kept: defaultdict[str, dict[dt.date, str]] = field(default_factory=lambda: defaultdict(dict))


class Prepared(NamedTuple):
    """One partition, ready to be put."""

    day: dt.date
    ticker: str
    rows: pa.Table
    body: bytes


def prepare(bars: pa.Table) -> Iterator[Prepared]:
    """The partitions of `bars` (BARS_SCHEMA, sorted by ticker and day), encoded PREPARED_TOGETHER at a time."""
    if len(bars) == 0:
        return
    rows = bars.select(RAW_SCHEMA.names).combine_chunks()
    days = bars["day"].combine_chunks().cast(pa.int32()).to_numpy()
    tickers = bars["ticker"].combine_chunks().dictionary_encode()
    codes, names = tickers.indices.to_numpy(), tickers.dictionary.to_pylist()
    starts = np.flatnonzero(np.append(True, (days[1:] != days[:-1]) | (codes[1:] != codes[:-1])))
    lengths = np.diff(np.append(starts, len(days)))
    for first in range(0, len(starts), PREPARED_TOGETHER):
        begins, counts = starts[first : first + PREPARED_TOGETHER], lengths[first : first + PREPARED_TOGETHER]
        alone = iter(encode_each(rows.take(pa.array(begins[counts == 1]))))
        for begin, count in zip(begins.tolist(), counts.tolist(), strict=True):
            its = rows.slice(begin, count)
            day = dt.date.fromordinal(_EPOCH + int(days[begin]))
            yield Prepared(day, names[codes[begin]], its, next(alone) if count == 1 else encode(its))


class Loader:
    """Loads batch after batch of bars into one lake, and counts into `tally`.

    Without a catalog nothing is registered; with `dry_run` nothing is put either, and `tally.written` counts what
    would be.
    """

    def __init__(self, store: S3Store, catalog: Catalog | None, *, dry_run: bool = False) -> None:
        self._store, self._catalog, self._dry_run = store, catalog, dry_run
        self.tally = Tally()
        self._unregistered: list[Partition] = []
        self._registering: asyncio.Task[None] | None = None

    async def load(self, bars: pa.Table, inventory: Inventory) -> None:
        """Bring the partitions of `bars` (BARS_SCHEMA, sorted by ticker and day) into the lake.

        One object that cannot be put is counted as failed; raises AwsError when no other could be put either.
        """
        work = prepare(bars)
        workers = [asyncio.create_task(self._settle_all(work, inventory)) for _ in range(min(IN_FLIGHT, len(bars)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        if len(self._unregistered) >= REGISTER_FROM:
            await self._register_so_far()

    async def finish(self) -> None:
        """Register what is left, and wait for it. To be called once, also after an error."""
        await self._register_so_far()
        await self._registered_before()

    async def _settle_all(self, work: Iterator[Prepared], inventory: Inventory) -> None:
        for one in work:
            try:
                await self._settle(one, inventory)
            except BaseError as error:
                if ends_the_run(error):
                    raise as_aws_error(error, "the raw bucket", "RAW_BUCKET") from error
                self.tally.failed[one.ticker] += 1
                self.tally.causes[one.ticker] = f"{one.day} could not be put: {first_line(error)[:160]}"

    async def _settle(self, one: Prepared, inventory: Inventory) -> None:
        day, ticker, body = one.day, one.ticker, one.body
        same = inventory.has_bytes(day, ticker, hashlib.md5(body, usedforsecurity=False).digest())
        if not same and inventory.has_object(day, ticker):
            same, why_kept = await self._compare(one)
            if why_kept:
                self.tally.kept[ticker][day] = why_kept
                return
        if same:
            self.tally.unchanged[ticker] += 1
        else:
            if not self._dry_run:
                await objects.put(self._store, raw_key(day, ticker), body)
            self.tally.written[ticker] += 1
        if self._catalog and not self._dry_run and not inventory.is_registered(day, ticker):
            self._unregistered.append((day, ticker))

    async def _compare(self, one: Prepared) -> tuple[bool, str]:
        """Whether the partition's object has these rows; and where not, why it is to keep its own ("": it is not).

        Its ETag alone cannot tell: it is no MD5 under KMS encryption, and another release of pyarrow writes the same
        rows as other bytes.
        """
        try:
            stored = decode(await objects.get(self._store, raw_key(one.day, one.ticker)))
        except (pa.ArrowInvalid, NotFoundError):  # damaged, or gone since it was listed
            return False, ""
        except BaseError as error:
            if refusal(error):  # archived, or of another's key: then it is put anew
                return False, ""
            raise
        same = stored.equals(one.rows)
        return same, "" if same else clash(stored, one.rows, one.day)

    async def _register_so_far(self) -> None:
        await self._registered_before()
        batch, self._unregistered = self._unregistered, []
        if batch and self._catalog:
            self._registering = asyncio.create_task(self._register(self._catalog, batch))

    async def _registered_before(self) -> None:
        if self._registering:
            await self._registering
            self._registering = None

    async def _register(self, catalog: Catalog, batch: list[Partition]) -> None:
        try:
            await asyncio.to_thread(catalog.register, batch)
        except AwsError as error:
            for _, ticker in batch:
                self.tally.failed[ticker] += 1
                self.tally.causes[ticker] = f"put but not registered, run again: {error}"
        else:
            self.tally.registered.update(ticker for _, ticker in batch)


async def load_all(loader: Loader, batches: AsyncIterable[tuple[pa.Table, Inventory]]) -> Tally:
    """Load every batch and register it; what was put is registered even when a later batch fails."""
    try:
        async for bars, inventory in batches:
            await loader.load(bars, inventory)
    finally:
        await loader.finish()
    return loader.tally
