"""Keys that only a slip makes, under every prefix that the job reads: they are in the way of nothing."""

import datetime as dt
import logging

import pytest
from pyspark.sql import SparkSession

from b3lake.lake.keys import raw_key
from b3lake.refine.listing import list_partitions
from tests.refine.small_lake import SmallLake, bar, day, parquet_of

pytestmark = pytest.mark.slow
PREFIXES = ("raw/b3", "refined/b3", "history/b3", "state/refined/b3", "state/refined/b3/ledger")
SLIPS = (
    "{prefix}//",
    "{prefix}//data.parquet",
    "{prefix}/./data.parquet",
    "{prefix}/dt=2023-12-24/",
    "{prefix}/dt=2023-12-24//ticker=PETR4/data.parquet",
    "{prefix}/dt=2023-12-24/../ticker=PETR4/data.parquet",
    "{prefix}/dt=2023-12-24/ticker=PETR4/data.parquet/",
    "{prefix}/dt=2023-12-24/ticker=PETR4//data.parquet",
    "{prefix}/dt=2023-12-24/ticker=PE\x1b[31m/data.parquet",
    "{prefix}/dt=2023-12-24/ticker=ONLY3/data.parquet/",
    "{prefix}/dt=0999-01-04/ticker=PETR4/data.parquet",
    "{prefix}/dt=1969-12-31/ticker=PETR4/data.parquet",
    "{prefix}/year=2023/data.parquet/",
    "{prefix}/year=2031/data.parquet/",
    "{prefix}/year=2031/../data.parquet",
    "{prefix}/year=2023.parquet/",
    "{prefix}/year=2023 copy.parquet",
    "{prefix}/zzz//",
)


def spread(lake: SmallLake) -> list[str]:
    keys = [slip.format(prefix=prefix) for prefix in PREFIXES for slip in SLIPS]
    for key in keys:
        lake.put_bytes(key, parquet_of([bar(day(2), 77.0)]))
    return keys


def sweep(lake: SmallLake, keys: list[str]) -> None:
    for key in keys:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key)


def test_they_are_in_the_way_of_nothing(lake: SmallLake, spark: SparkSession, caplog: pytest.LogCaptureFixture) -> None:
    """Not of a first run, of one with something to do, of one that removes, or of one with nothing to do."""
    caplog.set_level(logging.WARNING, logger="refine")
    keys = spread(lake)
    lake.fill(["PETR4", "VALE3"], range(7))
    assert lake.run(spark)["clean"]
    lake.put("PETR4", day(3), bar(day(3), 12.5))
    lake.remove("VALE3", day(4))
    assert lake.run(spark)["clean"]
    last = lake.run(spark)
    assert (last["clean"], last["written_objects"], last["history_years"]) == (True, 0, 0)
    assert (last["unreadable_objects"], last["deleted_partitions"]) == (0, 0)
    assert set(keys) <= set(lake.objects("")), "nobody knows here what they are"
    sweep(lake, keys)
    lake.check()
    for place in (f"s3://{lake.bucket}/raw/b3", f"s3://{lake.bucket}/refined/b3"):
        assert any(
            message.startswith(f"{place}: ") and " left alone, being no partition of " in message
            for message in caplog.messages
        )
    assert "\x1b" not in caplog.text


def test_a_ticker_or_a_day_that_the_lake_does_not_have_is_a_stray(
    lake: SmallLake, spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    """As to the doctor (tests/ingest/test_doctor.py); what a job made of one, when it still refined them, goes."""
    caplog.set_level(logging.WARNING, logger="refine")
    lake.fill(["PETR4"], range(3))
    odd = [f"raw/b3/dt={day(1)}/ticker={name}/data.parquet" for name in ("petr4", "PETR", "PETR4.SA", "PETR4 ", "12")]
    odd += [f"raw/b3/dt={early}/ticker=PETR4/data.parquet" for early in ("1969-12-31", "1994-07-03")]
    for key in odd:
        lake.put_bytes(key, parquet_of([bar(day(1), 77.0)]))
    first = lake.run(spark)
    assert (first["clean"], first["refined_partitions"]) == (True, 3)
    made = odd[0].replace("raw/", "refined/")
    lake.put_bytes(made, b"of another job")
    last = lake.run(spark)
    assert (last["clean"], last["refined_partitions"], last["deleted_partitions"]) == (True, 0, 1)
    assert "7 objects left alone, being no partition of a ticker and a day since 1994-07-04" in caplog.text
    assert set(odd) <= set(lake.objects("raw/")), "nobody knows here what they are"
    assert made not in lake.objects("refined/")
    sweep(lake, odd)
    lake.check()


def test_the_first_day_and_the_index_are_the_lake_s(lake: SmallLake) -> None:
    keys = [raw_key(dt.date(1994, 7, 4), ticker) for ticker in ("IBOV", "PETR4")]
    for key in keys:
        lake.put_bytes(key, b"-")
    job = lake.job()
    found = list_partitions(job.raw, job.connection)
    assert found["ticker"].to_pylist() == ["IBOV", "PETR4"]


def test_a_copy_with_a_slash_at_its_end_is_not_the_object(lake: SmallLake, spark: SparkSession) -> None:
    """Of the object's own bytes too, and beside it, or where it is gone."""
    lake.fill(["PETR4"], range(3))
    lake.run(spark)
    for key in [*lake.objects("raw/"), *lake.objects("refined/"), *lake.objects("history/")]:
        source = {"Bucket": lake.bucket, "Key": key}
        lake.s3.copy_object(Bucket=lake.bucket, Key=f"{key}/", CopySource=source)
    copies = [key for key in lake.objects("") if key.endswith("/")]
    before = {key: etag for key, (etag, _) in lake.objects("").items() if not key.startswith("state/")}
    assert lake.run(spark)["clean"]
    assert {key: etag for key, (etag, _) in lake.objects("").items() if not key.startswith("state/")} == before
    lake.remove("PETR4", day(1))
    lake.s3.delete_object(Bucket=lake.bucket, Key=raw_key(day(2), "PETR4").replace("raw/", "refined/"))
    assert lake.run(spark)["clean"]
    sweep(lake, copies)
    lake.check()


@pytest.mark.parametrize("prefix", ["raw", "refined"])
def test_a_copy_with_a_slash_at_its_end_alone(lake: SmallLake, spark: SparkSession, prefix: str) -> None:
    lake.fill(["PETR4"], range(6))
    lake.run(spark)
    lake.remove("PETR4", day(1))
    copy = raw_key(day(1), "PETR4").replace("raw/", f"{prefix}/") + "/"
    lake.put_bytes(copy, parquet_of([bar(day(1))]))
    for _ in range(2):
        last = lake.run(spark)
        assert last["clean"]
        assert last["passes"] <= 4
    sweep(lake, [copy])
    lake.check()
    assert lake.run(spark)["passes"] == 1


def test_the_exact_listing_is_the_listing(lake: SmallLake) -> None:
    lake.fill(["PETR4", "VALE3"], range(5))
    job = lake.job()
    fast, exact = (list_partitions(job.raw, job.connection, exactly=exactly) for exactly in (False, True))
    assert fast.equals(exact)
    assert len(fast) == 10
