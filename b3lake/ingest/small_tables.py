"""Tables of one object: read whole, changed by a function of what is there, put whole only when something changed.

Two runs may meet: an object is put only over the version that was read, and otherwise read again. What a table holds is
real or synthetic, never both; its metadata says which.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import S3Store

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.errors import B3LakeError
from b3lake.lake.keys import (
    EVENTS_PREFIX,
    INSTRUMENTS_PREFIX,
    PORTFOLIOS_PREFIX,
    RATES_PREFIX,
    SHARES_PREFIX,
    table_key,
)
from b3lake.lake.names import EVENTS_TABLE, INSTRUMENTS_TABLE, PORTFOLIOS_TABLE, RATES_TABLE
from b3lake.lake.schemas import EVENTS_SCHEMA, INSTRUMENTS_SCHEMA, PORTFOLIOS_SCHEMA, RATES_SCHEMA, SHARES_SCHEMA
from b3lake.lake.words import first_line

ATTEMPTS = 5
LABEL_KEY = b"b3lake.source"
"""Where a table's metadata says where its rows came from, as the quotes' column `source` does."""


@dataclass(frozen=True)
class SmallTable:
    """A table of one object: its name in the catalog, its prefix, its columns, and a sentence about it.

    Rows that agree in the columns `group` are replaced together; the object is sorted by them and then by `order`.
    """

    name: str
    prefix: str
    schema: pa.Schema
    about: str
    group: tuple[str, ...]
    order: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return table_key(self.prefix)


RATES = SmallTable(RATES_TABLE, RATES_PREFIX, RATES_SCHEMA, "Interest and inflation in Brazil.", ("series", "day"))
INSTRUMENTS = SmallTable(
    INSTRUMENTS_TABLE, INSTRUMENTS_PREFIX, INSTRUMENTS_SCHEMA, "Who is who on the exchange, by ticker.", ("ticker",)
)
PORTFOLIOS = SmallTable(
    PORTFOLIOS_TABLE,
    PORTFOLIOS_PREFIX,
    PORTFOLIOS_SCHEMA,
    "The members of B3's indexes and their weights.",
    ("index", "day"),
    ("ticker",),
)
EVENTS = SmallTable(
    EVENTS_TABLE,
    EVENTS_PREFIX,
    EVENTS_SCHEMA,
    "B3's corporate events: dividends, splits and others.",
    ("ticker",),
)
SMALL_TABLES = (RATES, INSTRUMENTS, PORTFOLIOS, EVENTS)
SHARES = SmallTable("shares", SHARES_PREFIX, SHARES_SCHEMA, "Kept by the ingestion, not in the catalog.", ("ticker",))

Change = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class Destination:
    """Where tables are written: `label` says where the rows come from, with `dry_run` nothing is put."""

    store: S3Store
    label: str
    dry_run: bool = False


async def read_table(store: S3Store, table: SmallTable) -> pa.Table:
    """The rows of `table`, none when it has no object yet. Raises AwsError, and B3LakeError for a damaged object."""
    rows, _ = await _read(store, table)
    return rows


async def update_table(to: Destination, table: SmallTable, change: Change) -> bool:
    """Put what `change` makes of the rows that are there; whether there was anything to put.

    Raises AwsError, and B3LakeError when rows of another label are there, when the object is damaged, or when others
    keep writing it.
    """
    for _ in range(ATTEMPTS):
        before, e_tag = await _read(to.store, table)
        after = change(before)
        if after.equals(before):
            return False
        _check_label(table, before, to.label)
        if to.dry_run or await _put(to.store, table, _labelled(after, to.label), e_tag):
            return True
    raise B3LakeError(f"{table.key} is written by another run all the time: run again when that has ended.")


def replace_groups(table: SmallTable, rows: pa.Table, fetched: Sequence[pa.Table]) -> pa.Table:
    """`rows` of `table`, with each group that `fetched` has in place of the same of `rows`; sorted. Pure."""
    group = list(table.group)
    plain = rows.replace_schema_metadata(None)
    new = pa.concat_tables([plain.slice(0, 0), *fetched])
    kept = plain.join(new.select(group).group_by(group).aggregate([]), group, join_type="left anti")
    both = pa.concat_tables([kept.select(rows.schema.names), new])
    return both.sort_by([(name, "ascending") for name in (*table.group, *table.order)]).combine_chunks()


def encode_table(rows: pa.Table) -> bytes:
    """The Parquet bytes of `rows`; the same rows and metadata always give the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


async def _read(store: S3Store, table: SmallTable) -> tuple[pa.Table, str | None]:
    """The rows, and the ETag of their object; None when there is none."""
    try:
        answer = await obstore.get_async(store, table.key)
        body = bytes(await answer.bytes_async())
    except (BaseError, FileNotFoundError) as error:
        if isinstance(error, (NotFoundError, FileNotFoundError)) and "NoSuchBucket" not in str(error):
            return table.schema.empty_table(), None
        raise as_aws_error(error, f"bucket {store.config['bucket']}") from error
    return _decode(table, body), answer.meta["e_tag"]


def _decode(table: SmallTable, body: bytes) -> pa.Table:
    try:
        rows = pq.read_table(pa.BufferReader(body))
        fault = "" if rows.schema.names == table.schema.names else f"it has the columns {', '.join(rows.schema.names)}"
        rows = rows if fault else rows.cast(table.schema.with_metadata(rows.schema.metadata))
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        fault = first_line(error).rstrip(".")
    if fault:
        raise B3LakeError(
            f"{table.key} is not the table {table.name} ({fault[:160]}): restore an earlier version, or delete it."
        )
    return rows


async def _put(store: S3Store, table: SmallTable, rows: pa.Table, e_tag: str | None) -> bool:
    """Put `rows` over the version `e_tag` (None: over nothing); False when another version is there by now."""
    mode: Any = {"e_tag": e_tag} if e_tag else "create"
    try:
        await obstore.put_async(store, table.key, encode_table(rows), use_multipart=False, mode=mode)
    except (AlreadyExistsError, PreconditionError, NotFoundError, FileExistsError, FileNotFoundError):
        return False
    except BaseError as error:
        raise as_aws_error(error, f"bucket {store.config['bucket']}") from error
    return True


def _check_label(table: SmallTable, before: pa.Table, label: str) -> None:
    known = (before.schema.metadata or {}).get(LABEL_KEY, label.encode()).decode()
    if known != label and before.num_rows:
        raise B3LakeError(
            f"{table.name} holds rows from {known!r}, and these are from {label!r}: "
            f"use another lake, or delete {table.key}."
        )


def _labelled(rows: pa.Table, label: str) -> pa.Table:
    return rows.replace_schema_metadata((rows.schema.metadata or {}) | {LABEL_KEY: label.encode()})
