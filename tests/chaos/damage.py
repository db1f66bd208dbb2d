"""Damage to the stored lake: objects deleted, corrupted or added, partitions forgotten by the catalog."""

import datetime as dt
import enum
import io
import random
import re
import threading
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from b3lake.lake.keys import (
    HISTORY_PREFIX,
    NOTES_NAME,
    RAW_PREFIX,
    REFINED_PREFIX,
    STATE_PREFIX,
    UNREADABLE_NAME,
    parse_partition_key,
    partition_key,
)
from b3lake.lake.names import HISTORY_TABLE, RAW_TABLE, REFINED_TABLE
from devlake.emulator import Emulator
from tests.chaos.faults import Damage, Fault, JobFault, Kind

STRAY_TICKER = "ZZZZ3"
SLIP = re.compile(r"//|/\.{1,2}/|[\x00-\x1f]")
STATE = f"{STATE_PREFIX}/{REFINED_PREFIX}/"
RAW = f"{RAW_PREFIX}/"


class Harm(enum.Enum):
    """Done to an object."""

    DELETED = enum.auto()
    CORRUPTED = enum.auto()
    REWRITTEN = enum.auto()
    """Other prices in it, as if another ingestion had been there; the next one takes them back."""


@dataclass(frozen=True)
class ObjectsHarmed:
    """Objects under `prefix`, and the harm that is done to some of them, or to `every` one."""

    prefix: str
    harm: Harm
    every: bool = False


OBJECTS: dict[Kind, ObjectsHarmed] = {
    Damage.REFINED_DELETED: ObjectsHarmed(f"{REFINED_PREFIX}/", Harm.DELETED),
    Damage.REFINED_CORRUPTED: ObjectsHarmed(f"{REFINED_PREFIX}/", Harm.CORRUPTED),
    Damage.HISTORY_DELETED: ObjectsHarmed(f"{HISTORY_PREFIX}/", Harm.DELETED),
    Damage.HISTORY_CORRUPTED: ObjectsHarmed(f"{HISTORY_PREFIX}/", Harm.CORRUPTED),
    Damage.LEDGER_DELETED: ObjectsHarmed(f"{STATE}ledger/", Harm.DELETED),
    Damage.LEDGER_CORRUPTED: ObjectsHarmed(f"{STATE}ledger/", Harm.CORRUPTED),
    Damage.NOTES_CORRUPTED: ObjectsHarmed(f"{STATE}{NOTES_NAME}", Harm.CORRUPTED),
    Damage.UNREADABLE_LIST_CORRUPTED: ObjectsHarmed(f"{STATE}{UNREADABLE_NAME}", Harm.CORRUPTED),
    Damage.RAW_CORRUPTED: ObjectsHarmed(RAW, Harm.CORRUPTED),
    Damage.RAW_PREFIX_REMOVED: ObjectsHarmed(RAW, Harm.DELETED, every=True),
    Damage.REFINED_PREFIX_REMOVED: ObjectsHarmed(f"{REFINED_PREFIX}/", Harm.DELETED, every=True),
    Damage.HISTORY_PREFIX_REMOVED: ObjectsHarmed(f"{HISTORY_PREFIX}/", Harm.DELETED, every=True),
    Damage.STATE_PREFIX_REMOVED: ObjectsHarmed(STATE, Harm.DELETED, every=True),
    JobFault.REFINED_DELETED: ObjectsHarmed(f"{REFINED_PREFIX}/", Harm.DELETED),
    JobFault.HISTORY_DELETED: ObjectsHarmed(f"{HISTORY_PREFIX}/", Harm.DELETED),
    JobFault.RAW_REWRITTEN: ObjectsHarmed(RAW, Harm.REWRITTEN),
    JobFault.RAW_DELETED: ObjectsHarmed(RAW, Harm.DELETED),
    JobFault.RAW_CORRUPTED: ObjectsHarmed(RAW, Harm.CORRUPTED),
}
FORGOTTEN: dict[Kind, str] = {
    Damage.RAW_PARTITIONS_FORGOTTEN: RAW_TABLE,
    Damage.REFINED_PARTITIONS_FORGOTTEN: REFINED_TABLE,
    Damage.HISTORY_PARTITIONS_FORGOTTEN: HISTORY_TABLE,
}
"""The table whose partitions the catalog forgets."""


class LakeDamage:
    """Damages one lake, and remembers what the lake must tell of it: `corrupt` is raw key to ETag."""

    def __init__(self, aws: Emulator, bucket: str, database: str) -> None:
        self._s3, self._glue = aws.client("s3"), aws.client("glue")
        self._bucket, self._database = bucket, database
        self.corrupt: dict[str, str] = {}
        self.strays: list[str] = []
        self.forgot = False
        # A program's requests set off damage side by side: what one corrupts must not be lost by one that looks on.
        self._lock = threading.RLock()

    def do(self, fault: Fault) -> bool:
        """Do the damage; returns whether there was anything to do it to."""
        with self._lock:
            return self._do(fault)

    def _do(self, fault: Fault) -> bool:
        rng = random.Random(fault.seed)
        if fault.kind in FORGOTTEN:
            return self._forget(FORGOTTEN[fault.kind], rng)
        if fault.kind is Damage.RAW_ADDED:
            return self._add_stray(rng)
        if fault.kind is Damage.STRAY_KEY:
            return self._add_slip(rng)
        if fault.kind is Damage.RAW_TICKER_REMOVED:
            return self._remove_ticker(rng)
        harmed = OBJECTS[fault.kind]
        keys = self.keys(harmed.prefix)
        chosen = keys if harmed.every else rng.sample(keys, min(len(keys), fault.count))
        for key in chosen:
            self._harm(key, harmed.harm, rng)
        return bool(chosen)

    def take_strays_away(self) -> None:
        """Take away what does not belong in the lake, as an operator would.

        A run knows a partition by its raw or its refined object: of one that has lost both only the catalog tells, and
        a run in full mode takes it out.
        """
        for key in self.strays:
            self._delete(key)
        self.strays.clear()
        there = set(self.keys(f"{REFINED_PREFIX}/"))
        pages = self._glue.get_paginator("get_partitions").paginate(
            DatabaseName=self._database, TableName=REFINED_TABLE
        )
        values = [part["Values"] for page in pages for part in page["Partitions"] if part["Values"][1] == STRAY_TICKER]
        self.forgot = self.forgot or any(
            partition_key(REFINED_PREFIX, day, ticker) not in there for day, ticker in values
        )

    def still_corrupt(self) -> set[str]:
        """The raw objects that were corrupted and are as they were left."""
        with self._lock:
            etags = {item["Key"]: item["ETag"] for item in self._listed(RAW)}
            self.corrupt = {key: etag for key, etag in self.corrupt.items() if etags.get(key) == etag}
            return set(self.corrupt)

    def keys(self, prefix: str) -> list[str]:
        """The keys of the lake under `prefix`, without those that a slip made."""
        return sorted(item["Key"] for item in self._listed(prefix) if not SLIP.search(item["Key"]))

    def _listed(self, prefix: str) -> list[dict[str, Any]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [item for page in pages for item in page.get("Contents", [])]

    def _get(self, key: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _put(self, key: str, body: bytes) -> str:
        return str(self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)["ETag"])

    def _delete(self, key: str) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    def _harm(self, key: str, harm: Harm, rng: random.Random) -> None:
        match harm:
            case Harm.DELETED:
                self._delete(key)
            case Harm.CORRUPTED:
                etag = self._put(key, _corrupted(self._get(key), rng))
                if key.startswith(RAW):
                    self.corrupt[key] = etag
            case Harm.REWRITTEN:
                if key not in self.still_corrupt():
                    self._put(key, _with_other_closes(self._get(key), rng))

    def _add_stray(self, rng: random.Random) -> bool:
        keys = [key for key in self.keys(RAW) if key not in self.still_corrupt()]
        if not keys:
            return False
        source = rng.choice(keys)
        folder, _, name = source.rpartition("/")
        key = f"{folder.rpartition('ticker=')[0]}ticker={STRAY_TICKER}/{name}"
        self._put(key, self._get(source))
        self.strays.append(key)
        return True

    def _add_slip(self, rng: random.Random) -> bool:
        """A copy of an object under a key that no program here would choose."""
        keys = self.keys(RAW)
        if not keys:
            return False
        source = rng.choice(keys)
        prefix = rng.choice((RAW, f"{REFINED_PREFIX}/", f"{HISTORY_PREFIX}/", STATE))
        key = prefix + source.removeprefix(RAW).replace("/", rng.choice(("//", "/./", "/../", "/\x01/")), 1)
        self._put(key, self._get(source))
        self.strays.append(key)
        return True

    def _remove_ticker(self, rng: random.Random) -> bool:
        keys = self.keys(RAW)
        chosen = rng.choice(keys).partition("/ticker=")[2].partition("/")[0] if keys else ""
        for key in keys:
            if f"/ticker={chosen}/" in key:
                self._delete(key)
        return bool(keys)

    def _forget(self, table: str, rng: random.Random) -> bool:
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=self._database, TableName=table)
        values = sorted(partition["Values"] for page in pages for partition in page["Partitions"])
        chosen = rng.sample(values, -(-len(values) // 3))
        if chosen:
            self._glue.batch_delete_partition(
                DatabaseName=self._database,
                TableName=table,
                PartitionsToDelete=[{"Values": value} for value in chosen[:25]],
            )
            # The next ingestion registers bronze partitions anew; the others wait for a run in full mode.
            self.forgot = self.forgot or table != RAW_TABLE
        return bool(chosen)


def newest_days(keys: list[str]) -> dict[str, dt.date]:
    """The newest day of each ticker among raw objects' keys, strays left out."""
    newest: dict[str, dt.date] = {}
    for key in keys:
        day, ticker = parse_partition_key(RAW_PREFIX, key) or (dt.date.min, STRAY_TICKER)
        if ticker != STRAY_TICKER:
            newest[ticker] = max(day, newest.get(ticker, day))
    return newest


def _with_other_closes(body: bytes, rng: random.Random) -> bytes:
    table = pq.read_table(io.BytesIO(body))
    close = pa.array([value.as_py() * (1 + rng.random()) for value in table["close"]])
    return _parquet(table.set_column(table.schema.get_field_index("close"), "close", close))


def _corrupted(body: bytes, rng: random.Random) -> bytes:
    """Nothing, half of it, noise, or a table of other columns."""
    return rng.choice((b"", body[: len(body) // 2], rng.randbytes(len(body)), _parquet(pa.table({"answer": [42]}))))


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
