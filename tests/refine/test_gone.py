"""A listing that is none removes nothing; places that lie in one another are refused."""

import dataclasses
from collections.abc import Callable

import pytest
from pyspark.sql import SparkSession

from b3lake.lake.errors import B3LakeError
from b3lake.refine.arguments import parse_arguments
from b3lake.refine.config import Job
from b3lake.refine.errors import RefineError
from b3lake.refine.run import run
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
