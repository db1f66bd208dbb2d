"""Runs that are killed, runs that overlap, raw that changes under them: the next run ends in the right lake."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from moto.s3.models import S3Backend
from pyspark.sql import SparkSession

from b3lake.refine import history, run
from b3lake.refine.config import Connection, Place
from tests.refine.conftest import CREDENTIALS, ROOT, SPARK
from tests.refine.small_lake import SmallLake, bar, day

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """Nothing in the job catches it."""


def kill_at(patch: pytest.MonkeyPatch, name: str, *, after: bool = False) -> None:
    """The job dies when it first calls one of its functions, before or after that had its effect."""
    place = history.History if name == "write" else run
    real = getattr(place, name)

    def deadly(*arguments: Any, **named: Any) -> Any:
        if after:
            real(*arguments, **named)
        raise Killed

    patch.setattr(place, name, deadly)


def when_first(patch: pytest.MonkeyPatch, name: str, act: Callable[[], None], *, after: bool = False) -> None:
    """Something happens to the lake right before, or right after, the first call of one of the job's functions."""
    real, calls = getattr(run, name), [0]

    def watched(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == 1 and not after:
            act()
        result = real(*arguments, **named)
        if calls[0] == 1 and after:
            act()
        return result

    patch.setattr(run, name, watched)


@pytest.fixture
def changed(lake: SmallLake, spark: SparkSession) -> SmallLake:
    """A refined lake in which raw has since gained, lost and changed partitions."""
    lake.fill(["PETR4", "VALE3"], range(7, 15))
    lake.run(spark)
    lake.put("PETR4", day(9), bar(day(9), 90.0))
    lake.put("VALE3", day(15), bar(day(15), 70.0))
    lake.remove("VALE3", day(10))
    return lake


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("register", False),  # objects written, not registered
        ("write_ledger", False),  # registered, not in the ledger
        ("unregister", False),  # the orphan struck out of the ledger
        ("delete", False),  # the orphan unregistered
        ("delete", True),  # the orphan deleted
        ("write", True),  # the history object written, not noted
    ],
)
def test_killed_at_any_step_the_next_run_heals(
    changed: SmallLake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    with monkeypatch.context() as patch:
        kill_at(patch, name, after=after)
        with pytest.raises(Killed):
            changed.run(spark)
    # What was computed from PETR4's day 9 must not stay when that goes before it is ever entered.
    changed.remove("PETR4", day(9))
    changed.run(spark)
    changed.check()


def test_raw_overwritten_after_it_was_read_is_seen_though_the_run_is_killed(
    changed: SmallLake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refined objects are newer than raw then, and wrong: times alone would not tell."""
    with monkeypatch.context() as patch:
        when_first(patch, "register", lambda: changed.put("PETR4", day(9), bar(day(9), 33.0)))
        kill_at(patch, "write_ledger", after=True)
        with pytest.raises(Killed):
            changed.run(spark)
    changed.run(spark)
    changed.check()


def test_raw_that_changes_during_a_run_is_seen_by_its_second_listing(
    changed: SmallLake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change() -> None:
        changed.put("PETR4", day(11), bar(day(11), 44.0))
        changed.remove("PETR4", day(12))

    with monkeypatch.context() as patch:
        when_first(patch, "register", change)
        assert changed.run(spark)["passes"] == 3
    changed.check()


def test_raw_removed_between_listing_and_reading_puts_off_what_depends_on_it(
    changed: SmallLake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PETR4's new day was never refined, so no orphan could tell that its successors were computed with it."""
    changed.put("PETR4", day(6), bar(day(6), 60.0))
    with monkeypatch.context() as patch:
        when_first(patch, "refine", lambda: changed.remove("PETR4", day(6)))
        summary = changed.run(spark)
    assert summary["unreadable_objects"] == 0
    changed.check()


def test_two_runs_at_once_do_no_harm(changed: SmallLake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_run() -> None:
        changed.put("PETR4", day(9), bar(day(9), 55.0))
        changed.put("VALE3", day(10), bar(day(10), 56.0))  # an orphan no more
        with monkeypatch.context() as inner:
            inner.setattr(run, "register", real)
            changed.run(spark)

    real = run.register
    with monkeypatch.context() as patch:
        when_first(patch, "register", other_run)
        changed.run(spark)
    changed.check()


def test_a_history_object_that_another_run_wrote_over_is_made_again(
    changed: SmallLake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = {key: changed.s3.get_object(Bucket=changed.bucket, Key=key) for key in changed.objects("history/b3/")}
    older = {key: answer["Body"].read() for key, answer in older.items()}

    def put_and_lose(place: Place, name: str, data: bytes, connection: Connection) -> str:
        etag = put(place, name, data, connection)
        if place.prefix == "history/b3":
            changed.put_bytes(f"{place.prefix}/{name}", older[f"{place.prefix}/{name}"])
        return etag

    put = history.put
    with monkeypatch.context() as patch:
        patch.setattr(history, "put", put_and_lose)
        changed.run(spark)
    assert changed.run(spark)["history_years"] >= 1
    changed.check()


@pytest.mark.parametrize("victim", ["driver", "executor"])
def test_killed_by_the_system_the_next_run_heals(
    lake: SmallLake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    """The server itself kills when the fortieth object comes in: some are written then, and never all."""
    lake.fill([f"T{n}" for n in range(8)], range(40))
    environment = os.environ | CREDENTIALS | SPARK | {"AWS_ENDPOINT_URL": lake.endpoint}
    job = subprocess.Popen(
        [sys.executable, ROOT / "glue" / "refine_job.py", *lake.arguments()],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    puts, real = itertools.count(1), S3Backend.put_object

    def put_object(self: S3Backend, bucket: str, key: str, *arguments: Any, **named: Any) -> Any:
        if key.startswith("refined/") and next(puts) == 40:
            if victim == "driver":
                os.killpg(job.pid, signal.SIGKILL)
            for pid in workers_of(job.pid):
                os.kill(pid, signal.SIGKILL)
        return real(self, bucket, key, *arguments, **named)

    try:
        with monkeypatch.context() as patch:
            patch.setattr(S3Backend, "put_object", put_object)
            assert job.wait(timeout=240) != 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
    assert 0 < len(lake.objects("refined/")) < 320
    lake.run(spark)
    lake.check()


def workers_of(pid: int) -> list[int]:
    """The Python workers below a process."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], check=True, capture_output=True, text=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    below = {pid}
    for _ in range(5):
        below |= {int(child) for child, parent, _ in rows if int(parent) in below}
    return [int(child) for child, _, arguments in rows if int(child) in below and "pyspark.daemon" in arguments]
