"""A run's figures reach CloudWatch; that they cannot fails nothing."""

import dataclasses
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from moto import mock_aws

from b3lake.refine import job as program
from b3lake.refine.config import EVERYTHING, Connection, Job, Place
from b3lake.refine.figures import METRICS, tell_figures
from b3lake.refine.run import Counts

PLACE = Place("b", "refined/b3")
NOWHERE = Connection("us-east-1", None, None)
JOB = Job(PLACE, PLACE, "d", "t", None, "c", full=False, scope=EVERYTHING, connection=NOWHERE)
COUNTS = Counts(refined_partitions=7, deleted_partitions=3, kept_partitions=2, unreadable_objects=1)
YESTERDAY = datetime.now(timezone.utc).date() - timedelta(days=1)
SUMMARY = dataclasses.asdict(COUNTS) | {"newest_row": YESTERDAY.isoformat()}


@pytest.fixture(autouse=True)
def _own_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def found(client: Any, metric: str) -> list[float]:
    now = datetime.now(timezone.utc)
    points = client.get_metric_statistics(
        Namespace="B3Lake",
        MetricName=metric,
        Dimensions=[{"Name": "Environment", "Value": "dev"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    return [point["Maximum"] for point in points]


@mock_aws
def test_the_figures_are_put_for_the_environment() -> None:
    tell_figures(dataclasses.replace(JOB, lake_env="dev"), SUMMARY)
    client = boto3.client("cloudwatch", region_name="us-east-1")
    wanted = {"UnreadableObjects": [1.0], "RefinedRows": [7.0], "RemovedRows": [3.0], "KeptRows": [2.0]}
    assert {metric: found(client, metric) for metric in wanted} == wanted
    assert found(client, "DaysSinceNewestRow")[0] in {1.0, 2.0}
    assert sorted(METRICS) == sorted(wanted)


@mock_aws
def test_an_empty_lake_has_no_age() -> None:
    tell_figures(dataclasses.replace(JOB, lake_env="dev"), SUMMARY | {"newest_row": None})
    assert found(boto3.client("cloudwatch", region_name="us-east-1"), "DaysSinceNewestRow") == []


@mock_aws
def test_without_an_environment_nothing_is_put() -> None:
    tell_figures(JOB, SUMMARY)
    assert boto3.client("cloudwatch", region_name="us-east-1").list_metrics()["Metrics"] == []


def test_figures_that_cannot_be_put_fail_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    tell_figures(dataclasses.replace(JOB, lake_env="dev"), SUMMARY)
    (said,) = caplog.messages
    assert said.startswith("the figures of the run could not be put to CloudWatch: Could not connect to the endpoint")


def test_objects_that_cannot_be_read_fail_no_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A failed run would be started again, and would fail again: the alarm hears of the objects instead."""
    monkeypatch.setattr(program, "run", lambda _job: SUMMARY)
    arguments = ["--raw_uri", "s3://b/raw/b3", "--refined_uri", "s3://b/refined/b3", "--database", "d", "--table", "t"]
    program.main([*arguments, "--region", "us-east-1"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["unreadable_objects"] == 1
    assert (
        "1 raw object cannot be read, the rest is refined: fetch again, or remove, what s3://b/state/refined/b3/"
        in caplog.text
    )
