"""Damage to what a lake has stored: objects deleted, corrupted or added, partitions forgotten by the catalog."""

import io
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from devlake.emulator import Emulator
from tests.chaos.plan import Fault

STRAY_TICKER = "ZZZZ3"
STATE = "state/refined/b3/"
_PLACES = {
    "refined object": "refined/b3/",
    "compact object": "compact/b3/",
    "ledger": f"{STATE}ledger/",
    "notes": f"{STATE}notes.json",
    "list of unreadable objects": f"{STATE}unreadable.json",
    "raw object": "raw/b3/",
}
_TABLES = {"raw": "b3_daily_quotes", "refined": "b3_daily_quotes_refined", "compact": "b3_daily_quotes_compact"}


class Damage:
    """Does damage to one lake, and remembers what the lake must tell of it: `corrupt` is raw key to ETag."""

    def __init__(self, aws: Emulator, bucket: str, database: str) -> None:
        self._s3, self._glue = aws.client("s3"), aws.client("glue")
        self._bucket, self._database = bucket, database
        self.corrupt: dict[str, str] = {}
        self.strays: list[str] = []
        self.forgot = False

    def do(self, fault: Fault) -> bool:
        """Do what `fault` says; returns whether there was anything to do it to."""
        dice = random.Random(fault.dice)
        if fault.kind.startswith("catalog forgets"):
            return self._forget(_TABLES[fault.kind.split()[2]], dice)
        if fault.kind == "raw object of no session added":
            return self._stray(dice)
        place = next(name for name in _PLACES if fault.kind.startswith(name))
        keys = self.keys(_PLACES[place])
        chosen = dice.sample(keys, min(len(keys), fault.count))
        deeds: dict[str, Callable[[str, random.Random], None]] = {
            "deleted": self._delete, "corrupted": self._corrupt, "rewritten": self._rewrite
        }  # fmt: skip
        deed = next(deed for word, deed in deeds.items() if word in fault.kind)
        for key in chosen:
            deed(key, dice)
        return bool(chosen)

    def take_strays_away(self) -> None:
        for key in self.strays:
            self._s3.delete_object(Bucket=self._bucket, Key=key)
        self.strays.clear()

    def still_corrupt(self) -> set[str]:
        """The raw objects that were corrupted and are as they were left."""
        etags = {item["Key"]: item["ETag"] for item in self._listed("raw/b3/")}
        self.corrupt = {key: etag for key, etag in self.corrupt.items() if etags.get(key) == etag}
        return set(self.corrupt)

    def keys(self, prefix: str) -> list[str]:
        return sorted(item["Key"] for item in self._listed(prefix))

    def _listed(self, prefix: str) -> list[dict[str, Any]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [item for page in pages for item in page.get("Contents", [])]

    def _get(self, key: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _put(self, key: str, body: bytes) -> str:
        return str(self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)["ETag"])

    def _delete(self, key: str, _dice: random.Random) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    def _corrupt(self, key: str, dice: random.Random) -> None:
        spoil = dice.choice(("empty", "half", "noise", "other columns"))
        etag = self._put(key, _spoilt(self._get(key), spoil, dice))
        if key.startswith("raw/"):
            self.corrupt[key] = etag

    def _rewrite(self, key: str, dice: random.Random) -> None:
        """Other prices under a raw key, as if another ingestion had been there; the next one takes them back."""
        if key in self.still_corrupt():
            return
        table = pq.read_table(io.BytesIO(self._get(key)))
        close = pa.array([value.as_py() * (1 + dice.random()) for value in table["close"]])
        sink = io.BytesIO()
        pq.write_table(table.set_column(table.schema.get_field_index("close"), "close", close), sink)
        self._put(key, sink.getvalue())

    def _stray(self, dice: random.Random) -> bool:
        keys = [key for key in self.keys("raw/b3/") if key not in self.still_corrupt()]
        if not keys:
            return False
        source = dice.choice(keys)
        day = source.split("/")[2]
        key = f"raw/b3/{day}/ticker={STRAY_TICKER}/data.parquet"
        self._put(key, self._get(source))
        self.strays.append(key)
        return True

    def _forget(self, table: str, dice: random.Random) -> bool:
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=self._database, TableName=table)
        values = sorted(partition["Values"] for page in pages for partition in page["Partitions"])
        chosen = dice.sample(values, -(-len(values) // 3))
        if chosen:
            self._glue.batch_delete_partition(
                DatabaseName=self._database,
                TableName=table,
                PartitionsToDelete=[{"Values": value} for value in chosen[:25]],
            )
            # The next ingestion registers bronze partitions anew; the others wait for a run in full mode.
            self.forgot = self.forgot or table != _TABLES["raw"]
        return bool(chosen)


def _spoilt(body: bytes, spoil: str, dice: random.Random) -> bytes:
    if spoil == "other columns":
        sink = io.BytesIO()
        pq.write_table(pa.table({"answer": [42]}), sink)
        return sink.getvalue()
    if spoil == "noise":
        return dice.randbytes(len(body))
    return body[: len(body) // 2] if spoil == "half" else b""
