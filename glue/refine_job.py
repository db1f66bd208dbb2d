"""Refines the bronze quotes into one row per ticker and trade date: the Glue job, and the same program on a laptop.

It is to raw what a build tool is to sources. A run lists raw and refined, reads a small ledger of what every refined
object was computed from, works out what is stale, recomputes that and nothing else, lists again, and repeats until
nothing is. See docs/refine.md for what it promises and why.

Prices are BRL, volumes are shares. It runs on Spark 3.3 to 3.5 and Python 3.10 and later, with two libraries that
Glue does not bring: awswrangler (catalog) and obstore (objects).
"""

import argparse
import asyncio
import hashlib
import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import awswrangler as wr
import boto3
import numpy as np
import obstore
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from awswrangler.exceptions import ServiceApiError
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError
from obstore.store import S3Store
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812

log = logging.getLogger("refine")

# ---------------------------------------------------------------------------------------------------------------------
# What is read and what is written
# ---------------------------------------------------------------------------------------------------------------------

# The bronze columns that the refined ones are made of; the rest of a raw object is not read.
BARS = pa.schema(
    [
        ("ts", pa.timestamp("us")),
        ("open", pa.float64()),
        ("high", pa.float64()),
        ("low", pa.float64()),
        ("close", pa.float64()),
        ("adj_close", pa.float64()),
        ("volume", pa.int64()),
    ]
)

REFINED = pa.schema(
    [
        ("trade_date", pa.date32()),
        ("open_price", pa.float64()),
        ("high_price", pa.float64()),
        ("low_price", pa.float64()),
        ("close_price", pa.float64()),
        ("adj_close_price", pa.float64()),
        ("total_volume", pa.int64()),
        ("bar_count", pa.int32()),
        ("close_ma_5", pa.float64()),
        ("close_delta", pa.float64()),
    ]
)

# The compact copy has the refined rows, one object per year.
COMPACT = pa.schema([("ticker", pa.string()), *REFINED])

MOVING_AVERAGE_DATES = 5
# Raised whenever the same bars would give other rows: every refined object is then stale.
RULES = 1

# ---------------------------------------------------------------------------------------------------------------------
# How much at once
# ---------------------------------------------------------------------------------------------------------------------

REQUESTS_IN_FLIGHT = 64
OBJECTS_PER_TASK = 1_000
# A task's own processes take about as long to start as this many objects take.
WORTH_A_TASK = 500
# What is published, registered and entered in the ledger at a time: a run that is killed loses at most this much work.
PARTITIONS_PER_WAVE = 100_000
PARTITIONS_PER_CALL = 100
CATALOG_THREADS = 8
LISTING_THREADS = 8
DATES_PER_LISTING = 25
COMPACT_ROW_GROUP = 20_000
MAX_PASSES = 10
KEYS_PER_PAGE = 1_000

COMPACT_NAME = re.compile(r"year=(\d{4})/data\.parquet")
KEY = re.compile(r"dt=(\d{4}-\d{2}-\d{2})/ticker=([^/]+)/data\.parquet")
EPOCH = date(1970, 1, 1)


# What a run counts, and tells in its summary.
COUNTS = (
    "refined_partitions",
    "written_objects",
    "registered_partitions",
    "deleted_partitions",
    "compact_years",
    "unreadable_objects",
    "passes",
)


class RefineError(Exception):
    """The run cannot go on; the message says what is wrong, where, and what to do."""


# ---------------------------------------------------------------------------------------------------------------------
# Arguments
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A bucket and a prefix in it, without slashes at the ends."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, uri: str) -> "Place":
        """`s3://bucket/prefix`; raises RefineError for anything else."""
        match = re.fullmatch(r"s3a?://([^/]+)/(.+?)/*", uri)
        if not match:
            raise RefineError(f"{uri!r} is not an address of the form s3://bucket/prefix: write it so.")
        return cls(match[1], match[2])

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def keys(self, partitions: pa.Table) -> list[str]:
        """The keys of partitions' objects (ticker, day)."""
        return [f"{self.prefix}/dt={iso(day)}/ticker={ticker}/data.parquet" for ticker, day in pairs(partitions)]


@dataclass(frozen=True)
class Scope:
    """Which refined partitions a run may touch; both days are days since 1970 and included, None is no bound."""

    start: int | None = None
    end: int | None = None
    tickers: frozenset[str] | None = None


EVERYTHING = Scope()


@dataclass(frozen=True)
class Connection:
    """Where S3 and Glue answer: endpoints are None for AWS itself."""

    region: str
    s3_endpoint: str | None
    glue_endpoint: str | None


@dataclass(frozen=True)
class Job:
    """One run's configuration."""

    raw: Place
    refined: Place
    database: str
    table: str
    compact: Place | None
    compact_table: str
    full: bool
    scope: Scope
    connection: Connection

    @property
    def state(self) -> Place:
        """What the job keeps for itself, outside every table's location."""
        return Place(self.refined.bucket, f"state/{self.refined.prefix}")

    @property
    def ledger(self) -> Place:
        return Place(self.refined.bucket, f"{self.state.prefix}/ledger")


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise RefineError(f"{message[0].upper()}{message[1:]}. See --help.")


def _place_or_off(text: str) -> Place | None:
    return None if text == "off" else Place.parse(text)


def day_of(text: str) -> int:
    """The day since 1970 of an ISO date; raises ValueError for anything else."""
    return (date.fromisoformat(text) - EPOCH).days


def iso(day: int) -> str:
    """The ISO date of a day since 1970."""
    return (EPOCH + timedelta(days=day)).isoformat()


def pairs(partitions: pa.Table) -> Iterator[tuple[str, int]]:
    """Ticker and day of each partition."""
    return zip(partitions["ticker"].to_pylist(), partitions["day"].to_pylist(), strict=True)


def _trade_date(text: str) -> int:
    try:
        return day_of(text)
    except ValueError as error:
        raise RefineError(f"{text!r} is not a date of the form YYYY-MM-DD.") from error


def _tickers(text: str) -> frozenset[str]:
    names = frozenset(ticker.strip().upper().removesuffix(".SA") for ticker in text.split(",") if ticker.strip())
    if not names:
        raise RefineError("--tickers names none: give some, like PETR4,VALE3, or leave it out.")
    return frozenset("IBOV" if name == "^BVSP" else name for name in names)  # as the lake calls the index


def parse_arguments(arguments: Sequence[str], environment: Mapping[str, str]) -> Job:
    """The run that the command line asks for. Glue's own arguments are ignored; raises RefineError for wrong ones."""
    parser = _Arguments(prog="refine_job.py", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--raw_uri", required=True, type=Place.parse, help="s3://bucket/prefix of the bronze objects")
    parser.add_argument("--refined_uri", required=True, type=Place.parse, help="s3://bucket/prefix of the refined ones")
    parser.add_argument("--database", required=True, help="Glue database")
    parser.add_argument("--table", required=True, help="Glue table of the refined objects")
    parser.add_argument("--compact_uri", type=_place_or_off, help="s3://bucket/prefix of the compact copy, or off")
    parser.add_argument("--compact_table", default="b3_daily_quotes_compact", help="Glue table of the compact copy")
    parser.add_argument("--mode", choices=["incremental", "full"], default="incremental")
    parser.add_argument("--start_date", type=_trade_date, help="refine from this trade date on (YYYY-MM-DD)")
    parser.add_argument("--end_date", type=_trade_date, help="refine to this trade date, included (YYYY-MM-DD)")
    parser.add_argument("--tickers", type=_tickers, help="refine these only: PETR4,VALE3")
    known, _ = parser.parse_known_args(arguments)
    if known.start_date is not None and known.end_date is not None and known.start_date > known.end_date:
        raise RefineError(f"--start_date {iso(known.start_date)} is after --end_date {iso(known.end_date)}: swap them.")
    endpoint = environment.get("AWS_ENDPOINT_URL")
    return Job(
        raw=known.raw_uri,
        refined=known.refined_uri,
        database=known.database,
        table=known.table,
        compact=known.compact_uri,
        compact_table=known.compact_table,
        full=known.mode == "full",
        scope=Scope(known.start_date, known.end_date, known.tickers),
        connection=Connection(
            region=boto3.session.Session().region_name or environment.get("AWS_REGION") or "us-east-1",
            s3_endpoint=environment.get("AWS_ENDPOINT_URL_S3", endpoint),
            glue_endpoint=environment.get("AWS_ENDPOINT_URL_GLUE", endpoint),
        ),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Planning: pure, columnar, a million partitions in seconds
# ---------------------------------------------------------------------------------------------------------------------

# A listing: one row per partition. `tag` stands for the object's ETag in 64 bits.
LISTING = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("tag", pa.int64()), ("etag", pa.string())])
# The ledger: the object of this partition is known to be published, and to have been computed from just what `digest`
# tells. It is a fact, and stays one: a refined partition is fresh if the digest of what is listed now is the same.
LEDGER = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("digest", pa.int64())])
# What a run reads: the stale partitions (`target`) and the trade dates before them.
READS = pa.schema(
    [
        ("ticker", pa.string()),
        ("day", pa.int32()),
        ("target", pa.bool_()),
        ("registered", pa.bool_()),
        ("published", pa.string()),
    ]
)


@dataclass(frozen=True)
class Plan:
    """What to read and recompute (READS, by ticker and day), and the refined partitions without a raw one."""

    reads: pa.Table
    orphans: pa.Table

    @property
    def empty(self) -> bool:
        return not len(self.reads) and not len(self.orphans)


def tag_of(etag: str) -> int:
    """64 bits that stand for an ETag; never 0, which stands for no object."""
    return int.from_bytes(hashlib.blake2b(etag.encode(), digest_size=8).digest(), "big", signed=True) or 1


def digest(window: Sequence[np.ndarray], refined: np.ndarray) -> np.ndarray:
    """What a refined object was computed from, in 64 bits: the tags of its raw object and of the four before it (0 for
    none), its own tag, and the rules. All arrays are int64 of one length."""
    mixed = np.full(len(refined), RULES, np.uint64)
    for tags in (*window, refined):
        mixed ^= tags.astype(np.int64).view(np.uint64)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed.view(np.int64)


def plan(
    raw: pa.Table,
    refined: pa.Table,
    ledger: pa.Table,
    *,
    scope: Scope = EVERYTHING,
    full: bool = False,
    tried: pa.Table | None = None,
) -> Plan:
    """What is stale, from listings (LISTING) and the ledger (LEDGER).

    A refined partition is fresh when the ledger says that this very object was computed from these very raw objects:
    its own and the ticker's four trade dates before it. Raw objects in `tried` (LISTING) could not be read and are
    not tried again before they change. Only partitions in `scope` are touched; with `full` all of those.
    """
    names = names_in(raw, refined)
    raw_keys = _keys(raw, names)
    order = np.argsort(raw_keys)
    raw_keys = raw_keys[order]
    window = _windows(raw_keys, raw["tag"].to_numpy()[order])

    refined_keys = _keys(refined, names)
    at_refined = _find(refined_keys, raw_keys)
    at_ledger = _find(_keys(ledger, names), raw_keys)
    expected = digest(window, _take(refined["tag"].to_numpy(), at_refined))
    registered = (at_refined >= 0) & (at_ledger >= 0)
    fresh = registered & (expected == _take(ledger["digest"].to_numpy(), at_ledger))

    target = _in_scope(raw, scope)[order] & (np.full(len(fresh), full) | ~fresh)
    if tried is not None:
        at_tried = _find(_keys(tried, names), raw_keys)
        target &= (at_tried < 0) | (window[0] != _take(tried["tag"].to_numpy(), at_tried))
    needed = _with_dates_before(raw_keys, target)

    sorted_raw = raw.select(["ticker", "day"]).take(order[needed])
    published = refined["etag"].take(pa.array(at_refined[needed], mask=at_refined[needed] < 0))
    columns = [*sorted_raw.columns, target[needed], registered[needed] & (not full), published]
    orphan = (_find(raw_keys, refined_keys) < 0) & _in_scope(refined, scope)
    return Plan(pa.table(columns, schema=READS), refined.select(["ticker", "day"]).filter(orphan))


def names_in(*tables: pa.Table) -> pa.Array:
    """The tickers in these tables, in order."""
    names = pc.unique(pa.chunked_array([chunk for table in tables for chunk in table["ticker"].chunks], pa.string()))
    return names.take(pc.array_sort_indices(names))


def _keys(partitions: pa.Table, names: pa.Array) -> np.ndarray:
    """One int64 per partition, which sorts by ticker and then by day; negative for tickers not in `names`."""
    code = pc.fill_null(pc.index_in(partitions["ticker"], names), -1).to_numpy().astype(np.int64)
    keys: np.ndarray = (code << 32) + partitions["day"].to_numpy()
    return keys


def _find(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The position in `keys` of each wanted key, -1 where it is not there."""
    if not len(keys):
        return np.full(len(wanted), -1)
    order = np.argsort(keys)
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    return np.where(keys[order[at]] == wanted, order[at], -1)


def _take(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The values at these positions, 0 at -1."""
    return np.where(at < 0, 0, values[at]) if len(values) else np.zeros(len(at), np.int64)


def _earlier(keys: np.ndarray, values: np.ndarray, steps: int) -> np.ndarray:
    """The value so many rows before each, in sorted keys; 0 where that row is of another ticker."""
    earlier = np.zeros(len(values), values.dtype)
    same = keys[steps:] >> 32 == keys[:-steps] >> 32
    earlier[steps:] = np.where(same, values[:-steps], 0)
    return earlier


def _windows(keys: np.ndarray, tags: np.ndarray) -> list[np.ndarray]:
    """The tags of each partition's own raw object and of the four before it, 0 where there is none."""
    return [tags, *(_earlier(keys, tags, steps) for steps in range(1, MOVING_AVERAGE_DATES))]


def _with_dates_before(keys: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The targets and, of each, the four rows before it of its ticker."""
    backwards = keys[::-1]
    before = (_earlier(backwards, target[::-1], steps)[::-1] for steps in range(1, MOVING_AVERAGE_DATES))
    needed: np.ndarray = np.logical_or.reduce([target, *before])
    return needed


def _is_in(partitions: pa.Table, others: pa.Table) -> np.ndarray:
    names = names_in(partitions, others)
    return _find(_keys(others, names), _keys(partitions, names)) >= 0


def _in_scope(partitions: pa.Table, scope: Scope) -> np.ndarray:
    day = partitions["day"].to_numpy()
    inside = np.ones(len(day), bool)
    if scope.start is not None:
        inside &= day >= scope.start
    if scope.end is not None:
        inside &= day <= scope.end
    if scope.tickers is not None:
        inside &= pc.is_in(partitions["ticker"], pa.array(sorted(scope.tickers), pa.string())).to_numpy()
    return inside


def waves(reads: pa.Table, size: int = PARTITIONS_PER_WAVE) -> Iterator[pa.Table]:
    """The reads in parts of about `size` rows, no ticker in two of them."""
    start = 0
    while start < len(reads):
        end = start + size
        if end < len(reads):
            same = pc.equal(reads["ticker"].slice(end), reads["ticker"][end - 1]).to_numpy()
            end += int(np.argmin(same)) if not same.all() else len(same)
        yield reads.slice(start, end - start)
        start = end


# ---------------------------------------------------------------------------------------------------------------------
# Objects
# ---------------------------------------------------------------------------------------------------------------------


def store_of(place: Place, connection: Connection) -> S3Store:
    """One store, and so one pool of connections, per bucket and process."""
    # The functions of a script are unpickled anew for every task; a library's module lives as long as its process.
    stores: dict[Any, S3Store] = obstore.__dict__.setdefault("_refine_stores", {})
    if (place.bucket, connection) not in stores:
        elsewhere: dict[str, Any] = {"endpoint": connection.s3_endpoint, "virtual_hosted_style_request": False}
        stores[place.bucket, connection] = S3Store(
            place.bucket,
            region=connection.region,
            credential_provider=Boto3CredentialProvider(),
            client_options={"allow_http": True, "timeout": "60s"},
            **(elsewhere if connection.s3_endpoint else {}),
        )
    return stores[place.bucket, connection]


def list_partitions(place: Place, connection: Connection) -> pa.Table:
    """What is under a table's prefix (LISTING); other keys than its partitions' are left alone and counted."""
    dates = sorted(item for item in _folders(place, connection) if "/dt=" in item)
    # A name between a date's folder and the next one's: some servers pass over a folder that is the offset itself.
    starts = [None, *(f"{folder.rstrip('/')}0" for folder in dates[DATES_PER_LISTING - 1 : -1 : DATES_PER_LISTING])]
    with ThreadPoolExecutor(LISTING_THREADS) as threads:
        spans = zip(starts, [*starts[1:], None], strict=True)
        parts = threads.map(lambda span: _list_span(place, connection, *span), spans)
        listings, foreign = zip(*parts, strict=True)
    if any(foreign):
        log.warning("%s: %d objects are not dt=/ticker=/data.parquet and are left alone", place.uri, sum(foreign))
    return pa.concat_tables(listings)


def _folders(place: Place, connection: Connection) -> list[str]:
    with refining(f"{place.uri} cannot be listed"):
        return list(obstore.list_with_delimiter(store_of(place, connection), place.prefix)["common_prefixes"])


def _list_span(place: Place, connection: Connection, start: str | None, end: str | None) -> tuple[pa.Table, int]:
    """The partitions from one date's folder to before another's, and the number of other keys."""
    tickers: list[str] = []
    days: list[int] = []
    etags: list[str] = []
    foreign = 0
    for path, etag in _keys_between(place, connection, start, end):
        match = KEY.fullmatch(path, len(place.prefix) + 1)
        day = _day_or_none(match[1]) if match else None
        if match is None or day is None:
            foreign += 1
            continue
        tickers.append(match[2])
        days.append(day)
        etags.append(etag)
    return pa.table([tickers, days, [tag_of(etag) for etag in etags], etags], schema=LISTING), foreign


def _keys_between(
    place: Place, connection: Connection, start: str | None, end: str | None
) -> Iterator[tuple[str, str]]:
    with refining(f"{place.uri} cannot be listed"):
        for page in obstore.list(store_of(place, connection), place.prefix, offset=start, chunk_size=KEYS_PER_PAGE):
            for item in page:
                if end is not None and item["path"] >= end:
                    return
                yield item["path"], plain_etag(item["e_tag"])


def names_under(place: Place, connection: Connection) -> dict[str, str]:
    """What is under a prefix of few objects: name to ETag."""
    return {path[len(place.prefix) + 1 :]: etag for path, etag in _keys_between(place, connection, None, None)}


def _day_or_none(text: str) -> int | None:
    try:
        return day_of(text)
    except ValueError:
        return None


def plain_etag(etag: str | None) -> str:
    """An ETag without its quotes, which some answers have and others have not."""
    return (etag or "").strip('"')


@contextmanager
def refining(what: str) -> Iterator[None]:
    """Turns a failed request in a `with` block into a RefineError that says what could not be done, and why."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise RefineError(f"{what}: {cause_of(error)}.") from error


@contextmanager
def calling_aws(what: str) -> Iterator[None]:
    """As `refining`, for what goes through boto3 and awswrangler: apart, for these are slow to import in executors."""
    try:
        yield
    except (ClientError, BotoCoreError, ServiceApiError) as error:
        raise RefineError(f"{what}: {cause_of(error)}.") from error


CAUSES = {
    "NoSuchBucket": "the bucket does not exist, deploy the stack or correct the address",
    "EntityNotFound": "it does not exist, deploy the stack first",
    "AccessDenied": "access is denied, check the role's permissions",
    "InvalidAccessKeyId": "the credentials are not accepted, renew them and run again",
    "SignatureDoesNotMatch": "the credentials are not accepted, renew them and run again",
    "ExpiredToken": "the credentials have expired, renew them and run again",
}


def cause_of(error: BaseException) -> str:
    """Why a request failed, in a few words."""
    text = str(error)
    return next((f"{words} ({code})" for code, words in CAUSES.items() if code in text), first_line(error))


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def get(place: Place, name: str, connection: Connection) -> bytes:
    with refining(f"{place.uri}/{name} cannot be read"):
        return obstore.get(store_of(place, connection), f"{place.prefix}/{name}").bytes().to_bytes()


def put(place: Place, name: str, data: bytes, connection: Connection) -> str:
    """Write an object in one request; its ETag."""
    with refining(f"{place.uri}/{name} cannot be written"):
        answer = obstore.put(store_of(place, connection), f"{place.prefix}/{name}", data, use_multipart=False)
    return plain_etag(answer["e_tag"])


def delete(place: Place, keys: list[str], connection: Connection) -> None:
    with refining(f"{place.uri}: {len(keys)} objects cannot be deleted"):
        obstore.delete(store_of(place, connection), keys)


async def _in_flight(work: Callable[[Any], Coroutine[Any, Any, Any]], items: Iterable[Any]) -> list[Any]:
    gate = asyncio.Semaphore(REQUESTS_IN_FLIGHT)

    async def one(item: Any) -> Any:
        async with gate:
            return await work(item)

    return await asyncio.gather(*(one(item) for item in items))


def in_flight(work: Callable[[Any], Coroutine[Any, Any, Any]], items: Iterable[Any]) -> list[Any]:
    """What `work` gives for each item, in order, with so many requests in flight."""
    return asyncio.run(_in_flight(work, items))


def pack(table: pa.Table) -> bytes:
    """A table as an Arrow stream: tables go through Spark as one binary value, not as a row per row."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpack(blob: bytes) -> pa.Table:
    return pa.ipc.open_stream(blob).read_all()


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


# ---------------------------------------------------------------------------------------------------------------------
# Reading: in executors
# ---------------------------------------------------------------------------------------------------------------------

# What Spark's `mapInArrow` takes.
Task = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]

BARS_ROW = (
    "ticker string, day int, target boolean, registered boolean, published string, raw_tag bigint, error string, "
    "gone boolean, position int, ts bigint, open double, high double, low double, close double, adj_close double, "
    "volume bigint"
)


def read_bars(data: bytes) -> pa.Table:
    """The bars in a raw object, as BARS; differing types are cast where nothing is lost. Raises RefineError."""
    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read(columns=BARS.names, use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RefineError(f"it is no Parquet file: {first_line(error)}") from error
    missing = [name for name in BARS.names if name not in table.column_names]
    if missing:
        raise RefineError(f"it has no column {', '.join(missing)}")
    if not len(table):
        raise RefineError("it holds no bars")
    bars = pa.table([_lossless(table.column(field.name), field) for field in BARS], schema=BARS)
    if bars["ts"].null_count:
        raise RefineError("a bar has no ts")
    return bars


def _lossless(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    of_time = pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
    of_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    fits = of_time if pa.types.is_timestamp(field.type) else of_number
    if not (fits or pa.types.is_null(column.type)):
        raise RefineError(f"column {field.name} is {column.type}, not {field.type}")
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise RefineError(f"column {field.name} is {column.type}, not {field.type}: {first_line(error)}") from error


# What reading gives for an object: its tag, and its bars, or what is wrong with it, or None when it is gone.
Found = tuple[int, "pa.Table | str | None"]


async def _get(store: S3Store, place: Place, key: str) -> tuple[str, bytes] | None:
    """An object's ETag and bytes; None when it is gone."""
    try:
        with refining(f"s3://{place.bucket}/{key} cannot be read"):
            answer = await obstore.get_async(store, key)
            return plain_etag(answer.meta["e_tag"]), (await answer.bytes_async()).to_bytes()
    except RefineError as error:
        # Without the right to list the whole bucket, S3 answers "denied" for what is not there.
        if isinstance(error.__cause__, FileNotFoundError | NotFoundError | PermissionDeniedError | PermissionError):
            listed = await obstore.list(store, key.rpartition("/")[0]).collect_async()
            if not any(item["path"] == key for item in listed):
                return None
        raise


async def _read(store: S3Store, place: Place, key: str) -> Found:
    found = await _get(store, place, key)
    if found is None:
        return 0, None
    etag, data = found
    try:
        return tag_of(etag), read_bars(data)
    except RefineError as error:
        return tag_of(etag), str(error)


def read_task(job: Job) -> Task:
    """Reads the raw objects of each row's plan (READS, packed) into rows of BARS_ROW."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        store = store_of(job.raw, job.connection)
        for blob in _blobs(batches):
            reads = unpack(blob)
            objects = in_flight(lambda key: _read(store, job.raw, key), job.raw.keys(reads))
            yield from bars_rows(reads, objects).to_batches()

    return run


def _blobs(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    for batch in batches:
        yield from batch.column(0).to_pylist()


def bars_rows(reads: pa.Table, objects: list[Found]) -> pa.Table:
    """One row per bar, with what is known of its object; one row without a bar for an unreadable or gone object."""
    hole = pa.table([pa.nulls(1, field.type) for field in BARS], schema=BARS)
    parts = [found if isinstance(found, pa.Table) else hole for _, found in objects]
    bars = pa.concat_tables([BARS.empty_table(), *parts])
    lengths = np.array([len(part) for part in parts], np.int64)
    of_object = np.repeat(np.arange(len(parts)), lengths)
    position = np.arange(len(bars)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    own = reads
    own = own.append_column("raw_tag", pa.array([tag for tag, _ in objects], pa.int64()))
    own = own.append_column("error", pa.array([x if isinstance(x, str) else None for _, x in objects], pa.string()))
    own = own.append_column("gone", pa.array([found is None for _, found in objects], pa.bool_()))
    table = own.take(pa.array(of_object)).append_column("position", pa.array(position, pa.int32()))
    table = table.append_column("ts", bars["ts"].cast(pa.int64()))
    for name in BARS.names[1:]:
        table = table.append_column(name, _null_for_nan(bars[name]))
    return table.combine_chunks()


def _null_for_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


# ---------------------------------------------------------------------------------------------------------------------
# Transforming: in Spark
# ---------------------------------------------------------------------------------------------------------------------


def daily(bars: DataFrame) -> DataFrame:
    """One row per ticker and day from its bars. Nulls are passed over: the first bar that has an open, and so on."""

    def known(column: str, pick: Callable[..., Column]) -> Column:
        # `first` and `last` after a shuffle follow its order; the file's own order parts bars of one moment.
        return pick(column, F.when(F.col(column).isNotNull(), F.struct("ts", "position")))

    return bars.groupBy("ticker", "day").agg(
        *(F.max(c).alias(c) for c in ("target", "registered", "published", "raw_tag", "error", "gone")),
        known("open", F.min_by).alias("open_price"),
        F.max("high").alias("high_price"),
        F.min("low").alias("low_price"),
        known("close", F.max_by).alias("close_price"),
        known("adj_close", F.max_by).alias("adj_close_price"),
        F.sum("volume").alias("total_volume"),
        F.count("ts").cast("int").alias("bar_count"),
    )


def with_moving_columns(days: DataFrame) -> DataFrame:
    """Adds `close_ma_5` and `close_delta`, the tags of the window, and whether a raw object in it is gone.

    The close of an unreadable object is not known, so what it takes part in is null.
    """
    by_date = Window.partitionBy("ticker").orderBy("day")
    lags = range(1, MOVING_AVERAGE_DATES)
    total = F.col("close_price")
    unsettled = F.col("gone")
    for steps in lags:  # a fixed order of addition: the same sum whatever else is in the run
        total = total + F.lag("close_price", steps).over(by_date)
        unsettled = unsettled | F.coalesce(F.lag("gone", steps).over(by_date), F.lit(False))
    return days.select(
        *days.columns,
        (total / MOVING_AVERAGE_DATES).alias("close_ma_5"),
        (F.col("close_price") - F.lag("close_price").over(by_date)).alias("close_delta"),
        *(F.coalesce(F.lag("raw_tag", steps).over(by_date), F.lit(0)).alias(f"raw_tag_{steps}") for steps in lags),
        unsettled.alias("unsettled"),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Publishing: in executors
# ---------------------------------------------------------------------------------------------------------------------

# A refined row with its partition and its object's tag.
ROWS = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("tag", pa.int64()), *REFINED])
# What becomes of each partition: unreadable (`error`), put off because a raw object went meanwhile (neither error nor
# tag), or published (tag); whether that took a write, and what it was computed from.
REPORT = pa.schema(
    [
        *ROWS,
        ("raw_tag", pa.int64()),
        ("error", pa.string()),
        ("registered", pa.bool_()),
        ("written", pa.bool_()),
        ("digest", pa.int64()),
    ]
)


def refined_bytes(rows: pa.Table, row: int) -> bytes:
    """One row of REFINED as a Parquet object; the same row gives the same bytes."""
    return parquet(rows.slice(row, 1), compression="NONE", use_dictionary=False)


async def _publish_one(store: S3Store, place: Place, key: str, data: bytes, published: str | None) -> tuple[int, bool]:
    """The tag under which these bytes are published, and whether it took a write."""
    if published == hashlib.md5(data).hexdigest():  # noqa: S324 - what S3 makes ETags with
        return tag_of(published), False
    with refining(f"s3://{place.bucket}/{key} cannot be written"):
        answer = await obstore.put_async(store, key, data, use_multipart=False)
    return tag_of(plain_etag(answer["e_tag"])), True


def publish_task(job: Job) -> Task:
    """Writes each row's object and reports what was done (REPORT, packed)."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                report = publish(job, pa.Table.from_batches([batch]))
                yield pa.RecordBatch.from_arrays([pa.array([pack(report)], pa.binary())], ["report"])

    return run


def publish(job: Job, rows: pa.Table) -> pa.Table:
    """Write the objects of these rows (`with_moving_columns`), but for unreadable and unsettled ones (REPORT)."""
    store = store_of(job.refined, job.connection)
    rows = rows.append_column("trade_date", rows["day"].cast(pa.int32()).cast(pa.date32()))
    refined = rows.select(REFINED.names).cast(REFINED)
    keys, published = job.refined.keys(rows), rows["published"].to_pylist()
    settled = np.flatnonzero(pc.and_(pc.is_null(rows["error"]), pc.invert(rows["unsettled"])).to_numpy())

    def one(row: int) -> Coroutine[Any, Any, tuple[int, bool]]:
        return _publish_one(store, job.refined, keys[row], refined_bytes(refined, row), published[row])

    tags, written = np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    for row, outcome in zip(settled, in_flight(one, settled), strict=True):
        tags[row], written[row] = outcome
    window = [rows["raw_tag"], *(rows[f"raw_tag_{steps}"] for steps in range(1, MOVING_AVERAGE_DATES))]
    report = refined
    for name in ("ticker", "day", "raw_tag", "error", "registered"):
        report = report.append_column(name, rows[name])
    report = report.append_column("tag", pa.array(tags, mask=tags == 0))
    report = report.append_column("written", pa.array(written))
    report = report.append_column("digest", pa.array(digest([c.to_numpy() for c in window], tags)))
    return report.select(REPORT.names).cast(REPORT)


def refine(spark: SparkSession, job: Job, reads: pa.Table) -> pa.Table:
    """Read, transform and publish one wave (READS); what became of every target and unreadable object (REPORT)."""
    slots = spark.sparkContext.defaultParallelism
    bars = plans(spark, reads).mapInArrow(read_task(job), BARS_ROW)
    days = with_moving_columns(daily(spread(bars, tasks(len(reads), slots), "ticker")))
    targets = int(pc.sum(reads["target"].cast(pa.int64())).as_py())
    wanted = spread(days.where("target or error is not null"), tasks(targets, slots), "ticker", "day")
    return collect(wanted.mapInArrow(publish_task(job), "report binary"), REPORT)


def plans(spark: SparkSession, partitions: pa.Table) -> DataFrame:
    """A packed part of the partitions for each task."""
    number = tasks(len(partitions), spark.sparkContext.defaultParallelism)
    size = -(-len(partitions) // number)
    blobs = [(pack(partitions.slice(start, size)),) for start in range(0, len(partitions), size)]
    return spark.createDataFrame(spark.sparkContext.parallelize(blobs, len(blobs)), "plan binary")


def tasks(objects: int, slots: int) -> int:
    """Enough tasks for all slots, few enough that each is worth its start, and none too large for its memory."""
    return max(-(-objects // OBJECTS_PER_TASK), min(slots, objects // WORTH_A_TASK), 1)


def spread(rows: DataFrame, number: int, *columns: str) -> DataFrame:
    """The rows over so many tasks, those of one value of `columns` together; one task needs no shuffle."""
    return rows.repartition(number, *columns) if number > 1 else rows.coalesce(1)


def collect(packed: DataFrame, schema: pa.Schema) -> pa.Table:
    """The tables that tasks packed. Raises the RefineError that one of them raised."""
    try:
        rows = packed.collect()
    except Exception as error:
        said = re.search(r"RefineError: (.+)", str(error))
        raise RefineError(said[1].strip() if said else f"Spark gave up: {first_line(error)}") from error
    return pa.concat_tables([schema.empty_table(), *(unpack(bytes(row[0])) for row in rows)])


# ---------------------------------------------------------------------------------------------------------------------
# The ledger
# ---------------------------------------------------------------------------------------------------------------------


def read_ledger(job: Job) -> pa.Table:
    """The whole ledger (LEDGER)."""
    names = names_under(job.ledger, job.connection)
    with ThreadPoolExecutor(LISTING_THREADS) as threads:
        return pa.concat_tables([LEDGER.empty_table(), *threads.map(lambda name: _read_shard(job, name), names)])


def _read_shard(job: Job, name: str) -> pa.Table:
    data = get(job.ledger, name, job.connection)
    try:
        return pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False).select(LEDGER.names).cast(LEDGER)
    except (pa.ArrowException, OSError, ValueError, KeyError):
        log.warning("%s/%s cannot be read: what it told is found out again", job.ledger.uri, name)
        return LEDGER.empty_table()


def write_ledger(job: Job, facts: pa.Table, forgotten: pa.Table) -> None:
    """Enter facts (LEDGER) and strike out partitions (ticker, day), in the years that they are of."""
    there = names_under(job.ledger, job.connection)
    for year in years_of(facts, forgotten):
        name = f"year={year}.parquet"
        shard = _read_shard(job, name) if name in there else LEDGER.empty_table()
        new, gone = of_year(facts, year), of_year(forgotten, year)
        names = names_in(shard, new, gone)
        replaced = np.concatenate([_keys(new, names), _keys(gone, names)])
        kept = shard.filter(pa.array(_find(replaced, _keys(shard, names)) < 0))
        merged = pa.concat_tables([kept, new]).sort_by([("ticker", "ascending"), ("day", "ascending")])
        put(job.ledger, name, parquet(merged, compression="ZSTD"), job.connection)


def years_of(*tables: pa.Table) -> list[int]:
    return sorted({year for table in tables for year in pc.unique(_year(table)).to_pylist()})


def of_year(partitions: pa.Table, year: int) -> pa.Table:
    return partitions.filter(pc.equal(_year(partitions), year))


def _year(partitions: pa.Table) -> pa.ChunkedArray:
    return pc.year(partitions["day"].cast(pa.date32()))


# ---------------------------------------------------------------------------------------------------------------------
# The catalog
# ---------------------------------------------------------------------------------------------------------------------

HIVE = {
    pa.date32(): "date",
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.string(): "string",
}


def hive(schema: pa.Schema) -> dict[str, str]:
    """Column to Glue type."""
    return {field.name: HIVE[field.type] for field in schema}


def created_at(job: Job, table: str) -> str:
    """When a table was created, which tells it from a later one of its name. Raises RefineError if there is none."""
    glue = boto3.client("glue", region_name=job.connection.region, endpoint_url=job.connection.glue_endpoint)
    with calling_aws(f"The table {job.database}.{table} cannot be used"):
        return str(glue.get_table(DatabaseName=job.database, Name=table)["Table"].get("CreateTime"))


def ensure_compact_table(job: Job, compact: Place) -> str:
    """As `created_at`, for the compact table, which is created if there is none."""
    try:
        return created_at(job, job.compact_table)
    except RefineError as error:
        if "EntityNotFound" not in str(error.__cause__):
            raise
    with calling_aws(f"The table {job.database}.{job.compact_table} cannot be created"):
        wr.catalog.create_parquet_table(
            database=job.database,
            table=job.compact_table,
            path=f"{compact.uri}/",
            columns_types=hive(COMPACT),
            partitions_types={"year": "int"},
            description="The refined rows in one object per year, for scans of the whole history.",
        )
    return created_at(job, job.compact_table)


def register(job: Job, table: str, schema: pa.Schema, partitions: dict[str, list[str]]) -> None:
    """Add partitions (location to values) to a table; those that are there stay as they are."""
    locations = list(partitions)
    calls = [
        {location: partitions[location] for location in locations[start : start + PARTITIONS_PER_CALL]}
        for start in range(0, len(locations), PARTITIONS_PER_CALL)
    ]
    own = threading.local()

    def call(values: dict[str, list[str]]) -> None:
        if not hasattr(own, "session"):  # boto3's sessions are not for sharing among threads
            own.session = boto3.session.Session(region_name=job.connection.region)
        with calling_aws(f"The partitions of {job.database}.{table} cannot be registered"):
            wr.catalog.add_parquet_partitions(
                job.database, table, values, columns_types=hive(schema), boto3_session=own.session
            )

    with ThreadPoolExecutor(min(CATALOG_THREADS, max(len(calls), 1))) as threads:
        for _ in threads.map(call, calls):
            pass


def unregister(job: Job, table: str, values: list[list[str]]) -> None:
    """Take partitions out of a table; those that are not there stay away."""
    with calling_aws(f"The partitions of {job.database}.{table} cannot be unregistered"):
        wr.catalog.delete_partitions(table, job.database, values)


def refined_locations(job: Job, partitions: pa.Table) -> dict[str, list[str]]:
    """Location to values of refined partitions (ticker, day)."""
    return {
        f"{job.refined.uri}/dt={iso(day)}/ticker={ticker}/": [iso(day), ticker] for ticker, day in pairs(partitions)
    }


# ---------------------------------------------------------------------------------------------------------------------
# The compact copy
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CompactYear:
    """What is known of a year's object: its ETag, and a seal of the refined objects (key, tag) that it was made of."""

    etag: str
    seal: str


def seal_of(partitions: pa.Table) -> str:
    """A word for just these refined objects, by ticker, day and tag."""
    ordered = partitions.select(["ticker", "day", "tag"]).sort_by([("ticker", "ascending"), ("day", "ascending")])
    seal = hashlib.blake2b("\n".join(ordered["ticker"].to_pylist()).encode(), digest_size=16)
    for column in ("day", "tag"):
        seal.update(ordered[column].to_numpy().tobytes())
    return seal.hexdigest()


def pick(wanted: pa.Table, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Of rows (ROWS), those of the wanted objects (ticker, day, tag), each once; and the wanted that have no row."""
    names = names_in(wanted, rows)
    at = _find(_keys(wanted, names), _keys(rows, names))
    fits = np.flatnonzero((at >= 0) & (_take(wanted["tag"].to_numpy(), at) == rows["tag"].to_numpy()))
    served, first = np.unique(at[fits], return_index=True)
    without = np.ones(len(wanted), bool)
    without[served] = False
    return rows.take(pa.array(fits[first])), wanted.filter(pa.array(without))


def read_compact(job: Job, compact: Place, year: int, made_of: pa.Table) -> pa.Table:
    """The rows (ROWS) of a year's object, which is known to be made of these refined objects."""
    data = get(compact, f"year={year}/data.parquet", job.connection)
    rows = pq.ParquetFile(pa.BufferReader(data)).read().select(COMPACT.names).cast(COMPACT)
    rows = rows.append_column("day", rows["trade_date"].cast(pa.int32()))
    names = names_in(rows, made_of)
    at = _find(_keys(made_of, names), _keys(rows, names))
    return rows.append_column("tag", pa.array(_take(made_of["tag"].to_numpy(), at))).select(ROWS.names)


def write_compact(job: Job, compact: Place, year: int, rows: pa.Table) -> CompactYear:
    """Write a year's object from rows (ROWS), in one go: a reader sees the old one or the new one."""
    rows = rows.sort_by([("ticker", "ascending"), ("day", "ascending")])
    data = parquet(rows.select(COMPACT.names), compression="SNAPPY", row_group_size=COMPACT_ROW_GROUP)
    # The ETag is this answer's: asked for afterwards, it might be that of another run's object.
    etag = put(compact, f"year={year}/data.parquet", data, job.connection)
    register_compact(job, compact, [year])
    return CompactYear(etag, seal_of(rows))


def register_compact(job: Job, compact: Place, years: Iterable[int]) -> None:
    register(job, job.compact_table, COMPACT, {f"{compact.uri}/year={year}/": [str(year)] for year in years})


def fetch_task(job: Job) -> Task:
    """Reads the refined objects of each row's plan (LISTING, packed) into rows (ROWS, packed)."""

    async def one(store: S3Store, key: str) -> tuple[int, pa.Table | None]:
        found = await _get(store, job.refined, key)
        if found is None:
            return 0, None
        try:
            table = pq.ParquetFile(pa.BufferReader(found[1])).read(use_threads=False)
            return tag_of(found[0]), table.select(REFINED.names).cast(REFINED)
        except (pa.ArrowException, OSError, ValueError, KeyError):
            # Damaged, and not written anew only because its raw object is unreadable: it is that which is reported.
            return 0, None

    def run(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        store = store_of(job.refined, job.connection)
        for blob in _blobs(batches):
            wanted = unpack(blob)
            objects = in_flight(lambda key: one(store, key), job.refined.keys(wanted))
            there = pa.array([table is not None for _, table in objects])
            rows = pa.concat_tables([REFINED.empty_table(), *(table for _, table in objects if table is not None)])
            rows = rows.append_column("ticker", wanted["ticker"].filter(there))
            rows = rows.append_column("day", wanted["day"].filter(there))
            rows = rows.append_column("tag", pa.array([tag for tag, table in objects if table is not None], pa.int64()))
            packed = pa.array([pack(rows.select(ROWS.names).cast(ROWS))], pa.binary())
            yield pa.RecordBatch.from_arrays([packed], ["rows"])

    return run


# ---------------------------------------------------------------------------------------------------------------------
# The run
# ---------------------------------------------------------------------------------------------------------------------

UNREADABLE_ENTRY = pa.schema(
    [("ticker", pa.string()), ("day", pa.int32()), ("raw_tag", pa.int64()), ("error", pa.string())]
)
NOTES, UNREADABLE = "notes.json", "unreadable.json"


@dataclass(frozen=True)
class Notes:
    """What a run tells the next one beside the ledger: what it refined, the tables that the partitions are registered
    in, and of what each year of the compact copy was made."""

    raw: str = ""
    tables: dict[str, str] = field(default_factory=dict)
    compact: dict[int, CompactYear] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes) -> "Notes":
        """Notes from JSON, empty ones from anything else."""
        try:
            told = json.loads(text)
            return cls(
                told["raw"],
                dict(told["tables"]),
                {int(year): CompactYear(**known) for year, known in told["compact"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("the notes of the last run cannot be read: what they told is found out again")
            return cls()

    def dump(self) -> bytes:
        compact = {str(year): vars(known) for year, known in sorted(self.compact.items())}
        return json.dumps({"raw": self.raw, "tables": self.tables, "compact": compact}).encode()


def listed_unreadable(report: bytes) -> pa.Table:
    """What an earlier run's report lists (UNREADABLE_ENTRY), nothing where it is damaged."""
    try:
        return pa.Table.from_pylist(json.loads(report)["entries"], schema=UNREADABLE_ENTRY)
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException):
        log.warning("%s of the last run cannot be read: it is written anew", UNREADABLE)
        return UNREADABLE_ENTRY.empty_table()


class Run:
    """Carries one run through its passes, and counts what it did.

    `raw` and `refined` are the last listings, `before` the refined one that the run began with; `held` are the rows
    that it published.
    """

    def __init__(self, job: Job, spark: Callable[[], SparkSession]) -> None:
        self.job = job
        self.spark = spark
        self.notes = Notes()
        self.raw = self.refined = self.before = LISTING.empty_table()
        self.held = [ROWS.empty_table()]
        self.unreadable = REPORT.empty_table()
        self.counts = dict.fromkeys(COUNTS, 0)

    def carry_out(self) -> dict[str, Any]:
        """Refine what is stale, and bring the compact copy up to that; the summary."""
        started = time.monotonic()
        there = names_under(self.job.state, self.job.connection)
        old = get(self.job.state, NOTES, self.job.connection) if NOTES in there else None
        self.notes = Notes.parse(old) if old is not None else Notes()
        self.check_source()
        tables = {self.job.table: created_at(self.job, self.job.table)}
        compact = self.notes.compact
        clean = self.refine_until_clean(moved=self.notes.tables.get(self.job.table) != tables[self.job.table])
        if self.job.compact:
            tables[self.job.compact_table] = ensure_compact_table(self.job, self.job.compact)
            moved = self.notes.tables.get(self.job.compact_table) != tables[self.job.compact_table]
            compact = self.keep_compact(self.job.compact, again=moved or self.job.full)
        self.write_if_changed(NOTES, old, Notes(self.job.raw.uri, self.notes.tables | tables, compact).dump())
        self.report_unreadable(get(self.job.state, UNREADABLE, self.job.connection) if UNREADABLE in there else None)
        seconds = round(time.monotonic() - started, 2)
        return {"mode": "full" if self.job.full else "incremental", **self.counts, "clean": clean, "seconds": seconds}

    def check_source(self) -> None:
        """Raises RefineError if this lake was refined from another prefix: everything would be without a raw object."""
        if self.notes.raw not in {"", self.job.raw.uri}:
            raise RefineError(
                f"{self.job.refined.uri} is made from {self.notes.raw}, not from {self.job.raw.uri}: "
                "correct --raw_uri, or give another --refined_uri."
            )

    def refine_until_clean(self, *, moved: bool) -> bool:
        """Pass after pass until nothing is stale; whether it came to that. It ends with a listing in either case.

        With `moved`, the table is not the one of the last run, and what is there is registered anew.
        """
        while True:
            found = self.look(full=self.job.full and not self.counts["passes"])
            if moved and not self.counts["passes"]:
                self.register(self.refined)
            self.counts["passes"] += 1
            if found.empty:
                return True
            if self.counts["passes"] == MAX_PASSES:
                log.warning("raw keeps changing: the next run goes on")
                return False
            self.mend(found)

    def look(self, *, full: bool) -> Plan:
        """List raw and refined, read the ledger, and plan."""
        places = (self.job.raw, self.job.refined)
        with ThreadPoolExecutor(len(places)) as threads:
            listings = threads.map(lambda place: list_partitions(place, self.job.connection), places)
            self.raw, self.refined = listings
        if not self.counts["passes"]:
            self.before = self.refined
        tried = self.unreadable.select(["ticker", "day", "raw_tag"]).rename_columns(["ticker", "day", "tag"])
        found = plan(self.raw, self.refined, read_ledger(self.job), scope=self.job.scope, full=full, tried=tried)
        log.info(
            "%d raw and %d refined partitions: %d objects to read, %d partitions without a raw one",
            *map(len, (self.raw, self.refined, found.reads, found.orphans)),
        )
        return found

    def mend(self, found: Plan) -> None:
        """Recompute what is stale, and only then take the orphans away."""
        for wave in waves(found.reads):
            self.enter(refine(self.spark(), self.job, wave))
        if len(found.orphans):
            # Struck out first: the ledger never tells of a partition that is not registered.
            write_ledger(self.job, LEDGER.empty_table(), found.orphans)
            unregister(self.job, self.job.table, list(refined_locations(self.job, found.orphans).values()))
            delete(self.job.refined, self.job.refined.keys(found.orphans), self.job.connection)
            self.counts["deleted_partitions"] += len(found.orphans)

    def enter(self, report: pa.Table) -> None:
        """Register what a wave published, and only then enter it in the ledger."""
        bad = report.filter(pc.is_valid(report["error"]))
        self.unreadable = pa.concat_tables([self.unreadable, bad])
        done = report.filter(pc.is_valid(report["tag"]))
        kept = bad.filter(pa.array(_is_in(bad, self.refined)))  # what an unreadable one's earlier contents gave
        new = pa.concat_tables([done, kept])
        self.register(new.filter(pc.invert(new["registered"])))
        write_ledger(self.job, done.select(LEDGER.names), LEDGER.empty_table())
        if self.job.compact:
            self.held.append(done.select(ROWS.names))
        self.counts["refined_partitions"] += len(done)
        self.counts["written_objects"] += pc.sum(done["written"].cast(pa.int64())).as_py() or 0
        log.info("%d partitions refined, %d objects written", *(self.counts[c] for c in COUNTS[:2]))

    def register(self, partitions: pa.Table) -> None:
        """Register refined partitions (ticker, day)."""
        register(self.job, self.job.table, REFINED, refined_locations(self.job, partitions))
        self.counts["registered_partitions"] += len(partitions)

    def keep_compact(self, compact: Place, *, again: bool) -> dict[int, CompactYear]:
        """Make the compact copy what refined is now, rewriting the years that differ; what its objects are made of.

        `again` registers also the years that do not differ: the table may not have them.
        """
        there = {}
        for name, etag in names_under(compact, self.job.connection).items():
            match = COMPACT_NAME.fullmatch(name)
            if match:
                there[int(match[1])] = etag
        if again:
            register_compact(self.job, compact, there)
        known = {}
        for year in years_of(self.refined):
            now, noted = of_year(self.refined, year), self.notes.compact.get(year)
            intact = noted if noted and noted.etag == there.get(year) else None
            if intact and intact.seal == seal_of(now):
                known[year] = intact
            else:
                known[year] = write_compact(self.job, compact, year, self.rows_of(compact, year, now, intact))
                self.counts["compact_years"] += 1
        gone = sorted(there.keys() - known.keys())
        if gone:
            unregister(self.job, self.job.compact_table, [[str(year)] for year in gone])
            delete(compact, [f"{compact.prefix}/year={year}/data.parquet" for year in gone], self.job.connection)
        return known

    def rows_of(self, compact: Place, year: int, now: pa.Table, intact: CompactYear | None) -> pa.Table:
        """The rows (ROWS) of a year's refined objects: from this run, from the old compact object, or read anew."""
        rows = [of_year(held, year) for held in self.held]
        before = of_year(self.before, year)
        if intact and intact.seal == seal_of(before):
            rows.append(read_compact(self.job, compact, year, before))
        found, missing = pick(now, pa.concat_tables(rows))
        if len(missing):
            log.info("%d refined objects of %d are read for the compact copy", len(missing), year)
            packed = plans(self.spark(), missing).mapInArrow(fetch_task(self.job), "rows binary")
            fetched = collect(packed, ROWS)
            if len(fetched) < len(missing):
                log.warning("%d of them are gone or damaged and are left out for now", len(missing) - len(fetched))
            found = pa.concat_tables([found, fetched])
        return found

    def report_unreadable(self, old: bytes | None) -> None:
        """Log the raw objects that cannot be read, and leave a list of them beside the lake.

        What an earlier run listed stays listed where this one did not look, as long as it is there and unchanged.
        """
        bad = self.as_listed(self.unreadable.select(UNREADABLE_ENTRY.names))
        self.counts["unreadable_objects"] = len(bad)
        for (ticker, day), cause in zip(pairs(bad), bad["error"].to_pylist(), strict=True):
            log.error("%s of %s cannot be read: %s", ticker, iso(day), cause)
        if old is not None:
            earlier = self.as_listed(listed_unreadable(old))
            elsewhere = pa.array(~_in_scope(earlier, self.job.scope) & ~_is_in(earlier, bad))
            bad = pa.concat_tables([bad, earlier.filter(elsewhere)])
        bad = bad.sort_by([("ticker", "ascending"), ("day", "ascending")])
        keys = [f"s3://{self.job.raw.bucket}/{key}" for key in self.job.raw.keys(bad)]
        causes = [{"object": key, "cause": cause} for key, cause in zip(keys, bad["error"].to_pylist(), strict=True)]
        if len(bad) or old is not None:
            report = {"unreadable": causes, "entries": bad.to_pylist()}
            self.write_if_changed(UNREADABLE, old, json.dumps(report, indent=1).encode())

    def as_listed(self, entries: pa.Table) -> pa.Table:
        """Those entries (UNREADABLE_ENTRY) whose raw object is there and unchanged, each partition once."""
        names = names_in(self.raw, entries)
        at = _find(_keys(self.raw, names), _keys(entries, names))
        same = (at >= 0) & (_take(self.raw["tag"].to_numpy(), at) == entries["raw_tag"].to_numpy())
        _, first = np.unique(at[same], return_index=True)
        return entries.take(pa.array(np.flatnonzero(same)[first]))

    def write_if_changed(self, name: str, old: bytes | None, new: bytes) -> None:
        if new != old:
            put(self.job.state, name, new, self.job.connection)


def spark_session() -> SparkSession:
    """Spark as it is on Glue, or as the environment says on a laptop: its master is never set here."""
    spark = SparkSession.builder.appName("b3-refine").getOrCreate()
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # it joins small shuffles into one slow task
    spark.conf.set("spark.sql.codegen.wholeStage", "false")  # compiling costs seconds, and these rows are few
    return spark


def run(job: Job, spark: Callable[[], SparkSession] = spark_session) -> dict[str, Any]:
    """Carry out one run; its summary. Raises RefineError. Spark is started only when there is something to do."""
    boto3.setup_default_session(region_name=job.connection.region)
    wr.config.glue_endpoint_url = job.connection.glue_endpoint
    return Run(job, spark).carry_out()


def main(arguments: Sequence[str]) -> None:
    """Run the job; the last line on standard output is its summary. Exits with a message when something is wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    try:
        job = parse_arguments(arguments, os.environ)
        summary = run(job)
    except RefineError as error:
        raise SystemExit(f"The refine job failed. {error}") from error
    print(json.dumps(summary), flush=True)
    if summary["unreadable_objects"]:
        raise SystemExit(
            f"{summary['unreadable_objects']} raw objects cannot be read, the rest is refined. "
            f"They are listed in {job.state.uri}/{UNREADABLE}: fetch them again, or remove them."
        )


if __name__ == "__main__":
    main(sys.argv[1:])
