"""One lake: its bucket and its catalog, opened together."""

import asyncio
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from b3lake.ingest.catalog import Catalog, Partition
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.load import Loader
from b3lake.ingest.objects import default_bucket, get, list_days, open_store
from b3lake.ingest.parquet import decode
from b3lake.ingest.progress import Steps
from b3lake.ingest.small_tables import SmallTable
from b3lake.lake.aws_errors import as_aws_error, refusal
from b3lake.lake.errors import AwsError, B3LakeError
from b3lake.lake.labels import is_synthetic
from b3lake.lake.session import open_session
from b3lake.lake.settings import LakePlace

_TRIED = 50
"""So many unreadable objects tell nothing; then any row may enter."""


class MixedLakeError(B3LakeError):
    """Invented prices and others would lie in one lake, and nobody could tell them apart by their keys."""

    def __init__(self, held: str) -> None:
        said = (
            f"This lake holds synthetic prices (their source is {held}), and no real ones are mixed with them"
            if is_synthetic(held)
            else f"This lake holds real prices (their source is {held}), and no synthetic ones are mixed with them"
        )
        super().__init__(f"{said}: take another lake, or empty this one first.")


@dataclass(frozen=True)
class Lake:
    """The objects and the partitions of one lake; `catalog` is None where there is no table and none was to be made."""

    bucket: str
    store: S3Store
    catalog: Catalog | None

    def loader(self, *, dry_run: bool) -> Loader:
        """A loader into this lake."""
        return Loader(self.store, self.catalog, dry_run=dry_run)

    async def survey(self, tickers: Iterable[str], start: dt.date, end: dt.date) -> Inventory:
        """The inventory of `tickers` from `start` to `end`. Raises AwsError."""
        inventory = Inventory(tickers, start, end)
        listed = asyncio.create_task(self.registered(start, end))
        async for found in list_days(self.store, start, end):
            inventory.note_object(found.day, found.ticker, found.md5)
        for day, ticker in await listed:
            inventory.note_registered(day, ticker)
        return inventory

    async def check_kind(self, label: str) -> None:
        """Raise MixedLakeError when rows with this `source` are invented and the lake's are not, or the other way.

        Since no lake is ever mixed, one row tells.
        """
        held = await self._label()
        if held is not None and is_synthetic(held) != is_synthetic(label):
            raise MixedLakeError(held)

    async def _label(self) -> str | None:
        """The `source` of the first row that can be read; None in an empty lake. Raises AwsError."""
        tried = 0
        async for found in list_days(self.store):
            try:
                rows = decode(await get(self.store, found.key))
                return str(rows["source"][0].as_py())
            except (pa.ArrowInvalid, KeyError, IndexError, NotFoundError):  # the doctor names it
                tried += 1
            except BaseError as error:
                if not refusal(error):
                    raise as_aws_error(error, f"bucket {self.bucket}") from error
                tried += 1
            if tried == _TRIED:
                break
        return None

    async def ensure_small_table(self, table: SmallTable, steps: Steps) -> None:
        """Make `table` where the catalog lacks it; `steps` is told where this user may not.

        Who may not make tables has a stack that does, once it is updated.
        """
        if self.catalog:
            try:
                await asyncio.to_thread(self.catalog.ensure_small_table, table)
            except AwsError as error:
                steps.tell(str(error))

    async def registered(self, start: dt.date, end: dt.date) -> set[Partition]:
        """The partitions of the days `start` to `end` that the catalog has. Raises AwsError."""
        return await asyncio.to_thread(self.catalog.registered, start, end) if self.catalog else set()


def open_lake(place: LakePlace, *, create_table: bool) -> Lake:
    """The lake at `place`; its table is made where it is missing, if it may be.

    Raises AwsError, also for credentials that are missing or have expired.
    """
    session = open_session()
    bucket = place.bucket or default_bucket(place.env, session)
    store = open_store(bucket, session)
    catalog = Catalog(place.database, bucket, session)
    has_table = catalog.ensure_table(create=create_table)
    return Lake(bucket, store, catalog if has_table or create_table else None)
