"""Refines bronze quotes into one row per ticker and trade date: the AWS Glue job, as one file.

Never edit this file: `make bundle` writes it, and a test compares. It is made of these modules, one after the other, of
each what the job uses, as it stands there; edit those:

    b3lake/lake/errors.py
    b3lake/lake/tickers.py
    b3lake/lake/keys.py
    b3lake/lake/words.py
    b3lake/lake/names.py
    b3lake/lake/removal.py
    b3lake/refine/errors.py
    b3lake/refine/partitions.py
    b3lake/lake/schemas.py
    b3lake/refine/fingerprint.py
    b3lake/refine/rule.py
    b3lake/refine/config.py
    b3lake/refine/arguments.py
    b3lake/lake/figures.py
    b3lake/refine/log.py
    b3lake/refine/figures.py
    b3lake/lake/aws_errors.py
    b3lake/refine/catalog.py
    b3lake/lake/listing.py
    b3lake/lake/credentials.py
    b3lake/refine/objects.py
    b3lake/refine/listing.py
    b3lake/refine/gone.py
    b3lake/lake/adjust.py
    b3lake/refine/spark.py
    b3lake/refine/history.py
    b3lake/refine/plan.py
    b3lake/refine/ledger.py
    b3lake/refine/notes.py
    b3lake/refine/publish.py
    b3lake/refine/unreadable.py
    b3lake/refine/bars.py
    b3lake/refine/read.py
    b3lake/refine/transform.py
    b3lake/refine/wave.py
    b3lake/refine/run.py
    b3lake/refine/job.py

docs/refine.md says what the job computes and promises.
"""

import argparse
import asyncio
import datetime as dt
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
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cache, partial
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import awswrangler as wr
import boto3
import numpy as np
import numpy.typing as npt
import obstore
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from awswrangler.exceptions import ServiceApiError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError, InvalidPathError, NotFoundError, PermissionDeniedError
from obstore.store import S3Store
from pyspark.sql import Column, DataFrame, SparkSession, Window, functions as F


# =====================================================================================================================
# b3lake/lake/errors.py
# The root of every error that ends a command with one sentence for a person.
# =====================================================================================================================

_PASSWORD = re.compile(r"://[^/@\s]+@")


def without_passwords(text: str) -> str:
    """`text` with the name and password of every address in it masked."""
    return _PASSWORD.sub("://…@", text)


class B3LakeError(Exception):
    """Something cannot be done; the text is one sentence that says why and what to do next."""

    exit_code = 1

    def __str__(self) -> str:
        return without_passwords(super().__str__())


class AwsError(B3LakeError):
    """The bucket or the catalog refuses: credentials, permissions, or a lake that is not there."""


class RefusedObjectError(AwsError):
    """S3 has an object and does not give it out; the text says why."""


# =====================================================================================================================
# b3lake/lake/tickers.py
# How a ticker is written: by people, in the lake, and by Yahoo.
# =====================================================================================================================

INDEX_TICKER = "IBOV"
INDEX_SYMBOL = "^BVSP"
YAHOO_SUFFIX = ".SA"

_CODE = re.compile(r"(?=[0-9]*[A-Z])(?=[A-Z]*[0-9])[A-Z0-9]{2,12}")
_CODE_WITH_BLANKS = re.compile(r"[A-Z]+(?: +[A-Z]+)* +[0-9]{1,2}[A-Z]?")
"""A code as B3's files had it until 1998: three letters, of which the last may be blank, a blank, a digit."""
_INDEX_NAMES = frozenset({INDEX_SYMBOL, "BVSP", INDEX_TICKER})


def is_code(text: str) -> bool:
    """Whether `text` is a code as the lake has it: up to 12 capital letters and digits, at least one of each.

    So are all of B3's files, once their blanks are dropped; and no such text can leave its place in a key.
    """
    return bool(_CODE.fullmatch(text))


def is_ticker(text: str) -> bool:
    """Whether `text` is a ticker as the lake spells it: a code, or the index."""
    return text == INDEX_TICKER or is_code(text)


def normalise(text: str) -> str:
    """The lake's name of a ticker: `petr4.sa` is `PETR4`, `^BVSP` is `IBOV`, `BB  4` is `BB4`.

    Raises ValueError when `text` cannot be a B3 code.
    """
    code = text.strip(" ")
    code = (code.upper() if code.isascii() else code).removesuffix(YAHOO_SUFFIX)
    if code in _INDEX_NAMES:
        return INDEX_TICKER
    if _CODE_WITH_BLANKS.fullmatch(code):
        code = code.replace(" ", "")
    if not is_code(code):
        raise ValueError(f"{text.strip()!r} is not a B3 ticker: write it like PETR4, BPAC11 or ^BVSP")
    return code


# =====================================================================================================================
# b3lake/lake/keys.py
# The keys of the lake's objects.
#
#     >>> partition_key("raw/b3", "2024-01-02", "PETR4")
#     'raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet'
#
# Each object is one partition, written whole under a fixed key: a write replaces it,
# and a repeated one changes nothing.
# =====================================================================================================================

FIRST_DAY = dt.date(1994, 7, 4)
"""Where the lake begins: the first session in reais. Older quotes are in five other currencies."""

OBJECT_NAME = "data.parquet"
STATE_PREFIX = "state"
"""The prefix of what the refine job keeps for itself, outside every table's location."""

NOTES_NAME, UNREADABLE_NAME = "notes.json", "unreadable.json"
"""The job's own objects, beside the folder `ledger` with an object a year."""

PARTITION = re.compile(r"dt=(\d{4}-\d{2}-\d{2})/ticker=([^/\x00-\x1f\x7f]+)/data\.parquet", re.ASCII)
"""The part after the prefix in the key of a day's object: the day and the ticker."""
YEAR_PARTITION = re.compile(r"year=(\d{4})/data\.parquet", re.ASCII)
"""The part after the prefix in the key of a year's object."""
LEDGER_SHARD = re.compile(r"year=(\d{4})\.parquet", re.ASCII)
"""The name of a year's object of the ledger."""


def partition_folder(prefix: str, day: dt.date | str, ticker: str) -> str:
    """The folder of a day's object of one ticker, with a slash at its end; `prefix` may be a URI."""
    return f"{prefix}/dt={day}/ticker={ticker}/"


def partition_key(prefix: str, day: dt.date | str, ticker: str) -> str:
    """The key of the object that holds a day of one ticker."""
    return f"{partition_folder(prefix, day, ticker)}{OBJECT_NAME}"


def year_folder(prefix: str, year: int) -> str:
    """The folder of a year's object, with a slash at its end; `prefix` may be a URI."""
    return f"{prefix}/year={year}/"


def year_key(prefix: str, year: int) -> str:
    """The key of the object that holds a year of all tickers."""
    return f"{year_folder(prefix, year)}{OBJECT_NAME}"


def parse_partition_key(prefix: str, key: str) -> tuple[dt.date, str] | None:
    """The day and the ticker of a key under `prefix`; None when it is no day's object."""
    match = PARTITION.fullmatch(key, len(prefix) + 1) if key.startswith(f"{prefix}/") else None
    if not match:
        return None
    try:
        return dt.date.fromisoformat(match[1]), match[2]
    except ValueError:
        return None


def may_hold(day: dt.date, ticker: str) -> bool:
    """Whether the lake has partitions of that day and ticker: an object of others is a stray, whoever reads it."""
    return day >= FIRST_DAY and is_ticker(ticker)


# =====================================================================================================================
# b3lake/lake/words.py
# Counts in sentences, and words of strangers.
#
# >>> counted(1, "bar"), counted(0, "bar"), counted(25_200, "bar")
# ('1 bar', '0 bars', '25,200 bars')
# >>> sized(35_960), sized(2_100_000)
# ('36.0 kB', '2.1 MB')
# >>> printable("raw/b3/\x1b[2J")
# 'raw/b3/\\x1b[2J'
# =====================================================================================================================

_DEBUG = re.compile(r"\n\nDebug source")
"""From here on an error's text is the object library's debugging output."""
_CODE_OF_XML, _MESSAGE_OF_XML = re.compile(r"<Code>([^<]+)</Code>"), re.compile(r"<Message>([^<]+)</Message>")


def counted(count: int, noun: str) -> str:
    """So many of `noun`, a word whose plural takes an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def printable(text: str) -> str:
    """`text` for a terminal or a log: what is no visible character is written as Python escapes it."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def first_line(error: BaseException) -> str:
    """The first line of an error's text without a colon at its end, or the error's name where it has no text.

    Of S3's XML it is the code and the message.
    """
    text = _DEBUG.split(str(error))[0].strip()
    if code := _CODE_OF_XML.search(text):
        message = _MESSAGE_OF_XML.search(text)
        text = f"{code[1]}: {message[1]}" if message else code[1]
    line = next((line.strip() for line in text.splitlines() if line.strip(" :.\t")), "")
    return printable(line.rstrip(" :")) or type(error).__name__


# =====================================================================================================================
# b3lake/lake/names.py
# The names of tables and AWS resources, made from the environment and the account.
#
# >>> Names("dev").raw_bucket("123456789012")
# 'tech-challenge2-dev-raw-123456789012'
# >>> Names("dev").refine_job
# 'tech_challenge2_dev_refine_job'
# =====================================================================================================================

METRIC_NAMESPACE = "B3Lake"
"""Where the host and the refine job put their figures in CloudWatch, with the dimension Environment."""
HISTORY_TABLE = "b3_daily_history"


# =====================================================================================================================
# b3lake/lake/removal.py
# How much may leave a lake at once without somebody saying so.
#
# >>> removed_unasked(25_000)
# 1250
# =====================================================================================================================

REMOVED_UNASKED = 100
"""So many are removed without being told, however small the lake is."""
MAX_REMOVED_SHARE = 0.05
"""So large a share of what is there."""


def removed_unasked(total: int, share: float = MAX_REMOVED_SHARE) -> int:
    """How many of `total` partitions may go without being told; `share` is from 0 to 1."""
    return max(REMOVED_UNASKED, round(share * total))


# =====================================================================================================================
# b3lake/refine/errors.py
# The error that ends a run of the refine job.
# =====================================================================================================================

class RefineError(B3LakeError):
    """The run cannot go on; the message says what is wrong, where, and what to do."""


def last_words(error: BaseException) -> str:
    """Why Spark gave up, in one line: what Python raised in an executor, or what its last task failed of, or all it
    says."""
    text = str(error)
    _, traced, trace = text.rpartition("Traceback (most recent call last):\n")
    if traced:
        return next((line for line in trace.splitlines() if line[:1].strip()), first_line(error))
    *_, failure = text.partition("\n\tat ")[0].partition("most recent failure: ")[2].partition("): ")
    return failure or first_line(error)


# =====================================================================================================================
# b3lake/refine/partitions.py
# Tables of partitions (a ticker and a day, counted from 1970): what a listing gives, and how two of them are matched.
#
# Everything here is columnar, for a lake has a million of them.
# =====================================================================================================================

LISTING = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("tag", pa.int64()), ("etag", pa.string())])
"""A listing: one row per partition. `tag` stands for the object's ETag in 64 bits."""

BY_TICKER_AND_DAY = [("ticker", "ascending"), ("day", "ascending")]
EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """The days from 1970 to `day`."""
    return (day - EPOCH).days


def iso(day: int) -> str:
    """The ISO date of a day since 1970."""
    return (EPOCH + timedelta(days=day)).isoformat()


def pairs(partitions: pa.Table) -> Iterator[tuple[str, int]]:
    """Ticker and day of each partition."""
    return zip(partitions["ticker"].to_pylist(), partitions["day"].to_pylist(), strict=True)


def names_in(*tables: pa.Table) -> pa.Array:
    """The tickers in these tables, in order."""
    names = pc.unique(pa.chunked_array([chunk for table in tables for chunk in table["ticker"].chunks], pa.string()))
    return names.take(pc.array_sort_indices(names))


def keys_of(partitions: pa.Table, names: pa.Array) -> np.ndarray:
    """One int64 per partition, which sorts by ticker and then by day; negative for tickers not in `names`."""
    code = pc.fill_null(pc.index_in(partitions["ticker"], names), -1).to_numpy().astype(np.int64)
    keys: np.ndarray = (code << 32) + partitions["day"].to_numpy()
    return keys


def find(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The position in `keys` of each wanted key, -1 where it is not there."""
    if not len(keys):
        return np.full(len(wanted), -1)
    order = np.argsort(keys)
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    return np.where(keys[order[at]] == wanted, order[at], -1)


def take(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The values at these positions, 0 at -1."""
    return np.where(at < 0, 0, values[at]) if len(values) else np.zeros(len(at), np.int64)


def is_in(partitions: pa.Table, others: pa.Table) -> np.ndarray:
    """Whether each partition is among the others."""
    names = names_in(partitions, others)
    return find(keys_of(others, names), keys_of(partitions, names)) >= 0


def years_of(*tables: pa.Table) -> list[int]:
    """The years that these partitions are of."""
    return sorted({year for table in tables for year in pc.unique(_year(table)).to_pylist()})


def of_year(partitions: pa.Table, year: int) -> pa.Table:
    return partitions.filter(pc.equal(_year(partitions), year))


def _year(partitions: pa.Table) -> pa.ChunkedArray:
    return pc.year(partitions["day"].cast(pa.date32()))


# =====================================================================================================================
# b3lake/lake/schemas.py
# The columns of every table, stated once.
#
# `ts` is written without a zone, in microseconds, and holds UTC. Athena, Hive, DuckDB and Spark then all see the same
# plain `timestamp`; with a zone, DuckDB would see `timestamptz` and would shift it to the reader's zone.
# Bronze and silver hold facts: prices (BRL per share) and volumes (shares) are as traded, whatever split came later;
# dividends are BRL per share held before, gross, on the first day without the right; `stock_splits` is shares after per
# share before (0: none). Null is not known.
# =====================================================================================================================

RAW_SCHEMA = pa.schema(
    [
        ("ts", pa.timestamp("us")),
        ("open", pa.float64()),
        ("high", pa.float64()),
        ("low", pa.float64()),
        ("close", pa.float64()),
        ("volume", pa.int64()),
        ("turnover", pa.float64()),
        ("trades", pa.int32()),
        ("dividends", pa.float64()),
        ("stock_splits", pa.float64()),
        ("isin", pa.string()),
        ("source", pa.string()),
    ]
)
"""Bronze: one row per bar, sorted by `ts`."""

MOVING_AVERAGE_DATES = 5
"""Trade dates that the moving average of the close takes in; its column has the number in its name: `close_ma_5`."""

REFINED_SCHEMA = pa.schema(
    [
        ("trade_date", pa.date32()),
        ("open_price", pa.float64()),
        ("high_price", pa.float64()),
        ("low_price", pa.float64()),
        ("close_price", pa.float64()),
        ("total_volume", pa.int64()),
        ("bar_count", pa.int32()),
        (f"close_ma_{MOVING_AVERAGE_DATES}", pa.float64()),
        ("close_delta", pa.float64()),
        ("turnover", pa.float64()),
        ("trades", pa.int32()),
        ("dividends", pa.float64()),
        ("stock_splits", pa.float64()),
    ]
)
"""Silver: one row per ticker and trade date."""


ADJUSTED_SCHEMA = pa.schema(
    [
        ("split_factor", pa.float64()),
        ("adj_factor", pa.float64()),
        ("adj_close_price", pa.float64()),
        ("daily_return", pa.float64()),
    ]
)
"""The columns that are derived from the facts of a ticker's later rows: see adjust.py."""


def history_schema(refined: pa.Schema) -> pa.Schema:
    """Gold: the refined rows of a year with the adjusted columns, sorted by ticker and date."""
    return pa.schema([("ticker", pa.string()), *refined, *ADJUSTED_SCHEMA])
YEAR_PARTITION_TYPES = {"year": "int"}
"""As PARTITION_TYPES, for tables of one object a year."""

_GLUE_TYPES = {
    pa.timestamp("us"): "timestamp",
    pa.date32(): "date",
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.string(): "string",
    pa.bool_(): "boolean",
    pa.binary(): "binary",
}


def glue_types(schema: pa.Schema) -> dict[str, str]:
    """Column to Glue type, in the order of `schema`."""
    return {field.name: _GLUE_TYPES[field.type] for field in schema}


# =====================================================================================================================
# b3lake/refine/fingerprint.py
# Fingerprints in 64 bits: of one object, and of all that a refined object was computed from.
# =====================================================================================================================

def plain_etag(etag: str | None) -> str:
    """An ETag without its quotes, which some answers have and others have not."""
    return (etag or "").strip('"')


def tag_of(text: str) -> int:
    """64 bits that stand for an ETag, or for another text; never 0, which stands for no object."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True) or 1


def digest(rule: int, window: Sequence[np.ndarray], refined: np.ndarray) -> np.ndarray:
    """Tell in 64 bits what refined objects were computed from: the rule's tag, the tags of the raw objects (each one's
    own and those of the trade dates before it, 0 for none), and the refined object's own. All are int64, of one length.
    """
    mixed = np.full(len(refined), rule, np.int64).view(np.uint64)
    for tags in (*window, refined):
        mixed ^= tags.astype(np.int64).view(np.uint64)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed.view(np.int64)


# =====================================================================================================================
# b3lake/refine/rule.py
# The rule by which bars become refined rows, as a value: what a run computes, and what tells that it has changed.
# =====================================================================================================================

EXPRESSIONS = 2
"""Raised by who changes an expression of transform.py so that the same bars give other values in the same columns.
Other columns and another moving average are seen without it."""


@dataclass(frozen=True)
class Rule:
    """The refined columns, and how many trade dates the moving average takes in."""

    schema: pa.Schema = REFINED_SCHEMA
    dates: int = MOVING_AVERAGE_DATES

    @property
    def tag(self) -> int:
        """64 bits that stand for the rule: part of what every refined object was computed from."""
        return tag_of(f"{EXPRESSIONS} {self.dates} {glue_types(self.schema)}")

    @property
    def rows(self) -> pa.Schema:
        """Refined rows as they are handed about: with their partition and their object's tag."""
        return pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("tag", pa.int64()), *self.schema])

    @property
    def history(self) -> pa.Schema:
        """A row of the history."""
        return history_schema(self.schema)


CURRENT_RULE = Rule()


# =====================================================================================================================
# b3lake/refine/config.py
# One run's configuration: which lake, which part of it, and where AWS answers.
# =====================================================================================================================

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
        return [partition_key(self.prefix, iso(day), ticker) for ticker, day in pairs(partitions)]

    def locations(self, partitions: pa.Table) -> dict[str, list[str]]:
        """Location to values, as the catalog has them, of partitions (ticker, day)."""
        named = [(iso(day), ticker) for ticker, day in pairs(partitions)]
        return {partition_folder(self.uri, day, ticker): [day, ticker] for day, ticker in named}


def state_of(refined: Place) -> Place:
    """Where the job keeps its own objects for the table at `refined`."""
    return Place(refined.bucket, f"{STATE_PREFIX}/{refined.prefix}")


@dataclass(frozen=True)
class Scope:
    """Which refined partitions a run may touch; both days are days since 1970 and included, None is no bound."""

    start: int | None = None
    end: int | None = None
    tickers: frozenset[str] | None = None

    def covers(self, partitions: pa.Table) -> np.ndarray:
        """Whether each partition is in this scope."""
        day = partitions["day"].to_numpy()
        inside = np.ones(len(day), bool)
        if self.start is not None:
            inside &= day >= self.start
        if self.end is not None:
            inside &= day <= self.end
        if self.tickers is not None:
            inside &= pc.is_in(partitions["ticker"], pa.array(sorted(self.tickers), pa.string())).to_numpy()
        return inside


EVERYTHING = Scope()


@dataclass(frozen=True)
class Connection:
    """Where S3 and Glue answer: endpoints are None for AWS itself."""

    region: str
    s3_endpoint: str | None
    glue_endpoint: str | None


@dataclass(frozen=True)
class Job:
    """One run's configuration; `lake_env` is the environment that its figures are put to CloudWatch for, if any.

    Of all refined partitions it removes no larger share than `max_removed_share`.
    """

    raw: Place
    refined: Place
    database: str
    table: str
    history: Place | None
    history_table: str
    full: bool
    scope: Scope
    connection: Connection
    rule: Rule = CURRENT_RULE
    lake_env: str | None = None
    max_removed_share: float = MAX_REMOVED_SHARE

    @property
    def state(self) -> Place:
        """Where the job keeps its own objects, outside every table's location."""
        return state_of(self.refined)

    @property
    def ledger(self) -> Place:
        return Place(self.refined.bucket, f"{self.state.prefix}/ledger")


# =====================================================================================================================
# b3lake/refine/arguments.py
# The command line of the refine job, as Glue gives it.
# =====================================================================================================================

NO_HISTORY = "off"


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise RefineError(f"{message[0].upper()}{message[1:]}. See --help.")


def _place_or_off(text: str) -> Place | None:
    return None if text == NO_HISTORY else Place.parse(text)


def _trade_date(text: str) -> int:
    try:
        return day_number(date.fromisoformat(text))
    except ValueError as error:
        raise RefineError(f"{text!r} is not a date of the form YYYY-MM-DD.") from error


def _tickers(text: str) -> frozenset[str]:
    try:
        names = frozenset(normalise(ticker) for ticker in text.split(",") if ticker.strip())
    except ValueError as error:
        raise RefineError(f"--tickers: {error}.") from error
    if not names:
        raise RefineError("--tickers names none: give some, like PETR4,VALE3, or leave it out.")
    return names


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise RefineError(f"--max_removed_share {text} is no share: give a number from 0 to 1.")
    return share


def _parser() -> argparse.ArgumentParser:
    parser = _Arguments(
        prog="refine_job.py",
        description="Refine the bronze quotes into one row per ticker and trade date.",
        allow_abbrev=False,
    )
    parser.add_argument("--raw_uri", required=True, type=Place.parse, help="s3://bucket/prefix of the bronze objects")
    parser.add_argument("--refined_uri", required=True, type=Place.parse, help="s3://bucket/prefix of the refined ones")
    parser.add_argument("--database", required=True, help="Glue database")
    parser.add_argument("--table", required=True, help="Glue table of the refined objects")
    parser.add_argument("--history_uri", type=_place_or_off, help="s3://bucket/prefix of the history, or off")
    parser.add_argument("--history_table", default=HISTORY_TABLE, help="Glue table of the history")
    parser.add_argument("--refine_mode", choices=["incremental", "full"], default="incremental")
    parser.add_argument("--start_date", type=_trade_date, help="refine from this trade date on (YYYY-MM-DD)")
    parser.add_argument("--end_date", type=_trade_date, help="refine to this trade date, included (YYYY-MM-DD)")
    parser.add_argument("--tickers", type=_tickers, help="refine these only: PETR4,VALE3")
    parser.add_argument(
        "--max_removed_share",
        type=_share,
        default=MAX_REMOVED_SHARE,
        help=f"remove no larger share of the refined rows than this (0 to 1, default {MAX_REMOVED_SHARE})",
    )
    parser.add_argument("--region", help="AWS region of the lake (default: AWS_REGION or AWS_DEFAULT_REGION)")
    parser.add_argument("--lake_env", help="put the run's figures to CloudWatch, for this environment")
    return parser


def _check_places(raw: Place, refined: Place, history: Place | None) -> None:
    """Raise RefineError when what is written would lie in what is read, or in something else that is written."""
    places = {"--raw_uri": raw, "--refined_uri": refined} | ({"--history_uri": history} if history else {})
    places["the job's own notes"] = state_of(refined)
    for (name, place), (other_name, other) in combinations(places.items(), 2):
        if f"{place.uri}/".startswith(f"{other.uri}/") or f"{other.uri}/".startswith(f"{place.uri}/"):
            raise RefineError(
                f"{name} ({place.uri}) and {other_name} ({other.uri}) are the same place, or one is in the other: each "
                "must have one of its own."
            )


def parse_arguments(arguments: Sequence[str], environment: Mapping[str, str]) -> Job:
    """The run that the command line asks for. Glue's own arguments are ignored; raises RefineError for wrong ones."""
    known, _ = _parser().parse_known_args(arguments)
    if known.start_date is not None and known.end_date is not None and known.start_date > known.end_date:
        raise RefineError(f"--start_date {iso(known.start_date)} is after --end_date {iso(known.end_date)}: swap them.")
    _check_places(known.raw_uri, known.refined_uri, known.history_uri)
    region = known.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise RefineError("The lake's region is not known: give --region, like us-east-1, or set AWS_DEFAULT_REGION.")
    endpoint = environment.get("AWS_ENDPOINT_URL")  # a variable that is there and empty says nothing
    return Job(
        raw=known.raw_uri,
        refined=known.refined_uri,
        database=known.database,
        table=known.table,
        history=known.history_uri,
        history_table=known.history_table,
        full=known.refine_mode == "full",
        scope=Scope(known.start_date, known.end_date, known.tickers),
        lake_env=known.lake_env,
        max_removed_share=known.max_removed_share,
        connection=Connection(
            region=region,
            s3_endpoint=environment.get("AWS_ENDPOINT_URL_S3") or endpoint or None,
            glue_endpoint=environment.get("AWS_ENDPOINT_URL_GLUE") or endpoint or None,
        ),
    )


# =====================================================================================================================
# b3lake/lake/figures.py
# Puts figures of the lake to CloudWatch, where alarms and the dashboard see them.
# =====================================================================================================================

# Nobody waits for long to tell how it went.
FIGURES_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


def put_figures(env: str, region: str | None, figures: Mapping[str, float]) -> str:
    """Put each figure as a metric of the environment `env`; "" or, since that fails nothing, why it could not be."""
    now, dimensions = datetime.now(timezone.utc), [{"Name": "Environment", "Value": env}]
    data = [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": now, "Value": value, "Unit": "Count"}
        for name, value in figures.items()
    ]
    try:
        client: Any = boto3.client("cloudwatch", region_name=region, config=FIGURES_CONFIG)
        client.put_metric_data(Namespace=METRIC_NAMESPACE, MetricData=data)
    except (ClientError, BotoCoreError) as error:
        return first_line(error)
    return ""


# =====================================================================================================================
# b3lake/refine/log.py
# The job's log.
# =====================================================================================================================

log = logging.getLogger("refine")


# =====================================================================================================================
# b3lake/refine/figures.py
# The figures of a run, as CloudWatch has them.
# =====================================================================================================================

METRICS = {
    "UnreadableObjects": "unreadable_objects",
    "RefinedRows": "refined_partitions",
    "RemovedRows": "deleted_partitions",
    "KeptRows": "kept_partitions",
}
"""Metric to the name in the run's summary. KeptRows: their raw objects are gone, and they were too many to remove."""
AGE_METRIC = "DaysSinceNewestRow"
"""How old the newest refined row is, in days of the calendar."""


def tell_figures(job: Job, summary: Mapping[str, Any]) -> None:
    """Put the figures of a run for the environment `job.lake_env`, if it has one. What cannot be put fails nothing."""
    if not job.lake_env:
        return
    figures = {metric: float(summary[name]) for metric, name in METRICS.items()}
    if summary["newest_row"]:
        age = datetime.now(timezone.utc).date() - date.fromisoformat(summary["newest_row"])
        figures[AGE_METRIC] = float(age.days)
    trouble = put_figures(job.lake_env, job.connection.region, figures)
    if trouble:
        log.warning("the figures of the run could not be put to CloudWatch: %s", trouble)


# =====================================================================================================================
# b3lake/lake/aws_errors.py
# Says in one sentence for a person what AWS answers: for every stage, the refine job's executors too.
#
# Errors of botocore, awswrangler and obstore are told apart by their text, so that none of these is imported here.
# =====================================================================================================================

_RENEW = "in a lab, start it again and copy its credentials; elsewhere renew yours, and run again."
_SENTENCES = {
    ("expiredtoken", "token has expired", "tokenrefreshrequired"): f"The AWS credentials have expired: {_RENEW}",
    (
        "invalidaccesskeyid",
        "unrecognizedclient",
        "invalidclienttokenid",
        "signaturedoesnotmatch",
        "invalidtoken",
        "incompletesignature",
    ): f"The AWS credentials are not accepted: {_RENEW}",
    ("requesttimetooskewed",): "The clock of this machine is wrong and AWS refuses its requests: set it and run again.",
    (
        "unable to locate credentials",
        "none from session.get_credentials",
        "nocredentials",
    ): "No AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and run again.",
    ("profilenotfound",): "{error}: `aws configure list-profiles` lists those that can.",
    ("configparseerror",): "{error}: correct that file, or name another one.",
    ("invalidregion",): "{error}: set AWS_DEFAULT_REGION to the lake's.",
    ("invalid endpoint",): "{error}: write endpoint_url in the AWS config file like http://127.0.0.1:4566.",
    ("noregion", "must specify a region"): "No AWS region was found: set AWS_DEFAULT_REGION to the lake's.",
    (
        "accessdenied",
        "permissionerror",
        "access denied",
        "not authorized",
        "403 forbidden",
        "status: 403",
    ): "AWS denies access to {place}: ask for the permissions that template.yaml and terraform/ grant.",
    (
        "nosuchbucket",
        "bucket does not exist",
        "entitynotfound",
    ): "{Place} does not exist: deploy the stack, or {remedy}.",
}
"""Marks in the lower-cased text of an error, most telling first, and what to say."""


def aws_sentence(error: BaseException, place: str, setting: str = "") -> str:
    """Say for a person what `error` means, where that is known; else an empty text.

    `place` is what was worked on, such as `bucket X`, `Glue database Y` or an object's address; `setting` names it.
    """
    flat = _flat(error)
    found = next((sentence for marks, sentence in _SENTENCES.items() if any(mark in flat for mark in marks)), "")
    remedy = f"set {setting}" if setting else "correct its name"
    said = str(error).strip().partition("\n")[0].rstrip(".")
    return found.format(place=place, Place=_at_start(place), remedy=remedy, error=said)


def as_aws_error(error: BaseException, place: str, setting: str = "") -> AwsError:
    """`error` of botocore, awswrangler or obstore, for a person; the arguments are those of `aws_sentence`."""
    name, line = type(error).__name__, first_line(error)
    said = (name if line == name else f"{name}: {line}")[:240]
    unknown = f"{_at_start(place)} could not be reached ({said}): run again when it answers."
    return AwsError(aws_sentence(error, place, setting) or unknown)


_REFUSED = re.compile(r"status code: (40[0135679]|41\d|42[0-8]) ([A-Za-z -]+)")
DENIED = "S3 denies access to it"
_OF_ONE_OBJECT = {
    "invalidobjectstate": "it is archived, and S3 gives it out only after it was restored",
    "encryption": "it is encrypted with a key that its writer kept (SSE-C)",
    "<code>accessdenied": DENIED,
}
_OF_THE_REQUEST = ("<code>slowdown", "<code>requesttimeout", "throttl", "<code>toomanyrequests")


def refusal(error: BaseException) -> str:
    """Why S3 does not give out the one object that `error` is about; "" where every request would meet the same."""
    flat = _flat(error).partition("\n\n")[0]
    refused = _REFUSED.search(str(error))
    known = next((why for mark, why in _OF_ONE_OBJECT.items() if mark in flat), "")
    if not refused or known:
        return known
    others = [mark for marks, sentence in _SENTENCES.items() if "denies" not in sentence for mark in marks]
    if any(mark in flat for mark in (*others, *_OF_THE_REQUEST)):
        return ""
    line = first_line(error) if "<code>" in flat else f"{refused[1]} {refused[2].strip()}"
    return f"S3 refuses it ({line[:160].rstrip('.')})"


def _flat(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".lower()


def _at_start(place: str) -> str:
    return place if "://" in place else place[:1].upper() + place[1:]


# =====================================================================================================================
# b3lake/refine/catalog.py
# The Glue catalog: the job's two tables and their partitions.
# =====================================================================================================================

PARTITIONS_PER_CALL = 100
CATALOG_THREADS = 8
TABLE_INPUT = (
    "Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters",
)  # fmt: skip
"""The parts of a table's definition that are given back when it is changed."""

Partitions = dict[str, list[str]]
"""Location to values."""


@contextmanager
def calling_glue(job: Job, table: str) -> Iterator[None]:
    """Turns a refusal in a `with` block into an AwsError."""
    try:
        yield
    except (ClientError, BotoCoreError, ServiceApiError) as error:
        raise as_aws_error(error, f"Glue table {job.database}.{table}") from error


def connect(connection: Connection) -> None:
    """Let boto3 and awswrangler ask where this run's catalog answers."""
    boto3.setup_default_session(region_name=connection.region)
    wr.config.glue_endpoint_url = connection.glue_endpoint


def ensure_history_table(job: Job, history: Place) -> None:
    """Create the history's table if there is none. Raises AwsError."""
    with calling_glue(job, job.history_table):
        if not wr.catalog.does_table_exist(job.database, job.history_table):
            wr.catalog.create_parquet_table(
                database=job.database,
                table=job.history_table,
                path=f"{history.uri}/",
                columns_types=glue_types(job.rule.history),
                partitions_types=YEAR_PARTITION_TYPES,
                description="The refined rows in one object per year, for scans of the whole history.",
            )


def ensure_columns(job: Job, table: str, schema: pa.Schema, place: Place) -> str:
    """Give a table these columns; a word that tells it, as it is then, from any other: one of its name that was created
    later, or had other columns. Raises AwsError, also when there is no such table, and RefineError when its objects are
    not at `place`."""
    glue = _client(job)
    with calling_glue(job, table):
        definition = glue.get_table(DatabaseName=job.database, Name=table)["Table"]
        storage = definition.get("StorageDescriptor", {})
        _check_location(f"{job.database}.{table}", storage.get("Location", ""), place)
        told = {column["Name"]: column for column in storage.get("Columns", [])}
        if [(name, column["Type"]) for name, column in told.items()] != list(glue_types(schema).items()):
            columns = [told.get(name, {}) | {"Name": name, "Type": kind} for name, kind in glue_types(schema).items()]
            definition["StorageDescriptor"] = storage | {"Columns": columns}
            changed = {name: definition[name] for name in TABLE_INPUT if name in definition}
            glue.update_table(DatabaseName=job.database, TableInput=changed)
    created = definition.get("CreateTime")  # boto3 gives it in the machine's time zone, which may be another next time
    instant = created.astimezone(timezone.utc).isoformat() if created else None
    return f"created {instant}, {' '.join(':'.join(c) for c in glue_types(schema).items())}"


def _check_location(table: str, location: str, place: Place) -> None:
    if location and Place.parse(location) != place:
        raise RefineError(
            f"The table {table} is at {location}, and this run writes to {place.uri}: give the table's address, or "
            "another table."
        )


def register(job: Job, table: str, schema: pa.Schema, partitions: Partitions) -> None:
    """Add partitions to a table; those that are there stay as they are. Raises AwsError."""
    columns = glue_types(schema)

    def add(some: Partitions, session: boto3.Session) -> None:
        wr.catalog.add_parquet_partitions(job.database, table, some, columns_types=columns, boto3_session=session)

    _in_calls(job, table, partitions, add)


def update_columns(job: Job, table: str, schema: pa.Schema, partitions: Partitions) -> None:
    """Give a table's partitions, which are there, these columns. Raises AwsError.

    Each partition has columns of its own; Athena refuses one whose column has another type than the table's.
    """
    with calling_glue(job, table):
        storage = _client(job).get_table(DatabaseName=job.database, Name=table)["Table"].get("StorageDescriptor", {})
    storage |= {"Columns": [{"Name": name, "Type": kind} for name, kind in glue_types(schema).items()]}

    def update(some: Partitions, session: boto3.Session) -> None:
        own = {location: storage | {"Location": location} for location in some}
        entries = [
            {"PartitionValueList": values, "PartitionInput": {"Values": values, "StorageDescriptor": own[location]}}
            for location, values in some.items()
        ]
        glue = _client(job, session)
        answer = glue.batch_update_partition(DatabaseName=job.database, TableName=table, Entries=entries)
        for error in answer.get("Errors", []):
            detail = error["ErrorDetail"]
            if detail["ErrorCode"] != "EntityNotFoundException":  # another run took it away meanwhile
                raise RefineError(
                    f"The partition {error['PartitionValueList']} of {job.database}.{table} does not take its columns "
                    f"({detail['ErrorCode']}, {detail['ErrorMessage']}): run again."
                )

    _in_calls(job, table, partitions, update)


def registered(job: Job, table: str) -> Partitions:
    """All partitions of a table. Raises AwsError."""
    with calling_glue(job, table):
        found: Partitions = wr.catalog.get_partitions(job.database, table)
    return found


def unregister(job: Job, table: str, values: list[list[str]]) -> None:
    """Take partitions out of a table; those that are not there stay away. Raises AwsError."""
    with calling_glue(job, table):
        wr.catalog.delete_partitions(table, job.database, values)


def _client(job: Job, session: boto3.Session | None = None) -> Any:
    make = session.client if session else boto3.client
    return make("glue", region_name=job.connection.region, endpoint_url=job.connection.glue_endpoint)


def _in_calls(job: Job, table: str, partitions: Partitions, call: Callable[[Partitions, boto3.Session], None]) -> None:
    """Call with so many partitions as one request takes, from several threads."""
    locations = list(partitions)
    starts = range(0, len(locations), PARTITIONS_PER_CALL)
    parts = [{key: partitions[key] for key in locations[start : start + PARTITIONS_PER_CALL]} for start in starts]
    own = threading.local()

    def one(part: Partitions) -> None:
        if not hasattr(own, "session"):  # boto3's sessions are not for sharing among threads
            own.session = boto3.session.Session(region_name=job.connection.region)
        with calling_glue(job, table):
            call(part, own.session)

    with ThreadPoolExecutor(min(CATALOG_THREADS, max(len(parts), 1))) as threads:
        for _ in threads.map(one, parts):
            pass


# =====================================================================================================================
# b3lake/lake/listing.py
# Lists a bucket with boto3: under its true keys, whatever S3 took as one.
#
#     >>> [listed.key for listed in list_exactly(s3, "bucket", "raw/b3/")]
#
# The object library is ten times as fast. But it stops at a key with `//`, `.`, `..` or a control character, and gives
# out `data.parquet/` as `data.parquet`, which is another object.
# =====================================================================================================================

class Listed(NamedTuple):
    """An object as a listing has it: its key, its ETag without quotes, and when it was written (aware)."""

    key: str
    etag: str
    modified: datetime


def list_exactly(
    s3: Any, bucket: str, prefix: str, after: str = "", end: str | None = None, *, setting: str = ""
) -> Iterator[Listed]:
    """The objects whose keys begin with `prefix`, in order, behind the key `after` and before the key `end`.

    `s3` is a boto3 client; `setting` names the bucket's. Raises AwsError, also for an answer that is no listing.
    """
    pages = iter(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after))
    while True:
        try:
            page = next(pages, None)
        except Exception as error:  # botocore raises many unrelated classes here
            raise as_aws_error(error, f"bucket {bucket}", setting) from error
        if page is None:
            return
        if "IsTruncated" not in page:  # every listing says so; an error or a page in its place does not
            raise AwsError(
                f"S3 gave something else than a listing of s3://{bucket}/{prefix}: run again, and ask whoever serves "
                "S3 when it happens again."
            )
        for item in page.get("Contents", []):
            if end is not None and item["Key"] >= end:
                return
            yield Listed(item["Key"], item["ETag"].strip('"'), item["LastModified"])


# =====================================================================================================================
# b3lake/lake/credentials.py
# Credentials for obstore, from boto3's chain.
# =====================================================================================================================

CREDENTIALS_TTL = timedelta(minutes=5)
"""For so long obstore keeps what boto3 gave it. Its own default of half an hour takes no account of when keys end, and
those of a role may be over sooner. boto3 renews a role's keys ten minutes before that: asking it often is enough."""


def object_credentials(session: boto3.Session | None = None) -> Boto3CredentialProvider:
    """The provider that obstore asks for credentials of `session`, by default boto3's own.

    Raises ValueError when there are none.
    """
    return Boto3CredentialProvider(session, ttl=CREDENTIALS_TTL)


# =====================================================================================================================
# b3lake/refine/objects.py
# Objects in S3, one at a time and many at once. Used by the driver and by the executors.
# =====================================================================================================================

REQUESTS_IN_FLIGHT = 64


def store_of(place: Place, connection: Connection) -> S3Store:
    """One store, and so one pool of connections, per bucket and process. Raises AwsError without credentials."""
    # The functions of a script are unpickled anew for every task; a library's module lives as long as its process.
    stores: dict[Any, S3Store] = obstore.__dict__.setdefault("_refine_stores", {})
    if (place.bucket, connection) not in stores:
        elsewhere: dict[str, Any] = {"endpoint": connection.s3_endpoint, "virtual_hosted_style_request": False}
        stores[place.bucket, connection] = S3Store(
            place.bucket,
            region=connection.region,
            credential_provider=_credentials(place),
            client_options={"allow_http": True, "timeout": "60s"},
            **(elsewhere if connection.s3_endpoint else {}),
        )
    return stores[place.bucket, connection]


def _credentials(place: Place) -> Boto3CredentialProvider:
    try:
        return object_credentials()
    except ValueError as error:
        raise as_aws_error(error, f"bucket {place.bucket}") from error


@contextmanager
def requesting(uri: str, *left: type[Exception]) -> Iterator[None]:
    """Turns a failed request in a `with` block into an AwsError, but for errors of the kinds `left`."""
    try:
        yield
    except left:
        raise
    except (BaseError, OSError) as error:
        raise as_aws_error(error, uri) from error


def get_own(place: Place, name: str, connection: Connection) -> bytes | None:
    """The bytes of an object that the job wrote; None when there is none, and none at all where S3 refuses it: it is
    then as good as damaged."""
    with requesting(f"{place.uri}/{name}"):
        try:
            return obstore.get(store_of(place, connection), f"{place.prefix}/{name}").bytes().to_bytes()
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as error:
            if refusal(error):
                return b""
            raise


def put(place: Place, name: str, data: bytes, connection: Connection) -> str:
    """Write an object in one request; its ETag."""
    with requesting(f"{place.uri}/{name}"):
        answer = obstore.put(store_of(place, connection), f"{place.prefix}/{name}", data, use_multipart=False)
    return plain_etag(answer["e_tag"])


def delete(place: Place, keys: list[str], connection: Connection) -> None:
    with requesting(place.uri):
        obstore.delete(store_of(place, connection), keys)


async def get_if_there(store: S3Store, place: Place, key: str) -> tuple[str, bytes] | None:
    """An object's ETag and bytes; None when it is gone. Raises AwsError, and RefusedObjectError where only this one is
    not given out."""
    uri = f"s3://{place.bucket}/{key}"
    try:
        answer = await obstore.get_async(store, key)
        return plain_etag(answer.meta["e_tag"]), (await answer.bytes_async()).to_bytes()
    except (NotFoundError, FileNotFoundError) as error:
        if "NoSuchBucket" in str(error):
            raise as_aws_error(error, uri) from error
        return None
    except (BaseError, OSError) as error:
        why = refusal(error)
        # Without the right to list the whole bucket, S3 answers "denied" for what is not there.
        if why and isinstance(error, PermissionDeniedError) and not await _is_listed(store, key):
            return None
        raise (RefusedObjectError(why) if why else as_aws_error(error, uri)) from error


async def _is_listed(store: S3Store, key: str) -> bool:
    try:
        listed = await obstore.list(store, key.rpartition("/")[0]).collect_async()
    except BaseError:  # for a stranger's key beside it, it may be there
        return True
    return any(item["path"] == key for item in listed)


async def _in_flight(work: Callable[[Any], Coroutine[Any, Any, Any]], items: Iterable[Any]) -> list[Any]:
    gate = asyncio.Semaphore(REQUESTS_IN_FLIGHT)

    async def one(item: Any) -> Any:
        async with gate:
            return await work(item)

    return await asyncio.gather(*(one(item) for item in items))


def in_flight(work: Callable[[Any], Coroutine[Any, Any, Any]], items: Iterable[Any]) -> list[Any]:
    """Do `work` for each item, with so many requests in flight; its results in the items' order."""
    return asyncio.run(_in_flight(work, items))


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A table as a Parquet object; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


def from_parquet(data: bytes, schema: pa.Schema) -> pa.Table | None:
    """The table in a Parquet object, its columns as `schema` has them, null where it lacks one; None where it is
    damaged."""
    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        lacking = [field for field in schema if field.name not in table.column_names]
        for field in lacking:
            table = table.append_column(field, pa.nulls(len(table), field.type))
        return table.select(schema.names).cast(schema)
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None


# =====================================================================================================================
# b3lake/refine/listing.py
# Lists what is under a prefix, in several requests at once.
#
# The object library lists ten times as fast as boto3, and stops at what it takes for no key, or drops a slash at the end
# of one. Where that shows, or where a run cannot bring the lake to what was listed, boto3 lists.
# =====================================================================================================================

LISTING_THREADS = 8
DATES_PER_LISTING = 25
KEYS_PER_PAGE = 1_000
ATTEMPTS = 6


def list_partitions(
    place: Place,
    connection: Connection,
    dates_at_once: int = DATES_PER_LISTING,
    *,
    exactly: bool = False,
    of_strays: bool = False,
) -> pa.Table:
    """List the partitions under a table's prefix (LISTING); other keys are left alone, counted, and the first is named.

    `exactly`: by boto3. `of_strays`: those too that the lake does not have, as a job made them that refined whatever
    lay there.
    """
    dates = sorted(item for item in _folders(place, connection) if "/dt=" in item)
    # A name between a date's folder and the next one's: some servers pass over a folder that is the offset itself.
    starts = [None, *(f"{folder.rstrip('/')}0" for folder in dates[dates_at_once - 1 : -1 : dates_at_once])]
    with ThreadPoolExecutor(LISTING_THREADS) as threads:
        spans = zip(starts, [*starts[1:], None], strict=True)
        parts = threads.map(
            lambda span: _list_span(place, connection, *span, exactly=exactly, of_strays=of_strays), spans
        )
        listings, foreign = zip(*parts, strict=True)
    strange = [key for keys in foreign for key in keys]
    if strange:
        log.warning(
            "%s: %s left alone, being no partition of a ticker and a day since %s: %s first",
            *(place.uri, counted(len(strange), "object"), EPOCH if of_strays else FIRST_DAY, printable(strange[0])),
        )
    return pa.concat_tables(listings)


def names_under(place: Place, connection: Connection) -> dict[str, str]:
    """Name to ETag, of all objects under a prefix that has few."""
    prefix = f"{place.prefix}/"
    return {listed.key.removeprefix(prefix): listed.etag for listed in _list_exactly(place, connection, None, None)}


def _folders(place: Place, connection: Connection) -> list[str]:
    """The folders under a prefix; none where a stranger's key is among them that obstore does not take."""
    with requesting(place.uri), suppress(InvalidPathError):
        return list(obstore.list_with_delimiter(store_of(place, connection), place.prefix)["common_prefixes"])
    return []


def _list_span(
    place: Place,
    connection: Connection,
    start: str | None,
    end: str | None,
    *,
    exactly: bool = False,
    of_strays: bool = False,
) -> tuple[pa.Table, list[str]]:
    """The partitions from one date's folder to before another's, and the other keys."""
    keys = _keys_by_boto3 if exactly else _keys_by_obstore
    again = partial(_list_span, place, connection, start, end, exactly=True, of_strays=of_strays)
    tickers: list[str] = []
    days: list[int] = []
    etags: list[str] = []
    foreign: list[str] = []
    try:
        for key, etag in keys(place, connection, start, end):
            parsed = parse_partition_key(place.prefix, key)
            if parsed is None or not (parsed[0] >= EPOCH if of_strays else may_hold(*parsed)):
                foreign.append(key)
                continue
            days.append(day_number(parsed[0]))
            tickers.append(parsed[1])
            etags.append(etag)
    except InvalidPathError:
        return again()
    if not exactly and any(one == before for one, before in pairwise(zip(tickers, days, strict=True))):
        return again()  # one of both has a slash at its end in truth
    return pa.table([tickers, days, [tag_of(etag) for etag in etags], etags], schema=LISTING), foreign


def _keys_by_obstore(
    place: Place, connection: Connection, start: str | None, end: str | None
) -> Iterator[tuple[str, str]]:
    """Key and ETag of the objects behind the key `start` and before the key `end`. Raises InvalidPathError too."""
    store = store_of(place, connection)
    pages = iter(obstore.list(store, place.prefix, offset=start, chunk_size=KEYS_PER_PAGE))
    while True:
        with requesting(place.uri, InvalidPathError):
            page = next(pages, None)
        for item in page or ():
            if end is not None and item["path"] >= end:
                return
            yield item["path"], plain_etag(item["e_tag"])
        if page is None:
            return


def _keys_by_boto3(
    place: Place, connection: Connection, start: str | None, end: str | None
) -> Iterator[tuple[str, str]]:
    """As `_keys_by_obstore`, of any key."""
    return ((listed.key, listed.etag) for listed in _list_exactly(place, connection, start, end))


def _list_exactly(place: Place, connection: Connection, start: str | None, end: str | None) -> Iterator[Listed]:
    return list_exactly(_s3_of(connection), place.bucket, f"{place.prefix}/", start or "", end)


@cache
def _s3_of(connection: Connection) -> Any:
    retries = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS})
    session = boto3.session.Session(region_name=connection.region)
    return session.client("s3", endpoint_url=connection.s3_endpoint, config=retries)


# =====================================================================================================================
# b3lake/refine/gone.py
# Looks at each object that a listing had not, before anything is removed for want of it.
#
# Whatever answers a LIST request with 200 is read as a listing, and an error or a page in its place as an empty one: a
# listing alone proves that an object is there, never that it is gone.
# =====================================================================================================================

def really_gone(place: Place, partitions: pa.Table, connection: Connection) -> pa.Table:
    """Those of `partitions` (ticker, day), which a listing had not, that have no object but a stray.

    Raises as those_there.
    """
    names = [key.removeprefix(f"{place.prefix}/") for key in place.keys(partitions)]
    parsed = [parse_partition_key(place.prefix, key) for key in place.keys(partitions)]
    may_be_there = [name for name, one in zip(names, parsed, strict=True) if one and may_hold(*one)]
    there = those_there(place, may_be_there, connection)
    return partitions.filter(pa.array([name not in there for name in names], pa.bool_()))


def those_there(place: Place, names: list[str], connection: Connection) -> set[str]:
    """Which of the objects `names`, which a listing had not, are there: put since then.

    Raises RefineError when another listing lacks one of them again, and AwsError when S3 does not say.
    """
    store = store_of(place, connection)

    async def is_there(name: str) -> bool:
        return await _is_there(store, place, f"{place.prefix}/{name}")

    there = {name for name, found in zip(names, in_flight(is_there, names), strict=True) if found}
    lacking = sorted(there - names_under(place, connection).keys()) if there else []
    if lacking:
        raise RefineError(
            f"The listing of {place.uri} lacks {len(lacking)} objects that are there, {lacking[0]} first: it was no "
            "listing, and nothing was removed. Run again, and ask whoever serves S3 when it happens again."
        )
    return there


async def _is_there(store: S3Store, place: Place, key: str) -> bool:
    with requesting(f"s3://{place.bucket}/{key}"):
        try:
            await obstore.head_async(store, key)
        except (NotFoundError, FileNotFoundError):
            return False
    return True


# =====================================================================================================================
# b3lake/lake/adjust.py
# Adjusted prices from facts: the one place where events move what was traded. Pure, columnar, Python 3.10.
#
# For a ticker's rows in order, with close c, cash d(u) per share held before the ex date u and split ratio s(u) (shares
# after per share before):
#
#     split_factor(t)    = product over u > t of 1 / s(u)
#     adj_factor(t)      = product over u > t of (1 - d(u) / c(u-1)) / s(u)
#     adj_close_price(t) = c(t) * adj_factor(t)
#     daily_return(t)    = adj_close_price(t) / adj_close_price(t-1) - 1
#
# c(u-1) is the close of the row before u. On the newest row the factors are 1. A dividend that is not smaller than that
# close, one whose close before is not known, and a ratio that is none are left out and marked; nothing is capped.
# =====================================================================================================================

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Adjusted:
    """Arrays of one length: the four columns of ADJUSTED_SCHEMA (NaN: not known) and the rows with a left-out event."""

    split_factor: Floats
    adj_factor: Floats
    adj_close_price: Floats
    daily_return: Floats
    left_out: Flags


def with_adjusted(rows: pa.Table) -> pa.Table:
    """`rows` (ticker, close_price, dividends, stock_splits and more, by ticker and date) with ADJUSTED_SCHEMA beside.

    Every row of each ticker must be there: an event moves all rows before it.
    """
    adjusted = adjust_table(rows)
    for field in ADJUSTED_SCHEMA:
        rows = rows.append_column(field, pa.array(getattr(adjusted, field.name), field.type, from_pandas=True))
    return rows


def adjust_table(rows: pa.Table) -> Adjusted:
    """As `adjust`, of a table with ticker, close_price, dividends and stock_splits, sorted by ticker and date."""
    codes = rows["ticker"].combine_chunks().dictionary_encode().indices.to_numpy()
    columns = [rows[name].to_numpy().astype(np.float64) for name in ("close_price", "dividends", "stock_splits")]
    return adjust(np.append(True, codes[1:] != codes[:-1])[: len(rows)], *columns)


def adjust(first: Flags, close: Floats, dividends: Floats, splits: Floats) -> Adjusted:
    """All tickers at once: `first` marks the first row of each. Null is NaN; a split of 0, as of 1, is none."""
    before = _row_before(first, close)
    cash_share, cash_left_out = _cash_shares(first, before, dividends)
    ratio, ratio_left_out = _ratios(splits)
    event = (1.0 - cash_share) / ratio
    with np.errstate(invalid="ignore", divide="ignore"):
        daily_return = np.where(before > 0, close / (before * event) - 1.0, np.nan)
    happens = (cash_share != 0) | (ratio != 1)
    adj_factor = _product_of_later(first, happens, event)
    return Adjusted(
        split_factor=_product_of_later(first, happens, 1.0 / ratio),
        adj_factor=adj_factor,
        adj_close_price=close * adj_factor,
        daily_return=daily_return,
        left_out=cash_left_out | ratio_left_out,
    )


def _row_before(first: Flags, close: Floats) -> Floats:
    before = np.full(len(close), np.nan)
    before[1:] = close[:-1]
    before[first] = np.nan
    return before


def _cash_shares(first: Flags, before: Floats, dividends: Floats) -> tuple[Floats, Flags]:
    """The cash as a share of the close before, 0 where there is none, and where one is left out."""
    paid = ~np.isnan(dividends) & (dividends != 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = dividends / before
        usable = paid & (dividends > 0) & (share < 1)
    # On a ticker's first row an event has nothing to move.
    return np.where(usable, share, 0.0), paid & ~usable & ~(first & np.isfinite(dividends) & (dividends > 0))


def _ratios(splits: Floats) -> tuple[Floats, Flags]:
    """The split ratios, 1 where there is none, and where one is left out."""
    split = ~np.isnan(splits) & (splits != 0)
    usable = split & np.isfinite(splits) & (splits > 0)
    return np.where(usable, splits, 1.0), split & ~usable


def _product_of_later(first: Flags, happens: Flags, event: Floats) -> Floats:
    """For each row the product of `event` over the later rows of its ticker that `happens` marks, the newest first."""
    ticker = np.cumsum(first)
    at = np.flatnonzero(happens)
    owners, factors = ticker[at].tolist(), event[at].tolist()
    owners.append(0)  # no ticker: what is after the last event
    factors.append(1.0)
    for i in range(len(at) - 1, -1, -1):  # events are few: some thousands in a million rows
        if owners[i] == owners[i + 1]:
            factors[i] *= factors[i + 1]
    following = np.cumsum(happens)
    same_ticker = np.array(owners)[following] == ticker
    product: Floats = np.where(same_ticker, np.array(factors)[following], 1.0)
    return product


# =====================================================================================================================
# b3lake/refine/spark.py
# Arrow tables through Spark: parts of a plan out to the tasks, their answers back.
# =====================================================================================================================

OBJECTS_PER_TASK = 1_000
WORTH_A_TASK = 500
"""A task's own processes take about as long to start as this many objects take."""

PART = pa.schema([("part", pa.binary())])
"""A table on its way through Spark: packed, as one value, for a row per row would be slow."""
ANSWER = pa.schema([("answer", pa.binary()), ("failure", pa.string())])
"""A task's answer: a packed table, or why it could not: raised there, it would come back within Java's trace."""

Task = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]
"""A function for Spark's `mapInArrow`."""


def spark_session() -> SparkSession:
    """Spark as it is on Glue, or as the environment says on a laptop: its master is never set here.

    Raises RefineError when it does not start.
    """
    try:
        spark = SparkSession.builder.appName("b3-refine").getOrCreate()
    except Exception as error:  # pyspark raises many unrelated classes here
        raise RefineError(
            f"Spark does not start ({last_words(error).rstrip('.')}): install Java 17, and set JAVA_HOME to it."
        ) from error
    if (spark.sparkContext.master or "").startswith("local") and "PYSPARK_PYTHON" not in os.environ:
        spark.sparkContext.pythonExec = sys.executable  # else `python3`, which may be another, without the libraries
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # it joins small shuffles into one slow task
    spark.conf.set("spark.sql.codegen.wholeStage", "false")  # compiling costs seconds, and these rows are few
    return spark


def pack(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpack(blob: bytes) -> pa.Table:
    return pa.ipc.open_stream(blob).read_all()


def unpacked(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The tables in a task's rows of PART."""
    for batch in batches:
        yield from map(unpack, batch.column(0).to_pylist())


def spark_columns(schema: pa.Schema) -> str:
    """A schema as Spark writes it, whose names of types are Glue's."""
    return ", ".join(f"{name} {kind}" for name, kind in glue_types(schema).items())


def parts_of(spark: SparkSession, partitions: pa.Table) -> DataFrame:
    """A part of the partitions for each task (PART)."""
    number = tasks(len(partitions), spark.sparkContext.defaultParallelism)
    size = -(-len(partitions) // number)
    blobs = [(pack(partitions.slice(start, size)),) for start in range(0, len(partitions), size)]
    return spark.createDataFrame(spark.sparkContext.parallelize(blobs, len(blobs)), spark_columns(PART))


def tasks(objects: int, slots: int) -> int:
    """Enough tasks for all slots, few enough that each is worth its start, and none too large for its memory."""
    return max(-(-objects // OBJECTS_PER_TASK), min(slots, objects // WORTH_A_TASK), 1)


def spread(rows: DataFrame, number: int, *columns: str) -> DataFrame:
    """The rows over so many tasks, those of one value of `columns` together; one task needs no shuffle."""
    return rows.repartition(number, *columns) if number > 1 else rows.coalesce(1)


def answering(work: Callable[[pa.Table], pa.Table]) -> Task:
    """A task that answers a table with a table (ANSWER)."""

    def answer(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                told: tuple[bytes | None, str | None]
                try:
                    told = pack(work(pa.Table.from_batches([batch]))), None
                except B3LakeError as error:
                    told = None, str(error)
                yield pa.RecordBatch.from_arrays(
                    [pa.array([v], f.type) for v, f in zip(told, ANSWER, strict=True)], schema=ANSWER
                )

    return answer


def collect(rows: DataFrame, work: Callable[[pa.Table], pa.Table], schema: pa.Schema) -> pa.Table:
    """Let `work` make tables of this schema of the rows, in executors; all of them as one. Raises RefineError for one
    that it could not make."""
    try:
        answers = rows.mapInArrow(answering(work), spark_columns(ANSWER)).collect()
    except Exception as error:  # Spark's own, and those of Python's processes, in many wrappings
        raise RefineError(f"Spark gave up ({last_words(error)}): its own words are above; run again.") from error
    failures = [answer["failure"] for answer in answers if answer["failure"] is not None]
    if failures:
        raise RefineError(failures[0])
    return pa.concat_tables([schema.empty_table(), *(unpack(bytes(answer["answer"])) for answer in answers)])


# =====================================================================================================================
# b3lake/refine/history.py
# The history: the refined rows with adjusted prices, in one object per year; the one place where adjusted prices are.
#
# An event moves every row of its ticker before it. So whenever a year's rows changed, the adjusted columns of all years
# are computed anew, from the objects that are there and the rows of this run, and the years that come out otherwise are
# written.
# =====================================================================================================================

ROW_GROUP = 20_000


@dataclass(frozen=True)
class HistoryYear:
    """A year's object as it is known: its ETag, and a seal of the rule and of the refined objects (key, tag) that it
    was made of."""

    etag: str
    seal: str


@dataclass(frozen=True)
class Refined:
    """The refined objects as a run knows them: their listings (LISTING) now and when it began, and the rows that it
    published."""

    now: pa.Table
    before: pa.Table
    held: pa.Table


class History:
    """Keeps the history at `place` what the refined objects make it; `rewritten` counts the years that differed."""

    def __init__(self, job: Job, place: Place, spark: Callable[[], SparkSession]) -> None:
        self.job = job
        self.place = place
        self.spark = spark
        self.rewritten = 0
        self._objects: dict[int, pa.Table | None] = {}

    def update(self, refined: Refined, noted: dict[int, HistoryYear], *, again: bool) -> dict[int, HistoryYear]:
        """Rewrite the years that differ; what the objects are made of.

        `again` registers also the years that do not differ: the table may not have them, or with other columns.
        """
        there = self._listed()
        if again:
            self._register(there)
            update_columns(self.job, self.job.history_table, self.job.rule.history, self._locations(there))
        years = years_of(refined.now)
        intact = {year: noted[year] for year in years if year in noted and noted[year].etag == there.get(year)}
        fresh = {year: last for year, last in intact.items() if self._is_fresh(last, of_year(refined.now, year))}
        gone = sorted(there.keys() - set(years))
        self._doubt(gone, intact.keys() - fresh.keys(), refined)
        those_there(self.place, [self._name(year) for year in noted.keys() - there.keys()], self.job.connection)
        known = fresh
        if gone or len(fresh) < len(years):
            known = self._rewrite(years, refined, intact, fresh)
        self._remove(gone)
        return known

    def _doubt(self, gone: Iterable[int], changed: Iterable[int], refined: Refined) -> None:
        """Raise RefineError when rows would leave whose refined objects are there, and a second listing lacks them."""
        for year in (*gone, *changed):
            rows = self._read(year)
            if rows is None:
                continue
            rows = rows.append_column("day", rows["trade_date"].cast(pa.int32())).select(["ticker", "day"])
            names = names_in(rows, refined.now)
            left = find(keys_of(refined.now, names), keys_of(rows, names)) < 0
            really_gone(self.job.refined, rows.filter(pa.array(left)), self.job.connection)

    def _listed(self) -> dict[int, str]:
        """Year to ETag of the objects that are there."""
        names = names_under(self.place, self.job.connection)
        matches = ((YEAR_PARTITION.fullmatch(name), etag) for name, etag in names.items())
        return {int(match[1]): etag for match, etag in matches if match}

    def _is_fresh(self, last: HistoryYear, now: pa.Table) -> bool:
        return last.seal == seal_of(now, self.job.rule)

    def _rewrite(
        self, years: list[int], refined: Refined, intact: dict[int, HistoryYear], fresh: dict[int, HistoryYear]
    ) -> dict[int, HistoryYear]:
        """Adjust all rows, and write the years that differ from their objects; what the objects are made of."""
        objects = {year: self._read(year) for year in intact}
        parts = [self._rows_of(year, refined, objects.get(year), intact.get(year)) for year in years]
        rows = with_adjusted(pa.concat_tables([self.job.rule.rows.empty_table(), *parts]).sort_by(BY_TICKER_AND_DAY))
        known = {}
        for year in years:
            its = of_year(rows, year)
            there = objects.get(year) if year in fresh else None
            same = there is not None and its.select(self.job.rule.history.names).equals(there)
            known[year] = fresh[year] if same else self.write(year, its)
        return known

    def write(self, year: int, rows: pa.Table) -> HistoryYear:
        """Write a year's object from its adjusted rows, in one go: a reader sees the old one or the new one."""
        data = parquet(rows.select(self.job.rule.history.names), compression="SNAPPY", row_group_size=ROW_GROUP)
        # The ETag is this answer's: asked for afterwards, it might be that of another run's object.
        etag = put(self.place, self._name(year), data, self.job.connection)
        self._register([year])
        self.rewritten += 1
        return HistoryYear(etag, seal_of(rows, self.job.rule))

    def _rows_of(self, year: int, refined: Refined, there: pa.Table | None, last: HistoryYear | None) -> pa.Table:
        """The rows of a year's refined objects: from this run, from the year's object, or read anew."""
        now = of_year(refined.now, year)
        rows = [of_year(refined.held, year)]
        for listed in (now, of_year(refined.before, year)):
            if there is not None and last and self._is_fresh(last, listed):
                rows.append(self._with_tags(there, listed))
        found, missing = pick(now, pa.concat_tables(rows))
        if len(missing):
            log.info("%s of %d are read for the history", counted(len(missing), "refined object"), year)
            fetched = collect(parts_of(self.spark(), missing), partial(fetch, self.job), self.job.rule.rows)
            if len(fetched) < len(missing):
                log.warning("%d of them are gone or damaged and are left out for now", len(missing) - len(fetched))
            found = pa.concat_tables([found, fetched])
        return found

    def _read(self, year: int) -> pa.Table | None:
        """A year's object, read once; None when it is damaged."""
        if year not in self._objects:
            data = get_own(self.place, self._name(year), self.job.connection)
            rows = from_parquet(data or b"", self.job.rule.history)
            known = rows is not None and not any(rows[name].null_count for name in ("ticker", "trade_date"))
            self._objects[year] = rows if known else None
        return self._objects[year]

    def _with_tags(self, rows: pa.Table, made_of: pa.Table) -> pa.Table:
        """The refined rows in a year's object, which is known to be made of these refined objects."""
        rows = rows.append_column("day", rows["trade_date"].cast(pa.int32()))
        names = names_in(rows, made_of)
        at = find(keys_of(made_of, names), keys_of(rows, names))
        return rows.append_column("tag", pa.array(take(made_of["tag"].to_numpy(), at))).select(self.job.rule.rows.names)

    def _register(self, years: Iterable[int]) -> None:
        register(self.job, self.job.history_table, self.job.rule.history, self._locations(years))

    def _locations(self, years: Iterable[int]) -> Partitions:
        return {year_folder(self.place.uri, year): [str(year)] for year in years}

    def _remove(self, years: list[int]) -> None:
        if years:
            unregister(self.job, self.job.history_table, [[str(year)] for year in years])
            delete(self.place, [year_key(self.place.prefix, year) for year in years], self.job.connection)

    def _name(self, year: int) -> str:
        return year_key(self.place.prefix, year).removeprefix(f"{self.place.prefix}/")


def seal_of(partitions: pa.Table, rule: Rule) -> str:
    """A word for the rule and just these refined objects, by ticker, day and tag."""
    ordered = partitions.select(["ticker", "day", "tag"]).sort_by(BY_TICKER_AND_DAY)
    seal = hashlib.blake2b("\n".join([str(rule.tag), *ordered["ticker"].to_pylist()]).encode(), digest_size=16)
    for column in ("day", "tag"):
        seal.update(ordered[column].to_numpy().tobytes())
    return seal.hexdigest()


def pick(wanted: pa.Table, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Of rows, those of the wanted objects (ticker, day, tag), each once; and the wanted that have no row."""
    names = names_in(wanted, rows)
    at = find(keys_of(wanted, names), keys_of(rows, names))
    fits = np.flatnonzero((at >= 0) & (take(wanted["tag"].to_numpy(), at) == rows["tag"].to_numpy()))
    served, first = np.unique(at[fits], return_index=True)
    without = np.ones(len(wanted), bool)
    without[served] = False
    return rows.take(pa.array(fits[first])), wanted.filter(pa.array(without))


def fetch(job: Job, parts: pa.Table) -> pa.Table:
    """The rows of refined objects (LISTING, packed); not those of objects that are gone or damaged."""
    store, rule = store_of(job.refined, job.connection), job.rule

    async def one(key: str) -> tuple[int, pa.Table | None]:
        try:
            found = await get_if_there(store, job.refined, key)
        except RefusedObjectError:
            return 0, None
        # Damaged, it is not written anew only because its raw object is unreadable: it is that which is reported.
        row = from_parquet(found[1], rule.schema) if found else None
        return (tag_of(found[0]), row) if found and row is not None and len(row) == 1 else (0, None)

    fetched = [rule.rows.empty_table()]
    for wanted in unpacked(parts.to_batches()):
        objects = in_flight(one, job.refined.keys(wanted))
        there = pa.array([table is not None for _, table in objects], pa.bool_())
        rows = pa.concat_tables([rule.schema.empty_table(), *(table for _, table in objects if table is not None)])
        rows = rows.append_column("ticker", wanted["ticker"].filter(there))
        rows = rows.append_column("day", wanted["day"].filter(there))
        rows = rows.append_column("tag", pa.array([tag for tag, table in objects if table is not None], pa.int64()))
        fetched.append(rows.select(rule.rows.names).cast(rule.rows))
    return pa.concat_tables(fetched)


# =====================================================================================================================
# b3lake/refine/plan.py
# Planning: what is stale, and what has to be read to compute it. Pure, columnar, a million partitions in seconds.
# =====================================================================================================================

LEDGER = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("digest", pa.int64())])
"""The ledger: the object of this partition is known to be published, and to have been computed from just what `digest`
tells. It is a fact, and stays one: a refined partition is fresh if the digest of what is listed now is the same."""

READS = pa.schema(
    [
        ("ticker", pa.string()),
        ("day", pa.int32()),
        ("target", pa.bool_()),
        ("registered", pa.bool_()),
        ("published", pa.string()),
        ("listed", pa.int64()),
    ]
)
"""The reads of a run: the stale partitions (`target`) and the trade dates before them; whether the refined partition is
registered already, and the ETag under which its object is published; the tag of the raw object as it was listed."""

PARTITIONS_PER_WAVE = 100_000
"""So many are published, registered and entered in the ledger at a time: all that a run loses that is killed."""


@dataclass(frozen=True)
class Plan:
    """The reads, with those to recompute among them (READS, by ticker and day), and the orphans: refined partitions
    without a raw one."""

    reads: pa.Table
    orphans: pa.Table

    @property
    def empty(self) -> bool:
        return not len(self.reads) and not len(self.orphans)


def plan(
    raw: pa.Table,
    refined: pa.Table,
    ledger: pa.Table,
    rule: Rule,
    *,
    scope: Scope = EVERYTHING,
    full: bool = False,
    tried: pa.Table | None = None,
) -> Plan:
    """Find what is stale, from listings (LISTING) and the ledger (LEDGER).

    A refined partition is fresh when the ledger says that this very object was computed by this very rule from these
    very raw objects: its own and those of the ticker's trade dates before it. Raw objects in `tried` (LISTING) could
    not be read and are not tried again before they change. Only partitions in `scope` are touched; with `full` all of
    those.
    """
    names = names_in(raw, refined)
    raw_keys = keys_of(raw, names)
    order = np.argsort(raw_keys)
    raw_keys = raw_keys[order]
    window = windows(raw_keys, raw["tag"].to_numpy()[order], rule.dates)

    refined_keys = keys_of(refined, names)
    at_refined = find(refined_keys, raw_keys)
    at_ledger = find(keys_of(ledger, names), raw_keys)
    expected = digest(rule.tag, window, take(refined["tag"].to_numpy(), at_refined))
    registered = (at_refined >= 0) & (at_ledger >= 0)
    fresh = registered & (expected == take(ledger["digest"].to_numpy(), at_ledger))

    target = scope.covers(raw)[order] & (np.full(len(fresh), full) | ~fresh)
    if tried is not None:
        at_tried = find(keys_of(tried, names), raw_keys)
        target &= (at_tried < 0) | (window[0] != take(tried["tag"].to_numpy(), at_tried))
    needed = _with_dates_before(raw_keys, target, rule.dates)

    sorted_raw = raw.select(["ticker", "day"]).take(order[needed])
    published = refined["etag"].take(pa.array(at_refined[needed], mask=at_refined[needed] < 0))
    listed = raw["tag"].take(order[needed])
    columns = [*sorted_raw.columns, target[needed], registered[needed] & (not full), published, listed]
    orphan = (find(raw_keys, refined_keys) < 0) & scope.covers(refined)
    return Plan(pa.table(columns, schema=READS), refined.select(["ticker", "day"]).filter(orphan))


def windows(keys: np.ndarray, tags: np.ndarray, dates: int) -> list[np.ndarray]:
    """The tags of each partition's own raw object and of those before it, 0 where there is none."""
    return [tags, *(_earlier(keys, tags, steps) for steps in range(1, dates))]


def _earlier(keys: np.ndarray, values: np.ndarray, steps: int) -> np.ndarray:
    """The value so many rows before each, in sorted keys; 0 where that row is of another ticker."""
    earlier = np.zeros(len(values), values.dtype)
    same = keys[steps:] >> 32 == keys[:-steps] >> 32
    earlier[steps:] = np.where(same, values[:-steps], 0)
    return earlier


def _with_dates_before(keys: np.ndarray, target: np.ndarray, dates: int) -> np.ndarray:
    """The targets and, of each, the rows of its ticker before it that its row is computed from."""
    backwards = keys[::-1]
    before = (_earlier(backwards, target[::-1], steps)[::-1] for steps in range(1, dates))
    needed: np.ndarray = np.logical_or.reduce([target, *before])
    return needed


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


# =====================================================================================================================
# b3lake/refine/ledger.py
# The ledger: what every refined object was computed from, in one Parquet object per year.
# =====================================================================================================================

READING_THREADS = 8


def read_ledger(job: Job) -> pa.Table:
    """The whole ledger (LEDGER)."""
    names = [name for name in names_under(job.ledger, job.connection) if LEDGER_SHARD.fullmatch(name)]
    with ThreadPoolExecutor(READING_THREADS) as threads:
        return pa.concat_tables([LEDGER.empty_table(), *threads.map(lambda name: _read_shard(job, name), names)])


def write_ledger(job: Job, facts: pa.Table, forgotten: pa.Table) -> None:
    """Enter facts (LEDGER) and strike out partitions (ticker, day), in the years that they are of."""
    there = names_under(job.ledger, job.connection)
    for year in years_of(facts, forgotten):
        name = f"year={year}.parquet"
        shard = _read_shard(job, name) if name in there else LEDGER.empty_table()
        new, gone = of_year(facts, year), of_year(forgotten, year)
        names = names_in(shard, new, gone)
        replaced = np.concatenate([keys_of(new, names), keys_of(gone, names)])
        kept = shard.filter(pa.array(find(replaced, keys_of(shard, names)) < 0))
        merged = pa.concat_tables([kept, new]).sort_by(BY_TICKER_AND_DAY)
        put(job.ledger, name, parquet(merged, compression="ZSTD"), job.connection)


def _read_shard(job: Job, name: str) -> pa.Table:
    shard = from_parquet(get_own(job.ledger, name, job.connection) or b"", LEDGER)
    if shard is None or any(column.null_count for column in shard.columns):
        log.warning("%s/%s cannot be read: what it told is found out again", job.ledger.uri, name)
        return LEDGER.empty_table()
    year = int(name.removeprefix("year=").removesuffix(".parquet"))
    if years_of(shard) not in ([], [year]):
        log.warning("%s/%s has entries of other years: those are left out", job.ledger.uri, name)
        return of_year(shard, year)
    return shard


# =====================================================================================================================
# b3lake/refine/notes.py
# The notes: what a run tells the next one beside the ledger.
# =====================================================================================================================

@dataclass(frozen=True)
class Notes:
    """The raw prefix that was refined, the tables that the partitions are registered in (as `ensure_columns` tells them
    apart), and of what each year of the history was made."""

    raw: str = ""
    tables: dict[str, str] = field(default_factory=dict)
    history: dict[int, HistoryYear] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes | None) -> "Notes":
        """Notes from JSON, empty ones from nothing and from anything else."""
        if text is None:
            return cls()
        try:
            told = json.loads(text)
            notes = cls(
                told["raw"],
                dict(told["tables"]),
                {int(year): HistoryYear(**known) for year, known in told["history"].items()},
            )
            words = [notes.raw, *notes.tables.values()]
            words += [word for known in notes.history.values() for word in (known.etag, known.seal)]
            sound = all(isinstance(word, str) for word in words)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            log.warning("the notes of the last run cannot be read: what they told is found out again")
            return cls()
        return notes

    def dump(self) -> bytes:
        history = {str(year): vars(known) for year, known in sorted(self.history.items())}
        return json.dumps({"raw": self.raw, "tables": self.tables, "history": history}).encode()

    def check_source(self, job: Job) -> None:
        """Raises RefineError if this lake was refined from another prefix: everything would be without a raw object."""
        if self.raw not in {"", job.raw.uri}:
            raise RefineError(
                f"{job.refined.uri} is made from {self.raw}, not from {job.raw.uri}: "
                "correct --raw_uri, or give another --refined_uri."
            )


# =====================================================================================================================
# b3lake/refine/publish.py
# Publishing refined objects: in executors.
# =====================================================================================================================

def report_schema(rule: Rule) -> pa.Schema:
    """The outcome for each partition: unreadable (`error`), put off because a raw object went meanwhile (neither error
    nor tag), or published (tag); whether that took a write, and what it was computed from; its row."""
    return pa.schema(
        [
            *rule.rows,
            ("raw_tag", pa.int64()),
            ("error", pa.string()),
            ("registered", pa.bool_()),
            ("written", pa.bool_()),
            ("digest", pa.int64()),
        ]
    )


def publish(job: Job, rows: pa.Table) -> pa.Table:
    """Write the objects of these rows (of `transform`), but for unreadable and unsettled ones (report_schema).

    Raises B3LakeError, also for what ended the reading.
    """
    failures = rows["failure"].drop_null()
    if len(failures):
        raise RefineError(failures[0].as_py())
    store, schema = store_of(job.refined, job.connection), report_schema(job.rule)
    refined = rows.select(job.rule.schema.names).cast(job.rule.schema)
    keys, published = job.refined.keys(rows), rows["published"].to_pylist()
    settled = np.flatnonzero(pc.and_(pc.is_null(rows["error"]), pc.invert(rows["unsettled"])).to_numpy())

    def one(row: int) -> Coroutine[Any, Any, tuple[int, bool]]:
        return _publish_one(store, job.refined, keys[row], refined_bytes(refined, row), published[row])

    tags, written = np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    for row, outcome in zip(settled, in_flight(one, settled), strict=True):
        tags[row], written[row] = outcome
    raw_tags = pc.list_flatten(rows["raw_tags"]).to_numpy().reshape(-1, job.rule.dates)
    columns = {name: rows[name] for name in schema.names if name in rows.column_names}
    columns["tag"] = pa.array(tags, mask=tags == 0)
    columns["written"] = pa.array(written)
    columns["digest"] = pa.array(digest(job.rule.tag, raw_tags.T, tags))
    return pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)


async def _publish_one(store: S3Store, place: Place, key: str, data: bytes, published: str | None) -> tuple[int, bool]:
    """The tag under which these bytes are published, and whether it took a write."""
    if published == hashlib.md5(data).hexdigest():  # noqa: S324 - what S3 makes ETags with
        return tag_of(published), False
    with requesting(f"s3://{place.bucket}/{key}"):
        answer = await obstore.put_async(store, key, data, use_multipart=False)
    return tag_of(plain_etag(answer["e_tag"])), True


def refined_bytes(rows: pa.Table, row: int) -> bytes:
    """One row as a Parquet object; the same row gives the same bytes."""
    return parquet(rows.slice(row, 1), compression="NONE", use_dictionary=False)


# =====================================================================================================================
# b3lake/refine/unreadable.py
# The list of raw objects that cannot be read, which a run leaves beside the lake.
# =====================================================================================================================

UNREADABLE = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("raw_tag", pa.int64()), ("error", pa.string())])


def parse_unreadable(text: bytes) -> pa.Table:
    """The list of an earlier run (UNREADABLE), empty where it is damaged."""
    try:
        told = pa.Table.from_pylist(json.loads(text)["entries"], schema=UNREADABLE)
        known = not any(column.null_count for column in told.columns)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, pa.ArrowException):
        known = False
    if not known:
        log.warning("%s of the last run cannot be read: it is written anew", UNREADABLE_NAME)
        return UNREADABLE.empty_table()
    return told


def still_unreadable(entries: pa.Table, raw: pa.Table) -> pa.Table:
    """Those entries (UNREADABLE) whose raw object is listed (LISTING) and unchanged, each partition once."""
    names = names_in(raw, entries)
    at = find(keys_of(raw, names), keys_of(entries, names))
    same = (at >= 0) & (take(raw["tag"].to_numpy(), at) == entries["raw_tag"].to_numpy())
    _, first = np.unique(at[same], return_index=True)
    return entries.take(pa.array(np.flatnonzero(same)[first]))


def with_earlier(job: Job, bad: pa.Table, earlier: pa.Table) -> pa.Table:
    """Also what an earlier run listed, where this one did not look (both UNREADABLE)."""
    elsewhere = pa.array(~job.scope.covers(earlier) & ~is_in(earlier, bad))
    return pa.concat_tables([bad, earlier.filter(elsewhere)])


def dump_unreadable(job: Job, bad: pa.Table) -> bytes:
    """The list as it is kept: for people, each object and its cause; for the next run, the entries."""
    bad = bad.sort_by(BY_TICKER_AND_DAY)
    keys = [f"s3://{job.raw.bucket}/{key}" for key in job.raw.keys(bad)]
    causes = [{"object": key, "cause": cause} for key, cause in zip(keys, bad["error"].to_pylist(), strict=True)]
    return json.dumps({"unreadable": causes, "entries": bad.to_pylist()}, indent=1).encode()


# =====================================================================================================================
# b3lake/refine/bars.py
# The bars in a raw object: which of its columns are read, and as what.
# =====================================================================================================================

_UNREAD = {"isin", "source"}
BARS = pa.schema([field for field in RAW_SCHEMA if field.name not in _UNREAD])
"""The bronze columns that the refined ones are made of; the rest of a raw object is not read."""


def read_bars(data: bytes) -> pa.Table:
    """The bars in a raw object, as BARS; differing types are cast where nothing is lost. Raises RefineError."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        names = file.schema_arrow.names
        table = file.read(columns=BARS.names, use_threads=False)
    except Exception as error:  # a stranger's bytes make pyarrow raise whatever there is
        raise RefineError(f"it is no Parquet file: {first_line(error)}") from error
    missing = [name for name in BARS.names if name not in names]
    if missing:
        raise RefineError(f"it has no column {', '.join(missing)}")
    repeated = [name for name in BARS.names if names.count(name) > 1]
    if repeated:
        raise RefineError(f"it has more than one column {', '.join(repeated)}")
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


# =====================================================================================================================
# b3lake/refine/read.py
# Reading raw objects: in executors.
# =====================================================================================================================

BAR_ROWS = pa.schema(
    [
        *READS,
        ("raw_tag", pa.int64()),
        ("error", pa.string()),
        ("failure", pa.string()),
        ("gone", pa.bool_()),
        ("position", pa.int32()),
        ("ts", pa.int64()),
        *(field for field in BARS if field.name != "ts"),
    ]
)
"""Bars on their way through Spark: what is read (READS); the object's tag; what is wrong with it (`error`), or what
ended the reading altogether (`failure`); whether it is gone, or for such a failure not known; the bar's place in it,
and the bar, with `ts` in microseconds since 1970. An object without bars has one row, without a bar."""


@dataclass(frozen=True)
class Found:
    """An object that was read: its tag, and its bars or what is wrong with it; neither when it is gone."""

    tag: int = 0
    bars: pa.Table | None = None
    error: str | None = None
    failure: str | None = None

    @property
    def gone(self) -> bool:
        return self.bars is None and self.error is None


def read_task(job: Job) -> Task:
    """Reads the raw objects of each row's plan (READS, packed) into BAR_ROWS."""

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for reads in unpacked(batches):
            yield from bar_rows(reads, read_objects(job, reads)).to_batches()

    return read


def read_objects(job: Job, reads: pa.Table) -> list[Found]:
    """Read these objects, all at once."""
    try:
        store = store_of(job.raw, job.connection)
        wanted = zip(job.raw.keys(reads), reads["listed"].to_pylist(), strict=True)
        found = in_flight(lambda one: _read(store, job.raw, *one), wanted)
    except B3LakeError as error:
        return [Found(failure=str(error))] * len(reads)
    if len(found) > 1 and all(one.error == DENIED for one in found):  # it is not for one object that S3 denies them
        return [Found(failure=aws_sentence(PermissionError(), job.raw.uri))] * len(reads)
    return found


async def _read(store: S3Store, place: Place, key: str, listed: int) -> Found:
    try:
        found = await get_if_there(store, place, key)
    except RefusedObjectError as error:
        return Found(listed, error=str(error))
    if found is None:
        return Found()
    etag, data = found
    try:
        return Found(tag_of(etag), read_bars(data))
    except RefineError as error:
        return Found(tag_of(etag), error=str(error))


def bar_rows(reads: pa.Table, objects: list[Found]) -> pa.Table:
    """One row per bar, with what is known of its object, and one for an object without bars (BAR_ROWS)."""
    hole = pa.table([pa.nulls(1, field.type) for field in BARS], schema=BARS)
    parts = [hole if found.bars is None else found.bars for found in objects]
    bars = pa.concat_tables([BARS.empty_table(), *parts])
    lengths = np.array([len(part) for part in parts], np.int64)
    told = reads
    for name in ("raw_tag", "error", "failure", "gone"):
        values = [getattr(found, name.removeprefix("raw_")) for found in objects]
        told = told.append_column(name, pa.array(values, BAR_ROWS.field(name).type))
    told = told.take(pa.array(np.repeat(np.arange(len(parts)), lengths)))
    columns = {name: _finite(bars[name]) for name in BARS.names}
    columns |= dict(zip(told.column_names, told.columns, strict=True))
    columns["ts"] = bars["ts"].cast(pa.int64())
    columns["position"] = np.arange(len(bars)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return pa.table([columns[name] for name in BAR_ROWS.names], schema=BAR_ROWS).combine_chunks()


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """NaN and what is infinite, which no source gives, as null: not known."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))


# =====================================================================================================================
# b3lake/refine/transform.py
# The business rule, in Spark: one row per ticker and trade date from its bars, compared with the dates before it.
#
# A refined column is one expression here and one field of REFINED_SCHEMA. A bronze column that is not read yet is added
# to BARS too.
# =====================================================================================================================

_INT = (-(2**31), 2**31 - 1)


def columns_of_the_day() -> dict[str, Column]:
    """The refined columns that a day's own bars give. Nulls are passed over: the first bar that has an open, etc."""
    return {
        "open_price": _known("open", F.min_by),
        "high_price": F.max("high"),
        "low_price": F.min("low"),
        "close_price": _known("close", F.max_by),
        "total_volume": F.expr("try_sum(volume)"),  # null where the sum has no room
        "bar_count": F.count("ts"),
        "turnover": F.sum("turnover"),
        "trades": F.sum("trades"),
        "dividends": _of_first_bar("dividends"),
        "stock_splits": _of_first_bar("stock_splits"),
    }


def _known(column: str, pick: Callable[..., Column]) -> Column:
    # `first` and `last` after a shuffle follow its order; the file's own order parts bars of one moment.
    return pick(column, F.when(F.col(column).isNotNull(), F.struct("ts", "position")))


def _of_first_bar(column: str) -> Column:
    # An event is of the day's first bar. A sum would hide that it is not known.
    return F.min_by(column, F.struct("ts", "position"))


def columns_of_the_dates_before(dates: int) -> dict[str, Column]:
    """The refined columns that compare a trade date with those before it, from the columns of the day.

    Closes before are in this day's shares: divided by the split ratios between. The close of an unreadable object is
    not known, so what it takes part in is null.
    """
    ratio = F.when(F.col("stock_splits") > 0, F.col("stock_splits")).otherwise(1.0)
    total, ratios = F.col("close_price"), ratio
    for steps in range(1, dates):  # a fixed order of addition: the same sum whatever else is in the run
        total = total + _before("close_price", steps) / ratios
        ratios = ratios * _before(ratio, steps)
    return {
        f"close_ma_{dates}": total / dates,
        "close_delta": F.col("close_price") - _before("close_price", 1) / ratio,
    }


def _before(column: str | Column, steps: int) -> Column:
    """The value so many trade dates before, as far as the ticker has them."""
    return F.lag(column, steps).over(Window.partitionBy("ticker").orderBy("day"))


def transform(bars: DataFrame, rule: Rule) -> DataFrame:
    """The refined columns of each ticker and day, from bars (BAR_ROWS), and beside them what publishing needs to know:
    the tags of the raw objects that they are of (`raw_tags`), and whether one of these is gone (`unsettled`)."""
    carried = ("target", "registered", "published", "raw_tag", "error", "failure", "gone")
    days = bars.groupBy("ticker", "day").agg(
        *(F.max(name).alias(name) for name in carried),
        *(column.alias(name) for name, column in columns_of_the_day().items()),
    )
    earlier = range(1, rule.dates)
    tags = [F.col("raw_tag"), *(F.coalesce(_before("raw_tag", steps), F.lit(0)) for steps in earlier)]
    unsettled = F.col("gone")
    for steps in earlier:
        unsettled = unsettled | F.coalesce(_before("gone", steps), F.lit(False))
    refined = {name: F.col(name) for name in days.columns} | columns_of_the_dates_before(rule.dates)
    refined["trade_date"] = F.expr("date_from_unix_date(day)")
    return days.select(
        *("ticker", "day", *carried),
        F.array(*tags).alias("raw_tags"),
        unsettled.alias("unsettled"),
        *(_that_fits(refined[name], kind).alias(name) for name, kind in glue_types(rule.schema).items()),
    )


def _that_fits(column: Column, kind: str) -> Column:
    """`column` as `kind`; null, not another number, where that has no room for it."""
    if kind == "int":
        column = F.when(column.between(*_INT), column)
    if kind == "double":
        column = F.when(F.abs(column) < float("inf"), column)
    return column.cast(kind)


# =====================================================================================================================
# b3lake/refine/wave.py
# One wave of a plan: read, transform, publish.
# =====================================================================================================================

def refine(spark: SparkSession, job: Job, reads: pa.Table) -> pa.Table:
    """Read, transform and publish one wave (READS); what became of every target and unreadable object (report_schema).

    Raises RefineError.
    """
    slots = spark.sparkContext.defaultParallelism
    bars = parts_of(spark, reads).mapInArrow(read_task(job), spark_columns(BAR_ROWS))
    days = transform(spread(bars, tasks(len(reads), slots), "ticker"), job.rule)
    targets = int(pc.sum(reads["target"].cast(pa.int64())).as_py())
    told = days.where("target or error is not null or failure is not null")
    return collect(spread(told, tasks(targets, slots), "ticker", "day"), partial(publish, job), report_schema(job.rule))


# =====================================================================================================================
# b3lake/refine/run.py
# One run: plan what is stale, carry it out, record it, and again, until nothing is stale.
# =====================================================================================================================

MAX_PASSES = 10


@dataclass
class Counts:
    """The counts of a run's summary."""

    refined_partitions: int = 0
    written_objects: int = 0
    registered_partitions: int = 0
    deleted_partitions: int = 0
    kept_partitions: int = 0
    history_years: int = 0
    unreadable_objects: int = 0
    passes: int = 0


class Run:
    """Carries one run through its passes, and counts what it did.

    `raw` and `refined` are the last listings, `before` the refined one that the run began with; `held` are the rows
    that it published.
    """

    def __init__(self, job: Job, spark: Callable[[], SparkSession]) -> None:
        self.job = job
        self.spark = spark
        self.raw = self.refined = self.before = LISTING.empty_table()
        self.held = [job.rule.rows.empty_table()]
        self.unreadable = report_schema(job.rule).empty_table()
        self.counts = Counts()

    def refine(self, *, moved: bool) -> bool:
        """Pass after pass until nothing is stale; whether it came to that. It ends with a listing in either case.

        With `moved`, the table is not the one of the last run, or had other columns: what is there is registered anew.
        """
        while True:
            found = self.plan()
            if moved and not self.counts.passes:
                self.register(self.refined)
                update_columns(self.job, self.job.table, self.job.rule.schema, self.job.refined.locations(self.refined))
            self.counts.passes += 1
            if found.empty:
                return True
            if self.counts.passes == MAX_PASSES:
                log.warning("raw keeps changing: the next run goes on")
                return False
            for wave in waves(found.reads):
                self.record(refine(self.spark(), self.job, wave))
            self.remove(found.orphans)

    def plan(self) -> Plan:
        """List raw and refined, read the ledger, and plan."""
        # What two passes could not settle may be under another key in truth.
        listing = partial(list_partitions, connection=self.job.connection, exactly=self.counts.passes >= 2)
        with ThreadPoolExecutor(2) as threads:
            raw = threads.submit(listing, self.job.raw)
            refined = threads.submit(listing, self.job.refined, of_strays=True)
            self.raw, self.refined = raw.result(), refined.result()
        first = not self.counts.passes
        if first:
            self.before = self.refined
        found = plan(
            self.raw,
            self.refined,
            read_ledger(self.job),
            self.job.rule,
            scope=self.job.scope,
            full=self.job.full and first,
            tried=self.unreadable.select(["ticker", "day", "raw_tag"]).rename_columns(["ticker", "day", "tag"]),
        )
        log.info(
            "%s and %s: %s to read, %s without a raw one",
            counted(len(self.raw), "raw partition"),
            counted(len(self.refined), "refined partition"),
            counted(len(found.reads), "object"),
            counted(len(found.orphans), "refined partition"),
        )
        return Plan(found.reads, self.removable(found.orphans))

    def removable(self, orphans: pa.Table) -> pa.Table:
        """The refined partitions (ticker, day) that may go: all, or none where they are too large a share of the lake.

        Raw objects that were removed by mistake then take no refined rows with them.
        """
        limit = removed_unasked(len(self.before), self.job.max_removed_share)
        self.counts.kept_partitions = 0
        if self.counts.deleted_partitions + len(orphans) <= limit:
            return orphans
        self.counts.kept_partitions = len(orphans)
        log.error(
            "%d of %d refined rows have no raw object any more: so many are kept. Bring the raw objects back, or, if "
            "the rows are to go, run once with --max_removed_share 1.",
            len(orphans),
            len(self.refined),
        )
        return orphans.slice(0, 0)

    def record(self, report: pa.Table) -> None:
        """Register what a wave published (report_schema), and only then enter it in the ledger."""
        bad = report.filter(pc.is_valid(report["error"]))
        self.unreadable = pa.concat_tables([self.unreadable, bad])
        done = report.filter(pc.is_valid(report["tag"]))
        kept = bad.filter(pa.array(is_in(bad, self.refined)))  # what an unreadable one's earlier contents gave
        new = pa.concat_tables([done, kept])
        self.register(new.filter(pc.invert(new["registered"])))
        write_ledger(self.job, done.select(LEDGER.names), LEDGER.empty_table())
        if self.job.history:
            self.held.append(done.select(self.job.rule.rows.names))
        self.counts.refined_partitions += len(done)
        self.counts.written_objects += pc.sum(done["written"].cast(pa.int64())).as_py() or 0
        log.info(
            "%s refined, %s written",
            counted(self.counts.refined_partitions, "partition"),
            counted(self.counts.written_objects, "object"),
        )

    def register(self, partitions: pa.Table) -> None:
        """Register refined partitions (ticker, day)."""
        register(self.job, self.job.table, self.job.rule.schema, self.job.refined.locations(partitions))
        self.counts.registered_partitions += len(partitions)

    def remove(self, orphans: pa.Table) -> None:
        """Take away the refined partitions (ticker, day) whose raw object is gone."""
        orphans = really_gone(self.job.raw, orphans, self.job.connection)
        if len(orphans):
            # Struck out first: the ledger never tells of a partition that is not registered.
            write_ledger(self.job, LEDGER.empty_table(), orphans)
            unregister(self.job, self.job.table, list(self.job.refined.locations(orphans).values()))
            delete(self.job.refined, self.job.refined.keys(orphans), self.job.connection)
            self.counts.deleted_partitions += len(orphans)
            log.info("%s left the lake, for want of a raw object", counted(len(orphans), "refined row"))

    def forget_lost(self) -> None:
        """Take out of the catalog what has no refined object: nothing else tells of one whose raw object went, too.

        Raises as those_there, and AwsError.
        """
        place = self.job.refined
        known = set(place.keys(self.refined))
        lost = {}
        for location, values in registered(self.job, self.job.table).items():
            key = f"{location.removeprefix(f's3://{place.bucket}/').rstrip('/')}/{OBJECT_NAME}"
            if key not in known and parse_partition_key(place.prefix, key):  # a place of others' is theirs
                lost[key.removeprefix(f"{place.prefix}/")] = values
        there = those_there(place, list(lost), self.job.connection)
        gone = [values for name, values in lost.items() if name not in there]
        if gone:
            unregister(self.job, self.job.table, gone)
            log.info("%s without an object left the catalog", counted(len(gone), "partition"))

    def update_history(self, place: Place, noted: dict[int, HistoryYear], *, again: bool) -> dict[int, HistoryYear]:
        """Bring the history up to what refined is now; what its objects are made of."""
        copy = History(self.job, place, self.spark)
        refined = Refined(self.refined, self.before, pa.concat_tables(self.held))
        known = copy.update(refined, noted, again=again)
        self.counts.history_years = copy.rewritten
        return known

    def report_unreadable(self, old: bytes | None) -> None:
        """Log the raw objects that cannot be read, and leave a list of them beside the lake.

        What an earlier run listed stays listed where this one did not look, as long as it is there and unchanged.
        """
        bad = still_unreadable(self.unreadable.select(UNREADABLE.names), self.raw)
        self.counts.unreadable_objects = len(bad)
        for (ticker, day), cause in zip(pairs(bad), bad["error"].to_pylist(), strict=True):
            log.error("%s of %s cannot be read: %s", ticker, iso(day), cause)
        if old is not None:
            bad = with_earlier(self.job, bad, still_unreadable(parse_unreadable(old), self.raw))
        if len(bad) or old is not None:
            put_if_changed(self.job, UNREADABLE_NAME, old, dump_unreadable(self.job, bad))


def put_if_changed(job: Job, name: str, old: bytes | None, new: bytes) -> None:
    """Write one of the job's own objects, unless it is this already."""
    if new != old:
        put(job.state, name, new, job.connection)


def run(job: Job, spark: Callable[[], SparkSession] = spark_session) -> dict[str, Any]:
    """Refine what is stale, and bring the history up to that; the summary.

    Raises B3LakeError. Spark is started only when there is something to do.
    """
    started = time.monotonic()
    connect(job.connection)
    old_notes, old_list = (get_own(job.state, name, job.connection) for name in (NOTES_NAME, UNREADABLE_NAME))
    notes = Notes.parse(old_notes)
    notes.check_source(job)
    told = ensure_columns(job, job.table, job.rule.schema, job.refined)
    tables, history, own = {job.table: told}, notes.history, Run(job, spark)
    clean = own.refine(moved=notes.tables.get(job.table) != tables[job.table])
    if job.full and clean and job.scope == EVERYTHING:
        own.forget_lost()
    if job.history:
        ensure_history_table(job, job.history)
        tables[job.history_table] = ensure_columns(job, job.history_table, job.rule.history, job.history)
        moved = notes.tables.get(job.history_table) != tables[job.history_table]
        history = own.update_history(job.history, notes.history, again=moved or job.full)
    put_if_changed(job, NOTES_NAME, old_notes, Notes(job.raw.uri, notes.tables | tables, history).dump())
    own.report_unreadable(old_list)
    seconds = round(time.monotonic() - started, 2)
    newest = iso(pc.max(own.refined["day"]).as_py()) if len(own.refined) else None
    return {
        "mode": "full" if job.full else "incremental",
        **asdict(own.counts),
        "newest_row": newest,
        "clean": clean,
        "seconds": seconds,
    }


# =====================================================================================================================
# b3lake/refine/job.py
# The refine job as a program: arguments in, one line of JSON out.
# =====================================================================================================================

def main(arguments: Sequence[str]) -> None:
    """Run the job; the last line on standard output is its summary. Exits with a message when something is wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    try:
        job = parse_arguments(arguments, os.environ)
        summary = run(job)
    except B3LakeError as error:
        raise SystemExit(f"The refine job failed. {error}") from error
    tell_figures(job, summary)
    if summary["unreadable_objects"]:
        log.error(
            "%s cannot be read, the rest is refined: fetch again, or remove, what %s/%s lists.",
            counted(summary["unreadable_objects"], "raw object"),
            job.state.uri,
            UNREADABLE_NAME,
        )
    print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
