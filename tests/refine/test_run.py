"""Whole runs on real objects: real Spark, an S3 and Glue server, every row compared with plain pandas."""

import dataclasses
import json
import logging
from typing import Any

import pyarrow as pa
import pytest
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import S3Backend
from pyspark.sql import SparkSession

from b3lake.lake.errors import AwsError
from b3lake.lake.keys import partition_key
from b3lake.lake.schemas import RAW_SCHEMA
from b3lake.refine.config import EVERYTHING, Connection, Job, Place
from b3lake.refine.errors import RefineError
from b3lake.refine.listing import list_partitions
from b3lake.refine.partitions import LISTING
from b3lake.refine.run import Run
from tests.refine.small_lake import SmallLake, bar, day, parquet_of

pytestmark = pytest.mark.slow
TICKERS = ["PETR4", "VALE3"]


def test_a_new_lake_is_refined_and_a_second_run_writes_nothing(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(14))
    first = lake.run(spark)
    counts = ("refined_partitions", "written_objects", "registered_partitions", "history_years", "unreadable_objects")
    assert [first[c] for c in counts] == [28, 28, 28, 2, 0]
    lake.check()

    before = lake.objects("")
    second = lake.run(spark)
    assert [second[c] for c in counts] == [0, 0, 0, 0, 0]
    assert second["passes"] == 1
    assert lake.objects("") == before


def test_only_what_a_change_reaches_is_recomputed(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(14))
    lake.run(spark)
    before = lake.objects("refined/")

    lake.put("PETR4", day(4), bar(day(4), 99.0))
    summary = lake.run(spark)

    reached = {f"refined/b3/dt={day(n)}/ticker=PETR4/data.parquet" for n in range(4, 9)}
    after = lake.objects("refined/")
    assert {key for key in after if after[key] != before[key]} == reached
    assert (summary["refined_partitions"], summary["registered_partitions"]) == (5, 0)
    lake.check()


def test_intraday_bars_nulls_and_bars_out_of_order(lake: SmallLake, spark: SparkSession) -> None:
    for n in range(6):
        bars = [bar(day(n), 10.0 + n + m, minute=m) for m in (45, 0, 30, 15)]
        bars[1]["open"] = None
        bars[0]["close"] = float("nan")
        lake.put("PETR4", day(n), *bars)
    lake.put("VALE3", day(0), bar(day(0), None, volume=None, turnover=None, trades=None, dividends=None))
    # Two bars of one moment: the file's order decides.
    lake.put("VALE3", day(1), bar(day(1), 5.0), bar(day(1), 7.0))
    lake.run(spark)
    lake.check()
    assert lake.refined()["VALE3", day(1)]["close_price"] == 7.0
    assert lake.refined()["VALE3", day(1)]["open_price"] == 4.0


def test_late_older_dates_deletions_and_new_tickers(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(0, 14, 2))
    lake.run(spark)
    lake.put("PETR4", day(3), bar(day(3), 50.0))
    lake.remove("VALE3", day(6))
    lake.put("ABEV3", day(5), bar(day(5), 1.0))
    summary = lake.run(spark)
    assert summary["deleted_partitions"] == 1
    lake.check()
    # A whole year goes, and its history object with it.
    for ticker, when in list(lake.bars):
        if when.year == 2023:
            lake.remove(ticker, when)
    lake.run(spark)
    lake.check()


def test_a_slip_in_raw_takes_no_refined_rows_with_it(lake: SmallLake, spark: SparkSession) -> None:
    """Too many raw objects are gone: their rows stay until somebody says that they are to go; all else goes on."""
    lake.fill(TICKERS, range(60))
    lake.run(spark)
    gone = [key for key in lake.bars if key[0] == "PETR4"] + [key for key in lake.bars if key[0] == "VALE3"][:50]
    refined = set(lake.refined())
    for ticker, when in gone:
        lake.remove(ticker, when)
    lake.put("ABEV3", day(61), bar(day(61), 7.0))
    summary = lake.run(spark)
    assert (summary["kept_partitions"], summary["deleted_partitions"], summary["clean"]) == (110, 0, True)
    assert set(lake.refined()) == refined | {("ABEV3", day(61))}

    summary = lake.run(spark, "--max_removed_share", "1")
    assert (summary["kept_partitions"], summary["deleted_partitions"]) == (0, 110)
    lake.check()


@pytest.mark.parametrize(
    ("there", "removed_before", "orphans", "share", "kept"),
    [
        (25_000, 0, 1_250, 0.05, False),
        (25_000, 0, 1_251, 0.05, True),
        (25_000, 1_000, 251, 0.05, True),  # what earlier passes of the run removed counts
        (25_000, 0, 25_000, 1.0, False),
        (25_000, 0, 1, 0.0, False),  # a hundred may always go
        (120, 0, 100, 0.05, False),
        (120, 0, 101, 0.05, True),
    ],
)
def test_how_many_rows_may_go(there: int, removed_before: int, orphans: int, share: float, kept: bool) -> None:
    place = Place("b", "x")
    nowhere = Connection("us-east-1", None, None)
    job = Job(place, place, "d", "t", None, "c", full=False, scope=EVERYTHING, connection=nowhere)
    job = dataclasses.replace(job, max_removed_share=share)
    own = Run(job, lambda: pytest.fail("no Spark is needed"))
    own.before = pa.table([["T"] * there, range(there), range(there), ["e"] * there], schema=LISTING)
    own.counts.deleted_partitions = removed_before
    left = own.removable(own.before.select(["ticker", "day"]).slice(0, orphans))
    assert (len(left), own.counts.kept_partitions) == ((0, orphans) if kept else (orphans, 0))


def test_unreadable_objects_are_listed_with_their_cause_and_the_rest_is_published(
    lake: SmallLake, spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    lake.fill(TICKERS, range(9))
    lake.run(spark)
    kept = lake.refined()["PETR4", day(2)]
    lake.put_broken("PETR4", day(2))
    lake.put_broken("VALE3", day(8), parquet_of([], RAW_SCHEMA))
    lake.put_broken("VALE3", day(9), parquet_of([{"ts": None}], pa.schema([("ts", pa.timestamp("us"))])))
    lake.put("VALE3", day(10), bar(day(10)))
    with caplog.at_level(logging.ERROR):
        summary = lake.run(spark)
    assert summary["unreadable_objects"] == 3
    lake.check()
    # The last good row of an unreadable object stays; what its close takes part in is not known.
    refined = lake.refined()
    assert refined["PETR4", day(2)] == kept
    assert refined["PETR4", day(3)]["close_delta"] is None
    assert refined["PETR4", day(6)]["close_ma_5"] is None
    assert refined["PETR4", day(7)]["close_ma_5"] is not None
    assert refined["VALE3", day(10)]["close_delta"] is None
    assert ("VALE3", day(9)) not in refined

    report = json.loads(lake.s3.get_object(Bucket=lake.bucket, Key="state/refined/b3/unreadable.json")["Body"].read())
    causes = {entry["object"].split("/b3/")[1]: entry["cause"] for entry in report["unreadable"]}
    assert list(causes) == [
        f"dt={day(2)}/ticker=PETR4/data.parquet",
        f"dt={day(8)}/ticker=VALE3/data.parquet",
        f"dt={day(9)}/ticker=VALE3/data.parquet",
    ]
    assert list(causes.values())[1:] == [
        "it holds no bars",
        "it has no column open, high, low, close, volume, turnover, trades, dividends, stock_splits",
    ]
    assert sum("cannot be read" in record.message for record in caplog.records) == 3

    # They are tried again, and nothing else is; a run in another scope keeps them on the list.
    assert lake.run(spark, "--tickers", "PETR4")["unreadable_objects"] == 1
    before = lake.objects("")
    again = lake.run(spark)
    assert (again["unreadable_objects"], again["written_objects"]) == (3, 0)
    assert lake.objects("") == before

    # One is repaired, the others are removed: their successors are recomputed.
    lake.put("PETR4", day(2), bar(day(2), 77.0))
    lake.remove("VALE3", day(8))
    lake.remove("VALE3", day(9))
    summary = lake.run(spark)
    assert summary["unreadable_objects"] == 0
    lake.check()
    assert lake.refined()["VALE3", day(10)]["close_delta"] is not None
    assert not json.loads(
        lake.s3.get_object(Bucket=lake.bucket, Key="state/refined/b3/unreadable.json")["Body"].read()
    )["unreadable"]


def test_a_partial_run_loses_nothing(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(12))
    lake.run(spark, "--tickers", "petr4", "--start_date", str(day(4)), "--end_date", str(day(6)))
    assert set(lake.refined()) == {("PETR4", day(n)) for n in (4, 5, 6)}
    # Its rows were computed from a date that was never refined, and now that one goes: no orphan tells of it.
    lake.remove("PETR4", day(3))
    lake.run(spark)
    lake.check()


def test_full_recomputes_everything_and_gives_the_same_bytes(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(7))
    lake.run(spark)
    before = lake.objects("refined/")
    summary = lake.run(spark, "--refine_mode", "full")
    assert (summary["refined_partitions"], summary["written_objects"]) == (14, 0)
    assert {k: v[0] for k, v in lake.objects("refined/").items()} == {k: v[0] for k, v in before.items()}
    lake.check()


def test_a_lost_ledger_a_lost_object_and_a_new_table_are_found_out(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(7))
    lake.run(spark)
    lake.put_bytes("state/refined/b3/ledger/year=2023.parquet", b"broken")
    lake.put_bytes("state/refined/b3/notes.json", b"[]")
    lake.s3.delete_object(Bucket=lake.bucket, Key=f"refined/b3/dt={day(3)}/ticker=VALE3/data.parquet")
    lake.s3.delete_object(Bucket=lake.bucket, Key="history/b3/year=2023/data.parquet")
    for table in ("b3_daily_quotes_refined", "b3_daily_history"):
        lake.glue.delete_table(DatabaseName=lake.database, Name=table)
    lake.create_table()
    summary = lake.run(spark)
    assert summary["written_objects"] == 1
    lake.check()


def test_what_the_job_s_role_could_spoil_is_there_again_without_its_notes(lake: SmallLake, spark: SparkSession) -> None:
    """Wrong prices under the right keys, one object in another's place, rows that bronze has not; then no `state/`."""
    lake.fill(TICKERS, range(7))
    lake.run(spark)
    refined = sorted(lake.objects("refined/"))
    bodies = [lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read() for key in refined]
    lake.put_bytes(refined[0], bodies[-1])
    lake.put_bytes(refined[1], b"broken")
    lake.put_bytes(refined[2].replace(TICKERS[0], "FAKE3"), bodies[2])
    history = sorted(lake.objects("history/"))
    lake.put_bytes(history[0], lake.s3.get_object(Bucket=lake.bucket, Key=history[-1])["Body"].read())
    for key in lake.objects("state/"):
        lake.s3.delete_object(Bucket=lake.bucket, Key=key)
    assert lake.run(spark)["clean"]
    lake.check()


def test_the_history_can_be_left_out_and_taken_up_later(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(14))
    assert lake.run(spark, "--history_uri", "off")["history_years"] == 0
    assert not lake.objects("history/")
    lake.put("PETR4", day(13), bar(day(13), 3.0))
    assert lake.run(spark)["history_years"] == 2
    lake.check()
    # Only a year that changed is rewritten.
    before = lake.objects("history/")
    lake.put("PETR4", day(13), bar(day(13), 4.0))
    assert lake.run(spark)["history_years"] == 1
    lake.check()
    assert [k for k, v in lake.objects("history/").items() if v == before[k]] == ["history/b3/year=2023/data.parquet"]


def test_what_is_not_a_partition_is_left_alone(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(["PETR4"], range(2))
    strange = ["raw/b3/README", "raw/b3/dt=2024-02-31/ticker=X/data.parquet", "refined/b3/dt=2024-01-02/other.parquet"]
    # obstore takes no key with an empty part, and stops at one.
    strange += ["raw/b3/a//b", "raw/b3/dt=2023-12-22//ticker=X/data.parquet", "refined/b3/..//x", "history/b3//x"]
    for key in strange:
        lake.put_bytes(key, b"-")
    assert lake.run(spark)["refined_partitions"] == 2
    assert set(strange) <= set(lake.objects(""))
    lake.remove("PETR4", day(0))
    assert lake.run(spark)["deleted_partitions"] == 1
    assert set(strange) <= set(lake.objects(""))


def test_a_run_tells_what_it_cannot_use(lake: SmallLake, spark: SparkSession) -> None:
    def failure(*more: str) -> str:
        with pytest.raises(AwsError) as caught:
            lake.run(spark, *more)
        return str(caught.value)

    assert failure("--table", "nothing") == (
        f"Glue table {lake.database}.nothing does not exist: deploy the stack, or correct its name."
    )
    assert failure("--raw_uri", "s3://no-such-bucket/raw/b3") == (
        "s3://no-such-bucket/raw/b3 does not exist: deploy the stack, or correct its name."
    )


def test_what_s3_does_not_take_of_an_executor_ends_the_run_in_a_sentence(
    lake: SmallLake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One object of one ticker: the other's are published, nothing is registered, and the next run does the rest."""
    lake.fill(TICKERS, range(7))
    refused, real = partition_key("refined/b3", day(3), "VALE3"), S3Backend.put_object

    def refuse(self: S3Backend, bucket: str, key: str, *arguments: Any, **named: Any) -> Any:
        if key == refused:
            raise S3AccessDeniedError
        return real(self, bucket, key, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(S3Backend, "put_object", refuse)
        with pytest.raises(RefineError) as caught:
            lake.run(spark)
    assert str(caught.value) == (
        f"AWS denies access to s3://{lake.bucket}/{refused}: "
        "ask for the permissions that template.yaml and terraform/ grant."
    )
    assert refused not in lake.objects("refined/")
    assert not lake.registered()
    assert not lake.objects("state/")
    lake.run(spark)
    lake.check()


def test_a_mistyped_raw_prefix_deletes_nothing(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(["PETR4"], range(2))
    lake.run(spark)
    before = lake.objects("")
    with pytest.raises(RefineError, match=f"is made from s3://{lake.bucket}/raw/b3, not from .*correct --raw"):
        lake.run(spark, "--raw_uri", f"s3://{lake.bucket}/raw/b4")
    assert lake.objects("") == before


def test_a_listing_in_parts_is_the_whole_listing(lake: SmallLake) -> None:
    lake.fill(TICKERS, range(11))
    job = lake.job()
    whole = list_partitions(job.raw, job.connection)
    parts = list_partitions(job.raw, job.connection, dates_at_once=2)
    assert sorted(parts.to_pylist(), key=str) == sorted(whole.to_pylist(), key=str)
    assert len(parts) == 22
