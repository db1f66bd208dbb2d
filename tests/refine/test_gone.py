"""A listing that is none removes nothing; places that lie in one another are refused."""

import dataclasses
from collections.abc import Callable

import pytest
from pyspark.sql import SparkSession

from b3lake.lake.errors import B3LakeError
from b3lake.lake.names import REFINED_TABLE
from b3lake.refine.arguments import parse_arguments
from b3lake.refine.config import Job
from b3lake.refine.errors import RefineError
from b3lake.refine.run import Run, run
from devlake.proxy import Fault
from tests.refine.lying_server import ERROR, NOTHING, PAGE, lying
from tests.refine.small_lake import SmallLake, day

TICKERS = ["PETR4", "VALE3"]


def everything(_prefix: str) -> bool:
    return True


def of_raw(prefix: str) -> bool:
    return prefix.startswith("raw/b3")


def of_refined(prefix: str) -> bool:
    return prefix.startswith("refined/b3")


def through(job: Job, url: str) -> Job:
    return dataclasses.replace(job, connection=dataclasses.replace(job.connection, s3_endpoint=url))


@pytest.mark.slow
@pytest.mark.parametrize("lie", [ERROR, PAGE, NOTHING], ids=["error", "page", "nothing"])
@pytest.mark.parametrize("about", [everything, of_raw])
def test_a_lie_removes_nothing(lake: SmallLake, spark: SparkSession, lie: Fault, about: Callable[[str], bool]) -> None:
    lake.fill(TICKERS, range(14))
    lake.run(spark)
    before, registered = lake.objects(""), lake.registered()
    with lying(lake.endpoint, lie, about) as url, pytest.raises(B3LakeError) as raised:
        run(through(lake.job(), url), lambda: spark)
    if lie == NOTHING:  # what is no listing is known by itself
        assert " objects that are there, " in str(raised.value)
        assert str(raised.value).endswith("ask whoever serves S3 when it happens again.")
    for prefix in ("raw/", "refined/", "history/"):
        assert set(lake.objects(prefix)) == {key for key in before if key.startswith(prefix)}
    assert lake.registered() == registered
    lake.run(spark)
    lake.check()


@pytest.mark.slow
def test_a_lie_about_refined_costs_work_and_no_row(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(6))
    lake.run(spark)
    lies = iter([True])
    with lying(lake.endpoint, ERROR, lambda prefix: of_refined(prefix) and next(lies, False)) as url:
        run(through(lake.job(), url), lambda: spark)
    lake.check()


@pytest.mark.slow
def test_what_is_gone_goes(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(14))
    lake.run(spark)
    for number in range(10):  # all of the first year
        for ticker in TICKERS:
            lake.remove(ticker, day(number))
    lake.run(spark)
    lake.check()


OF_OTHERS = {"mine": "s3://elsewhere/b3/dt=2024-01-02/ticker=MINE3", "notes": "refined/b3/notes"}


@pytest.mark.slow
def test_a_run_in_full_mode_takes_out_of_the_catalog_what_has_no_object(lake: SmallLake, spark: SparkSession) -> None:
    """A row whose raw and refined objects both went is known to the catalog alone; places of others are theirs."""
    lake.fill(TICKERS, range(5))
    lake.run(spark)
    lake.remove("PETR4", day(4))
    lost = [f"refined/b3/dt={day(4)}/ticker=PETR4/data.parquet", f"refined/b3/dt={day(2)}/ticker=VALE3/data.parquet"]
    for key in lost:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key)
    places = {name: place if "//" in place else f"s3://{lake.bucket}/{place}" for name, place in OF_OTHERS.items()}
    for name, place in places.items():
        lake.glue.create_partition(
            DatabaseName=lake.database,
            TableName=REFINED_TABLE,
            PartitionInput={"Values": [name, name], "StorageDescriptor": {"Location": place}},
        )
    lake.run(spark)
    assert (str(day(4)), "PETR4") in lake.registered()
    lake.run(spark, "--refine_mode", "full", "--tickers", "PETR4")
    assert (str(day(4)), "PETR4") in lake.registered(), "a run for some looks at theirs alone"
    summary = lake.run(spark, "--refine_mode", "full")
    assert (summary["clean"], summary["deleted_partitions"]) == (True, 0)
    left = lake.registered()
    assert {values: left.pop(values) for values in [("mine", "mine"), ("notes", "notes")]} == {
        (name, name): place for name, place in places.items()
    }
    assert set(left) == {(str(when), ticker) for ticker, when in lake.refined()}
    assert (str(day(2)), "VALE3") in left


@pytest.mark.slow
def test_a_listing_that_lacks_an_object_takes_no_partition_out(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS, range(3))
    lake.run(spark)
    before = lake.registered()
    own = Run(lake.job(), lambda: spark)  # as one that has listed nothing
    with lying(lake.endpoint, NOTHING, of_refined) as url:
        own.job = through(own.job, url)
        with pytest.raises(RefineError, match="lacks 6 objects that are there"):
            own.forget_lost()
    assert lake.registered() == before
    own.job = lake.job()
    own.forget_lost()
    assert lake.registered() == before


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (("raw/b3", "raw/b3", "history/b3"), "--raw_uri (s3://b/raw/b3) and --refined_uri (s3://b/raw/b3)"),
        (("raw/b3", "raw/b3/refined", "history/b3"), "--raw_uri (s3://b/raw/b3) and --refined_uri (s3://b/raw/b3/ref"),
        (("refined/b3/raw", "refined/b3", "off"), "--raw_uri (s3://b/refined/b3/raw) and --refined_uri"),
        (("raw/b3", "refined/b3", "raw"), "--raw_uri (s3://b/raw/b3) and --history_uri (s3://b/raw)"),
        (("raw/b3", "refined/b3", "refined/b3"), "--refined_uri (s3://b/refined/b3) and --history_uri"),
        (("state/refined/b3", "refined/b3", "off"), "--raw_uri (s3://b/state/refined/b3) and the job's own notes"),
        (("raw/b3", "refined/b3", "state"), "--history_uri (s3://b/state) and the job's own notes"),
    ],
)
def test_places_that_lie_in_one_another_are_refused(places: tuple[str, str, str], said: str) -> None:
    raw, refined, history = (place if place == "off" else f"s3://b/{place}" for place in places)
    words = ["--raw_uri", raw, "--refined_uri", refined, "--history_uri", history, "--database", "d", "--table", "t"]
    with pytest.raises(RefineError) as raised:
        parse_arguments([*words, "--region", "us-east-1"], {})
    assert str(raised.value).startswith(said)


def test_places_beside_one_another_are_taken() -> None:
    words = ["--raw_uri", "s3://b/raw/b3", "--refined_uri", "s3://b/raw/b3-refined", "--history_uri", "s3://c/raw/b3"]
    assert parse_arguments([*words, "--database", "d", "--table", "t", "--region", "us-east-1"], {})


@pytest.mark.slow
def test_a_table_of_another_bucket_is_refused(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill(TICKERS[:1], range(2))
    job = lake.job()
    elsewhere = dataclasses.replace(job, refined=dataclasses.replace(job.refined, prefix="refined/other"))
    with pytest.raises(RefineError) as raised:
        run(elsewhere, lambda: spark)
    assert str(raised.value).startswith(
        f"The table {lake.database}.b3_daily_quotes_refined is at s3://{lake.bucket}/re"
    )
    assert lake.objects("refined/") == lake.objects("state/") == {}
