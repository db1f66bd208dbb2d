"""One lake: its bucket and its catalog, opened together."""

import asyncio
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from obstore.store import S3Store

from b3lake.ingest.catalog import Catalog
from b3lake.ingest.config import Config
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.load import Loader
from b3lake.ingest.objects import default_bucket, list_days, open_store
from b3lake.lake.session import open_session


@dataclass(frozen=True)
class Lake:
    """The objects and the partitions of one lake; `catalog` is None where a dry run found no table."""

    bucket: str
    store: S3Store
    catalog: Catalog | None

    def loader(self, *, dry_run: bool) -> Loader:
        """A loader into this lake."""
        return Loader(self.store, self.catalog, dry_run=dry_run)

    async def survey(self, tickers: Iterable[str], start: dt.date, end: dt.date) -> Inventory:
        """What this lake has of `tickers` from `start` to `end`. Raises AwsError."""
        inventory = Inventory(tickers, start, end)
        listed = asyncio.create_task(self._registered(start, end))
        async for found in list_days(self.store, start, end):
            inventory.note_object(found.day, found.ticker, found.md5)
        for day, ticker in await listed:
            inventory.note_registered(day, ticker)
        return inventory

    async def _registered(self, start: dt.date, end: dt.date) -> Iterable[tuple[dt.date, str]]:
        return await asyncio.to_thread(self.catalog.registered, start, end) if self.catalog else ()


def open_lake(config: Config) -> Lake:
    """The lake of `config`; its table is created where it is missing, save in a dry run.

    Raises AwsError, also for credentials that are missing or have expired.
    """
    session = open_session()
    bucket = config.bucket or default_bucket(config.lake_env, session)
    store = open_store(bucket, session)
    catalog = Catalog(config.database, bucket, session)
    has_table = catalog.ensure_table(create=not config.dry_run)
    return Lake(bucket, store, None if config.dry_run and not has_table else catalog)
