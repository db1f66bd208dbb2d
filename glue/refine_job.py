"""Refines the bronze quotes into one row per ticker and trade date: the Glue job, and the same program on a laptop.

It is to raw what a build tool is to sources. A run lists raw and refined, reads a small ledger of what every refined
object was computed from, works out what is stale, recomputes that and nothing else, lists again, and repeats until
nothing is. See docs/refine.md for what it promises and why.

Prices are BRL, volumes are shares. It runs on Spark 3.3 to 3.5 and Python 3.10 and later, with two libraries that
Glue does not bring: awswrangler (catalog, the compact copy) and obstore (objects).
"""

import argparse
import asyncio
import hashlib
import io
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import awswrangler as wr
import boto3
import botocore.exceptions
import numpy as np
import obstore
import obstore.exceptions
import obstore.store
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from obstore.auth.boto3 import Boto3CredentialProvider
from pyspark.sql import DataFrame, SparkSession, Window
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

MOVING_AVERAGE_DATES = 5
# Raised whenever the same bars would give other rows: every refined object is then stale.
RULES = 1

# ---------------------------------------------------------------------------------------------------------------------
# How much at once
# ---------------------------------------------------------------------------------------------------------------------

REQUESTS_IN_FLIGHT = 64
OBJECTS_PER_TASK = 1_000
# What is published, registered and entered in the ledger at a time: a run that is killed loses at most this much work.
PARTITIONS_PER_WAVE = 100_000
PARTITIONS_PER_CALL = 100
MAX_PASSES = 10
PAGE = 1_000

KEY = re.compile(r"dt=(\d{4}-\d{2}-\d{2})/ticker=([^/]+)/data\.parquet")
EPOCH = date(1970, 1, 1)


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
            raise RefineError(f"{uri!r} is not an address of the form s3://bucket/prefix.")
        return cls(match[1], match[2])

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def key(self, ticker: str, day: int) -> str:
        return f"{self.prefix}/dt={iso(day)}/ticker={ticker}/data.parquet"


@dataclass(frozen=True)
class Scope:
    """Which refined partitions a run may touch; both days are days since 1970 and included, None is no bound."""

    start: int | None = None
    end: int | None = None
    tickers: frozenset[str] | None = None


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
    full: bool
    scope: Scope
    connection: Connection

    @property
    def state(self) -> Place:
        """The run's own notes, outside every table's location."""
        return Place(self.refined.bucket, f"state/{self.refined.prefix}")


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise RefineError(f"{message[0].upper()}{message[1:]}. See --help.")


def _day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def iso(day: int) -> str:
    """The ISO date of a day since 1970."""
    return (EPOCH + timedelta(days=int(day))).isoformat()


def parse_arguments(arguments: Sequence[str], environment: Mapping[str, str]) -> Job:
    """The run that the command line asks for. Glue's own arguments are ignored; raises RefineError for wrong ones."""
    parser = _Arguments(prog="refine_job.py", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--raw_uri", required=True, type=Place.parse, help="s3://bucket/prefix of the bronze objects")
    parser.add_argument("--refined_uri", required=True, type=Place.parse, help="s3://bucket/prefix of the refined ones")
    parser.add_argument("--database", required=True, help="Glue database")
    parser.add_argument("--table", required=True, help="Glue table of the refined objects")
    parser.add_argument("--mode", choices=["incremental", "full"], default="incremental")
    parser.add_argument("--start_date", type=_day, help="refine from this trade date on (YYYY-MM-DD)")
    parser.add_argument("--end_date", type=_day, help="refine to this trade date, included (YYYY-MM-DD)")
    parser.add_argument("--tickers", help="refine these only: PETR4,VALE3")
    known, _ = parser.parse_known_args(arguments)
    tickers = frozenset(t.strip() for t in known.tickers.split(",") if t.strip()) if known.tickers else None
    endpoint = environment.get("AWS_ENDPOINT_URL")
    return Job(
        raw=known.raw_uri,
        refined=known.refined_uri,
        database=known.database,
        table=known.table,
        full=known.mode == "full",
        scope=Scope(known.start_date, known.end_date, tickers),
        connection=Connection(
            region=boto3.session.Session().region_name or "us-east-1",
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
    scope: Scope = Scope(),  # noqa: B008 - frozen
    full: bool = False,
    unreadable: pa.Table | None = None,
) -> Plan:
    """What is stale, from listings (LISTING) and the ledger (LEDGER).

    A refined partition is fresh when the ledger says that this very object was computed from these very raw objects:
    its own and the ticker's four trade dates before it. Raw objects in `unreadable` (LISTING) were tried already and
    are not tried again before they change. Only partitions in `scope` are touched; with `full` all of those.
    """
    names = pc.unique(pa.chunked_array([*raw["ticker"].chunks, *refined["ticker"].chunks], pa.string())).sort()
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
    if unreadable is not None and len(unreadable):
        at_unreadable = _find(_keys(unreadable, names), raw_keys)
        target &= (at_unreadable < 0) | (window[0] != _take(unreadable["tag"].to_numpy(), at_unreadable))
    needed = _with_dates_before(raw_keys, target)

    sorted_raw = raw.select(["ticker", "day"]).take(order[needed])
    published = refined["etag"].take(pa.array(at_refined[needed], mask=at_refined[needed] < 0))
    columns = [*sorted_raw.columns, target[needed], registered[needed], published]
    orphan = (_find(raw_keys, refined_keys) < 0) & _in_scope(refined, scope)
    return Plan(pa.table(columns, schema=READS), refined.select(["ticker", "day"]).filter(orphan))


def _keys(partitions: pa.Table, names: pa.Array) -> np.ndarray:
    """One int64 per partition, which sorts by ticker and then by day; negative for tickers not in `names`."""
    code = pc.fill_null(pc.index_in(partitions["ticker"], names), -1).to_numpy().astype(np.int64)
    return (code << 32) + partitions["day"].to_numpy()


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


def _before(keys: np.ndarray, steps: int) -> np.ndarray:
    """Whether the row so many steps before, in sorted keys, is of the same ticker."""
    same = np.zeros(len(keys), bool)
    same[steps:] = (keys[steps:] >> 32) == (keys[: len(keys) - steps] >> 32)
    return same


def _windows(keys: np.ndarray, tags: np.ndarray) -> list[np.ndarray]:
    """The tags of each partition's own raw object and of the four before it, 0 where there is none."""
    window = [tags]
    for steps in range(1, MOVING_AVERAGE_DATES):
        earlier = np.zeros(len(tags), np.int64)
        earlier[steps:] = tags[: len(tags) - steps]
        window.append(np.where(_before(keys, steps), earlier, 0))
    return window


def _with_dates_before(keys: np.ndarray, target: np.ndarray) -> np.ndarray:
    needed = target.copy()
    for steps in range(1, MOVING_AVERAGE_DATES):
        needed[: len(keys) - steps] |= target[steps:] & _before(keys, steps)[steps:]
    return needed


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


def store_of(bucket: str, connection: Connection) -> obstore.store.S3Store:
    """One store, and so one pool of connections, per bucket and process."""
    # The functions of a script are unpickled anew for every task; a library's module lives as long as its process.
    stores: dict[Any, obstore.store.S3Store] = obstore.__dict__.setdefault("_refine_stores", {})
    if (bucket, connection) not in stores:
        endpoint = connection.s3_endpoint
        stores[bucket, connection] = obstore.store.S3Store(
            bucket,
            region=connection.region,
            credential_provider=Boto3CredentialProvider(),
            client_options={"allow_http": True, "timeout": "60s"},
            **({"endpoint": endpoint, "virtual_hosted_style_request": False} if endpoint else {}),
        )
    return stores[bucket, connection]


def list_partitions(place: Place, connection: Connection) -> pa.Table:
    """What is under a table's prefix (LISTING); other keys than its partitions' are passed over and counted."""
    tickers, days, tags, etags, foreign = [], [], [], [], 0
    day_of: dict[str, int | None] = {}
    start = len(place.prefix) + 1
    try:
        for page in obstore.list(store_of(place.bucket, connection), place.prefix, chunk_size=PAGE):
            for item in page:
                match = KEY.fullmatch(item["path"], start)
                day = _cached(day_of, match[1], _day_or_none) if match else None
                if match is None or day is None:
                    foreign += 1
                    continue
                etag = plain_etag(item["e_tag"])
                tickers.append(match[2])
                days.append(day)
                tags.append(tag_of(etag))
                etags.append(etag)
    except (obstore.exceptions.BaseError, OSError) as error:
        raise RefineError(f"{place.uri} cannot be listed: {cause_of(error)}") from error
    if foreign:
        log.warning("%s: %d objects are not dt=/ticker=/data.parquet and are left alone", place.uri, foreign)
    return pa.table([tickers, days, tags, etags], schema=LISTING)


def _cached(memory: dict[str, Any], key: str, compute: Callable[[str], Any]) -> Any:
    if key not in memory:
        memory[key] = compute(key)
    return memory[key]


def _day_or_none(text: str) -> int | None:
    try:
        return _day(text)
    except ValueError:
        return None


def plain_etag(etag: str | None) -> str:
    """An ETag without its quotes, which some answers have and others have not."""
    return (etag or "").strip('"')


def cause_of(error: BaseException) -> str:
    """The cause of a failed request in a few words."""
    text = str(error)
    for code, words in {
        "NoSuchBucket": "the bucket does not exist",
        "AccessDenied": "access is denied: check the role's permissions",
        "InvalidAccessKeyId": "the credentials are not accepted",
        "SignatureDoesNotMatch": "the credentials are not accepted",
        "ExpiredToken": "the credentials have expired",
    }.items():
        if code in text:
            return f"{words} ({code})."
    return text.splitlines()[0]


def get_or_none(place: Place, name: str, connection: Connection) -> bytes | None:
    """A small object's bytes, None if there is none."""
    try:
        return obstore.get(store_of(place.bucket, connection), f"{place.prefix}/{name}").bytes().to_bytes()
    except (FileNotFoundError, obstore.exceptions.NotFoundError):
        return None
    except (obstore.exceptions.BaseError, OSError) as error:
        raise RefineError(f"{place.uri}/{name} cannot be read: {cause_of(error)}") from error


def put(place: Place, name: str, data: bytes, connection: Connection) -> None:
    try:
        obstore.put(store_of(place.bucket, connection), f"{place.prefix}/{name}", data, use_multipart=False)
    except (obstore.exceptions.BaseError, OSError) as error:
        raise RefineError(f"{place.uri}/{name} cannot be written: {cause_of(error)}") from error


async def in_flight(coroutines: Iterable[Any]) -> list[Any]:
    """The results of all coroutines, in order, so many at a time."""
    gate = asyncio.Semaphore(REQUESTS_IN_FLIGHT)

    async def one(coroutine: Any) -> Any:
        async with gate:
            return await coroutine

    return await asyncio.gather(*(one(c) for c in coroutines))


# ---------------------------------------------------------------------------------------------------------------------
# Reading: in executors
# ---------------------------------------------------------------------------------------------------------------------

BARS_ROW = (
    "ticker string, day int, target boolean, registered boolean, published string, tag bigint, error string, "
    "gone boolean, position int, ts bigint, open double, high double, low double, close double, adj_close double, "
    "volume bigint"
)


def read_bars(data: bytes) -> pa.Table:
    """The bars in a raw object, as BARS; differing types are cast where nothing is lost. Raises RefineError."""
    try:
        table = pq.ParquetFile(io.BytesIO(data)).read(use_threads=False)
        columns = [_lossless(table.column(field.name), field) for field in BARS]
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise RefineError(str(error).splitlines()[0] if str(error) else type(error).__name__) from error
    if not len(table):
        raise RefineError("it holds no bars")
    if columns[0].null_count:
        raise RefineError("a bar has no ts")
    return pa.table(columns, schema=BARS)


def _lossless(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    of_time = pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
    of_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if not (pa.types.is_null(column.type) or (of_time if pa.types.is_timestamp(field.type) else of_number)):
        raise RefineError(f"column {field.name} is {column.type}, not {field.type}")
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise RefineError(f"column {field.name} ({column.type}) is not {field.type}: {error}") from error


async def _read_one(store: Any, key: str) -> tuple[int, pa.Table | str | None]:
    """An object's tag and its bars; or what is wrong with it; or None if it is gone."""
    try:
        answer = await obstore.get_async(store, key)
        data = (await answer.bytes_async()).to_bytes()
    except (FileNotFoundError, obstore.exceptions.NotFoundError):
        return 0, None
    except (obstore.exceptions.BaseError, OSError) as error:
        raise RefineError(f"{key} cannot be read: {cause_of(error)}") from error
    tag = tag_of(plain_etag(answer.meta["e_tag"]))
    try:
        return tag, read_bars(data)
    except RefineError as error:
        return tag, str(error)


def read_task(job: Job) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Reads the objects of the tasks' plans (one Arrow stream of READS per row) into rows of BARS_ROW."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        store = store_of(job.raw.bucket, job.connection)
        for batch in batches:
            for blob in batch.column(0).to_pylist():
                reads = unpack(blob)
                keys = [
                    job.raw.key(t, d) for t, d in zip(*map(pa.ChunkedArray.to_pylist, reads.columns[:2]), strict=True)
                ]
                objects = asyncio.run(in_flight(_read_one(store, key) for key in keys))
                yield from _bars_rows(reads, objects).to_batches()

    return run


def _bars_rows(reads: pa.Table, objects: list[tuple[int, pa.Table | str | None]]) -> pa.Table:
    nothing = BARS.empty_table().slice(0, 0)
    hole = pa.table([pa.nulls(1, field.type) for field in BARS], schema=BARS)
    bars = pa.concat_tables([nothing, *(found if isinstance(found, pa.Table) else hole for _, found in objects)])
    lengths = np.array([len(found) if isinstance(found, pa.Table) else 1 for _, found in objects], np.int64)
    of_object = np.repeat(np.arange(len(objects)), lengths)
    ends = np.cumsum(lengths)
    position = np.arange(len(of_object)) - np.repeat(ends - lengths, lengths)
    errors = pa.array([found if isinstance(found, str) else None for _, found in objects], pa.string())
    own = {
        "tag": pa.array([tag for tag, _ in objects], pa.int64()),
        "error": errors,
        "gone": pa.array([found is None for _, found in objects], pa.bool_()),
    }
    table = reads.take(of_object)
    for name, values in own.items():
        table = table.append_column(name, values.take(of_object))
    table = table.append_column("position", pa.array(position, pa.int32()))
    table = table.append_column("ts", bars["ts"].cast(pa.int64()))
    for name in BARS.names[1:]:
        table = table.append_column(name, _null_for_nan(bars[name]))
    return table.combine_chunks()


def _null_for_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


def pack(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def unpack(blob: bytes) -> pa.Table:
    return pa.ipc.open_stream(blob).read_all()


# ---------------------------------------------------------------------------------------------------------------------
# Transforming: in Spark
# ---------------------------------------------------------------------------------------------------------------------


def daily(bars: DataFrame) -> DataFrame:
    """One row per ticker and day from its bars. Nulls are passed over: the first bar that has an open, and so on."""

    def known(column: str, pick: Callable[..., Any]) -> Any:
        # `first` and `last` after a shuffle follow its order; the file's own order parts bars of one moment.
        return pick(column, F.when(F.col(column).isNotNull(), F.struct("ts", "position")))

    return bars.groupBy("ticker", "day").agg(
        *(F.max(c).alias(c) for c in ("target", "registered", "published", "tag", "error", "gone")),
        known("open", F.min_by).alias("open_price"),
        F.max("high").alias("high_price"),
        F.min("low").alias("low_price"),
        known("close", F.max_by).alias("close_price"),
        known("adj_close", F.max_by).alias("adj_close_price"),
        F.sum("volume").alias("total_volume"),
        F.count("ts").cast("int").alias("bar_count"),
    )


def with_moving_columns(days: DataFrame) -> DataFrame:
    """Adds `close_ma_5` and `close_delta`, the tags of the window, and whether a raw object in it is gone."""
    by_date = Window.partitionBy("ticker").orderBy("day")
    lags = range(1, MOVING_AVERAGE_DATES)
    total = F.col("close_price")
    for steps in lags:  # a fixed order of addition: the same sum whatever else is in the run
        total = total + F.lag("close_price", steps).over(by_date)
    gone = F.col("gone")
    for steps in lags:
        gone = gone | F.coalesce(F.lag("gone", steps).over(by_date), F.lit(False))
    return days.select(
        *days.columns,
        (total / MOVING_AVERAGE_DATES).alias("close_ma_5"),
        (F.col("close_price") - F.lag("close_price").over(by_date)).alias("close_delta"),
        *(F.coalesce(F.lag("tag", steps).over(by_date), F.lit(0)).alias(f"tag_{steps}") for steps in lags),
        gone.alias("unsettled"),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Publishing: in executors
# ---------------------------------------------------------------------------------------------------------------------

# What a task reports of each partition: unreadable (`error`), put off because a raw object went meanwhile
# (`unsettled`), or published: then what it was computed from, its ETag, and whether that took a write.
REPORT = pa.schema(
    [
        ("ticker", pa.string()),
        ("day", pa.int32()),
        ("tag", pa.int64()),
        ("error", pa.string()),
        ("unsettled", pa.bool_()),
        ("registered", pa.bool_()),
        ("etag", pa.string()),
        ("written", pa.bool_()),
        ("digest", pa.int64()),
    ]
)


def refined_bytes(rows: pa.Table, row: int) -> bytes:
    """One row of REFINED as a Parquet object; the same row gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows.slice(row, 1), sink, compression="NONE", use_dictionary=False, store_schema=False)
    return sink.getvalue().to_pybytes()


async def _publish_one(store: Any, key: str, data: bytes, published: str | None) -> tuple[str, bool]:
    """The ETag under which these bytes are published, and whether it took a write."""
    if published == hashlib.md5(data).hexdigest():  # noqa: S324 - what S3 makes ETags with
        return published, False
    try:
        answer = await obstore.put_async(store, key, data, use_multipart=False)
    except (obstore.exceptions.BaseError, OSError) as error:
        raise RefineError(f"{key} cannot be written: {cause_of(error)}") from error
    return plain_etag(answer["e_tag"]), True


def publish_task(job: Job) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Writes each row's object and reports what was done (one Arrow stream of REPORT per row)."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                report = _publish(job, pa.Table.from_batches([batch]))
                yield pa.RecordBatch.from_arrays([pa.array([pack(report)], pa.binary())], ["report"])

    return run


def _publish(job: Job, rows: pa.Table) -> pa.Table:
    store = store_of(job.refined.bucket, job.connection)
    rows = rows.append_column("trade_date", rows["day"].cast(pa.int32()).cast(pa.date32()))
    refined = rows.select(REFINED.names).cast(REFINED)
    ticker, day, published = (rows[c].to_pylist() for c in ("ticker", "day", "published"))
    settled = np.flatnonzero(pc.and_(pc.is_null(rows["error"]), pc.invert(rows["unsettled"])).to_numpy())

    async def publish(row: int) -> tuple[str, bool]:
        return await _publish_one(
            store, job.refined.key(ticker[row], day[row]), refined_bytes(refined, row), published[row]
        )

    done = asyncio.run(in_flight(publish(row) for row in settled))
    etag: list[str | None] = [None] * len(rows)
    written = np.zeros(len(rows), bool)
    for row, outcome in zip(settled, done, strict=True):
        etag[row], written[row] = outcome
    tags = np.array([tag_of(e) if e is not None else 0 for e in etag], np.int64)
    window = [rows[c].to_numpy() for c in ("tag", *(f"tag_{steps}" for steps in range(1, MOVING_AVERAGE_DATES)))]
    own = [rows[c] for c in ("ticker", "day", "tag", "error", "unsettled", "registered")]
    return pa.table([*own, pa.array(etag, pa.string()), written, digest(window, tags)], schema=REPORT)


def refine(spark: SparkSession, job: Job, reads: pa.Table) -> pa.Table:
    """Read, transform and publish one wave (READS); the outcome of every target and unreadable object (REPORT)."""
    slots = max(spark.sparkContext.defaultParallelism, 1)
    spark.conf.set("spark.sql.shuffle.partitions", str(_tasks(len(reads), slots)))
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # it would join small shuffles into one slow task
    size = -(-len(reads) // _tasks(len(reads), slots))
    blobs = [(pack(reads.slice(start, size)),) for start in range(0, len(reads), size)]
    plans = spark.createDataFrame(spark.sparkContext.parallelize(blobs, len(blobs)), "reads binary")
    bars = plans.mapInArrow(read_task(job), BARS_ROW).repartition("ticker")
    days = with_moving_columns(daily(bars))
    wanted = days.where("target or error is not null")
    targets = int(pc.sum(reads["target"].cast(pa.int64())).as_py())
    spread = wanted.repartition(_tasks(targets, slots), "ticker", "day")
    try:
        reports = spread.mapInArrow(publish_task(job), "report binary").collect()
    except Exception as error:
        raise _spark_error(error) from error
    return pa.concat_tables([REPORT.empty_table(), *(unpack(bytes(row[0])) for row in reports)])


def _tasks(objects: int, slots: int) -> int:
    """Enough tasks for all slots, few enough that each has work, and none too large for its memory."""
    return max(-(-objects // OBJECTS_PER_TASK), min(slots, -(-objects // REQUESTS_IN_FLIGHT)), 1)


def _spark_error(error: Exception) -> Exception:
    """The RefineError that an executor raised, out of Spark's long account of it; any other error as it is."""
    said = re.search(r"RefineError: (.+)", str(error))
    return RefineError(said[1].strip()) if said else error


# ---------------------------------------------------------------------------------------------------------------------
# The ledger
# ---------------------------------------------------------------------------------------------------------------------


def read_ledger(job: Job, years: Iterable[int]) -> pa.Table:
    """The ledger of these years (LEDGER)."""
    with ThreadPoolExecutor(8) as threads:
        return pa.concat_tables([LEDGER.empty_table(), *threads.map(lambda year: _read_shard(job, year), years)])


def _read_shard(job: Job, year: int) -> pa.Table:
    data = get_or_none(job.state, f"ledger/year={year}.parquet", job.connection)
    if data is None:
        return LEDGER.empty_table()
    try:
        return pq.ParquetFile(io.BytesIO(data)).read(use_threads=False).select(LEDGER.names).cast(LEDGER)
    except (pa.ArrowException, OSError, ValueError, KeyError):
        log.warning("the ledger of %d cannot be read: what it told is found out again", year)
        return LEDGER.empty_table()


def write_ledger(job: Job, facts: pa.Table, forgotten: pa.Table) -> None:
    """Enter facts (LEDGER) and strike out partitions (ticker, day), in the years that they are of."""
    by_year = {int(y) for table in (facts, forgotten) for y in np.unique(_years(table))}
    for year in sorted(by_year):
        shard = _read_shard(job, year)
        new, gone = facts.filter(_years(facts) == year), forgotten.filter(_years(forgotten) == year)
        names = pc.unique(pa.chunked_array([c for t in (shard, new, gone) for c in t["ticker"].chunks], pa.string()))
        replaced = np.concatenate([_keys(new, names), _keys(gone, names)])
        kept = shard.filter(_find(replaced, _keys(shard, names)) < 0)
        merged = pa.concat_tables([kept, new]).sort_by([("ticker", "ascending"), ("day", "ascending")])
        sink = pa.BufferOutputStream()
        pq.write_table(merged, sink, compression="ZSTD")
        put(job.state, f"ledger/year={year}.parquet", sink.getvalue().to_pybytes(), job.connection)


def _years(partitions: pa.Table) -> np.ndarray:
    return pc.year(partitions["day"].cast(pa.date32())).to_numpy()


# ---------------------------------------------------------------------------------------------------------------------
# The catalog
# ---------------------------------------------------------------------------------------------------------------------


def check_table(job: Job) -> None:
    """Raises RefineError unless the refined table exists."""
    client = boto3.client("glue", region_name=job.connection.region, endpoint_url=job.connection.glue_endpoint)
    try:
        client.get_table(DatabaseName=job.database, Name=job.table)
    except botocore.exceptions.ClientError as error:
        name = f"{job.database}.{job.table}"
        if error.response["Error"]["Code"] == "EntityNotFoundException":
            raise RefineError(f"The table {name} does not exist: deploy the stack first.") from error
        raise RefineError(f"The table {name} cannot be looked up: {cause_of(error)}") from error


HIVE = {
    pa.date32(): "date",
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.string(): "string",
}


def register(job: Job, partitions: pa.Table) -> None:
    """Add partitions (ticker, day) to the table; those that are there stay as they are."""
    columns = {field.name: HIVE[field.type] for field in REFINED}
    rows = list(zip(partitions["ticker"].to_pylist(), partitions["day"].to_pylist(), strict=True))
    for start in range(0, len(rows), PARTITIONS_PER_CALL):
        values = {
            f"{job.refined.uri}/dt={iso(day)}/ticker={ticker}/": [iso(day), ticker]
            for ticker, day in rows[start : start + PARTITIONS_PER_CALL]
        }
        wr.catalog.add_parquet_partitions(
            database=job.database, table=job.table, partitions_values=values, columns_types=columns
        )


def unregister(job: Job, partitions: pa.Table) -> None:
    """Take partitions (ticker, day) out of the table."""
    rows = zip(partitions["ticker"].to_pylist(), partitions["day"].to_pylist(), strict=True)
    wr.catalog.delete_partitions(
        database=job.database, table=job.table, partitions_values=[[iso(day), ticker] for ticker, day in rows]
    )


# ---------------------------------------------------------------------------------------------------------------------
# The run
# ---------------------------------------------------------------------------------------------------------------------


class Run:
    """Carries one run through its passes and counts what it did."""

    def __init__(self, job: Job, spark: Callable[[], SparkSession]) -> None:
        self.job = job
        self.spark = spark
        self.unreadable = REPORT.empty_table()
        self.counts = dict.fromkeys(
            ["raw_partitions", "refined_partitions", "written_objects", "registered_partitions", "deleted_partitions"],
            0,
        )
        self.passes = 0

    def carry_out(self) -> dict[str, Any]:
        """Pass after pass until nothing is stale; the summary."""
        started = time.monotonic()
        check_table(self.job)
        clean = False
        while not clean and self.passes < MAX_PASSES:
            found = self.look(full=self.job.full and not self.passes)
            self.passes += 1
            clean = found.empty
            if not clean:
                self.mend(found)
        return self.counts | {
            "mode": "full" if self.job.full else "incremental",
            "unreadable_objects": len(self.unreadable),
            "passes": self.passes,
            "seconds": round(time.monotonic() - started, 2),
        }

    def look(self, *, full: bool) -> Plan:
        """List both tables, and plan."""
        with ThreadPoolExecutor(2) as threads:
            listings = threads.map(
                lambda place: list_partitions(place, self.job.connection), (self.job.raw, self.job.refined)
            )
            raw, refined = listings
        self.counts["raw_partitions"] = len(raw)
        ledger = read_ledger(self.job, np.unique(_years(refined)).tolist())
        tried = self.unreadable.select(["ticker", "day", "tag"])
        found = plan(raw, refined, ledger, scope=self.job.scope, full=full, unreadable=tried)
        log.info(
            "pass %d: %d raw and %d refined partitions, %d objects to read, %d orphans",
            self.passes + 1,
            len(raw),
            len(refined),
            len(found.reads),
            len(found.orphans),
        )
        return found

    def mend(self, found: Plan) -> None:
        """Recompute what is stale, then take away the orphans."""
        for wave in waves(found.reads):
            self.publish(refine(self.spark(), self.job, wave))
        if len(found.orphans):
            # Struck out first: a ledger never tells of a partition that may be unregistered.
            write_ledger(self.job, LEDGER.empty_table(), found.orphans)
            unregister(self.job, found.orphans)
            rows = zip(found.orphans["ticker"].to_pylist(), found.orphans["day"].to_pylist(), strict=True)
            keys = [self.job.refined.key(ticker, day) for ticker, day in rows]
            obstore.delete(store_of(self.job.refined.bucket, self.job.connection), keys)
            self.counts["deleted_partitions"] += len(keys)

    def publish(self, report: pa.Table) -> None:
        """Register what a wave wrote, and only then enter it in the ledger."""
        bad = report.filter(pc.is_valid(report["error"]))
        for ticker, day, error in zip(*(bad[c].to_pylist() for c in ("ticker", "day", "error")), strict=True):
            log.error("%s cannot be read: %s", f"s3://{self.job.raw.bucket}/{self.job.raw.key(ticker, day)}", error)
        self.unreadable = pa.concat_tables([self.unreadable, bad])
        done = report.filter(pc.is_valid(report["etag"]))
        new = done.filter(pc.invert(done["registered"]))
        register(self.job, new)
        write_ledger(self.job, done.select(LEDGER.names), LEDGER.empty_table())
        self.counts["refined_partitions"] += len(done)
        self.counts["written_objects"] += int(pc.sum(done["written"].cast(pa.int64())).as_py() or 0)
        self.counts["registered_partitions"] += len(new)


def spark_session() -> SparkSession:
    return SparkSession.builder.appName("b3-refine").getOrCreate()


def main(arguments: Sequence[str]) -> None:
    """Run the job; the last line on standard output is its summary. Exits with a message when something is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        job = parse_arguments(arguments, os.environ)
        if job.connection.glue_endpoint:
            wr.config.glue_endpoint_url = job.connection.glue_endpoint
        summary = Run(job, spark_session).carry_out()
    except RefineError as error:
        raise SystemExit(f"The refine job failed: {error}") from error
    print(json.dumps(summary), flush=True)  # noqa: T201
    if summary["unreadable_objects"]:
        raise SystemExit(f"{summary['unreadable_objects']} raw objects cannot be read; everything else is refined.")


if __name__ == "__main__":
    main(sys.argv[1:])
