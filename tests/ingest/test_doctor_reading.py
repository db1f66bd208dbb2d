"""How the doctor reads a lake: a batch of objects at a time, and every prefix that it may list."""
# ruff: noqa: F811 - fixtures that are imported

import asyncio
import datetime as dt
import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from b3lake.ingest.doctor.examine import EVER, examine
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources.source import Selection
from devlake.aws_requests import AwsRequest
from devlake.fake_yahoo import FakeYahoo
from devlake.proxy import Answer, Proxy, serving
from tests.ingest.lake_cases import DAYS, TestLake, key_of
from tests.ingest.test_run import RANGE, Command, command, impatience  # noqa: F401 - fixtures

NOW = dt.datetime(2024, 6, 3, 12, tzinfo=dt.timezone.utc)


@pytest.fixture
def healthy(command: Command, fake_yahoo: FakeYahoo, lake: TestLake) -> dict[str, bytes]:
    """Two tickers over five sessions."""
    assert command("--tickers", "PETR4,VALE3", *RANGE) == 0
    return lake.everything()


@pytest.mark.parametrize(
    ("batch_objects", "told"), [(3, [3, 6, 9, 10]), (5, [5, 10, 10]), (10, [10, 10]), (1000, [10])]
)
def test_objects_are_read_a_batch_at_a_time_and_each_once(
    lake: TestLake, healthy: dict[str, bytes], batch_objects: int, told: list[int]
) -> None:
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(DAYS[1], "VALE3"), Body=b"nonsense")
    said = io.StringIO()
    steps = Steps(Console(file=said, width=200))
    seen = asyncio.run(examine(lake.open(), Selection(None, *EVER, NOW), steps, batch_objects=batch_objects))
    assert (seen.objects, seen.rows) == (10, 9)
    assert [(found.kind.value, found.ticker, found.day) for found in seen.findings] == [
        ("unreadable", "VALE3", DAYS[1])
    ]
    assert seen.days == {"PETR4": set(DAYS), "VALE3": set(DAYS)}
    assert said.getvalue().splitlines() == [f"{count} objects read" for count in told]


@pytest.fixture
def refused(lake: TestLake, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Prefixes that this user may not list."""
    prefixes: set[str] = set()
    denied = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'

    def answer(request: AwsRequest) -> Answer | None:
        if request.operation == "ListObjectsV2" and request.prefix in prefixes:
            return Answer(403, denied, "application/xml")
        return None

    with serving(Proxy(lake.url, intercept=answer)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield prefixes


def test_a_prefix_that_may_not_be_listed_is_told_and_the_others_are_searched(
    command: Command, lake: TestLake, healthy: dict[str, bytes], refused: set[str]
) -> None:
    refused |= {"refined/", "/"}
    for key in ("refined/b3/mine.parquet", "history/b3/mine.parquet"):
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=b"")
    assert command.doctor() == 3
    why = f"AWS denies access to bucket {lake.bucket}: ask for the permissions that template.yaml and terraform/ grant."
    assert [line for line in command.err.splitlines() if "searched" in line] == [
        f"{folder} was not searched for strays. {why}" for folder in ("/", "refined/")
    ]
    assert "history/b3/mine.parquet" in command.out
    assert "refined/b3/mine.parquet" not in command.out
