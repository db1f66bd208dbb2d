"""Damage is remembered, whatever looks on meanwhile."""

import io
import threading
from collections.abc import Callable, Iterator
from hashlib import md5
from typing import Any, Self

from tests.chaos.damage import STRAY_TICKER, LakeDamage
from tests.chaos.faults import Damage, Fault

KEY = "raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet"


class OneObject:
    """S3 with one object; `in_listing` is called once a listing has been taken, and before it is told."""

    def __init__(self) -> None:
        self.body = b"as it was written"
        self.in_listing: Callable[[], None] = lambda: None

    def client(self, _service: str) -> Self:
        return self

    def get_paginator(self, _operation: str) -> Self:
        return self

    def paginate(self, **_where: str) -> Iterator[dict[str, Any]]:
        listed = {"Key": KEY, "ETag": self._etag()}
        self.in_listing()
        yield {"Contents": [listed]}

    def get_object(self, **_where: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.body)}

    def put_object(self, *, Body: bytes, **_where: str) -> dict[str, str]:  # noqa: N803
        self.body = Body
        return {"ETag": self._etag()}

    def _etag(self) -> str:
        return md5(self.body, usedforsecurity=False).hexdigest()


class Catalog(OneObject):
    """Beside the object, which is a refined one of a stray's, the partitions that the catalog tells of."""

    def __init__(self, *partitions: tuple[str, str]) -> None:
        super().__init__()
        self.partitions = list(partitions)

    def paginate(self, **where: str) -> Iterator[dict[str, Any]]:
        yield (
            {"Partitions": [{"Values": list(values)} for values in self.partitions]}
            if "TableName" in where
            else {"Contents": [{"Key": f"refined/b3/dt=2024-01-02/ticker={STRAY_TICKER}/data.parquet"}]}
        )


def test_a_strays_partition_without_its_refined_object_needs_a_run_in_full_mode() -> None:
    """One that has its refined object is for any run to take away, and so is one that is no stray's."""
    kept = [("2024-01-02", STRAY_TICKER), ("2024-01-03", "PETR4")]
    for partitions, forgot in ((kept, False), ([*kept, ("2024-01-03", STRAY_TICKER)], True)):
        damage = LakeDamage(Catalog(*partitions), "bucket", "database")  # type: ignore[arg-type]
        damage.take_strays_away()
        assert damage.forgot is forgot


def test_an_object_corrupted_while_another_damage_looks_on_is_not_forgotten() -> None:
    s3 = OneObject()
    damage = LakeDamage(s3, "bucket", "database")  # type: ignore[arg-type]
    corrupting = threading.Thread(target=damage.do, args=[Fault(Damage.RAW_CORRUPTED, after=0, count=1, seed=1)])

    def corrupt_meanwhile() -> None:
        s3.in_listing = lambda: None
        corrupting.start()
        corrupting.join(0.5)

    s3.in_listing = corrupt_meanwhile
    assert damage.still_corrupt() == set()
    corrupting.join()
    assert damage.still_corrupt() == {KEY}
