"""The figures of an examination that are put to CloudWatch, and what is said where they could not be."""
# ruff: noqa: F811 - fixtures that are imported

import uuid
from datetime import datetime, timedelta, timezone

import pytest

from b3lake.ingest.parquet import encode
from b3lake.lake.schemas import RAW_SCHEMA
from devlake.loopback import free_port
from tests.ingest.lake_cases import DAYS, TestLake, client, key_of, table
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures


@pytest.fixture
def env(lake: TestLake, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an environment of which no figure is known yet, with a lake of two rows and a gap between."""
    for day in (DAYS[0], DAYS[2]):
        rows = table(days=[day]).select(RAW_SCHEMA.names)
        lake.s3.put_object(Bucket=lake.bucket, Key=key_of(day), Body=encode(rows))
    name = f"e{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("LAKE_ENV", name)
    return name


def figures(lake: TestLake, env: str) -> dict[str, list[float]]:
    """The sums of the environment's metrics in the last hour, by name."""
    cloudwatch, now = client("cloudwatch", lake.url), datetime.now(timezone.utc)
    of_env = [{"Name": "Environment", "Value": env}]
    return {
        metric["MetricName"]: [
            point["Sum"]
            for point in cloudwatch.get_metric_statistics(
                Namespace="B3Lake",
                MetricName=metric["MetricName"],
                Dimensions=of_env,
                StartTime=now - timedelta(hours=1),
                EndTime=now + timedelta(hours=1),
                Period=7200,
                Statistics=["Sum"],
            )["Datapoints"]
        ]
        for metric in cloudwatch.list_metrics(Namespace="B3Lake", Dimensions=of_env)["Metrics"]
    }


def test_figures_are_put_only_when_asked_for(command: Command, lake: TestLake, env: str) -> None:
    assert command.doctor() == 3
    assert figures(lake, env) == {}
    assert command.doctor("--put-figures") == 3
    assert figures(lake, env) == {"Findings": [3.0], "Gaps": [1.0]}, "a gap, and two objects that are not registered"
    assert "CloudWatch" not in command.err


def test_figures_that_cannot_be_put_are_told_and_fail_nothing(
    command: Command, env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", nobody)
    assert command.doctor("--put-figures", "--recent", "1") == 0, "of which the lake has none"
    said = f'Could not connect to the endpoint URL: "{nobody}/"'
    assert command.err.splitlines()[-1] == f"The figures could not be put to CloudWatch: {said}"
    assert command.out == "0 objects, 0 rows, 0 tickers read: nothing is wrong; 0 repaired.\n"
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    assert command.doctor("--put-figures", "--recent", "1") == 0
    assert command.err.splitlines()[-1] == f"Não foi possível enviar os números ao CloudWatch: {said}"
