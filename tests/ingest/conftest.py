"""Fixtures of the ingestion's tests: a fake Yahoo that the real yfinance asks, and lakes on moto's server."""

import uuid
from collections.abc import Iterator

import pytest
import yfinance

from devlake.fake_http import serving
from devlake.fake_yahoo import FakeYahoo
from tests.ingest.lake_cases import DATABASE, TestLake


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """yfinance keeps cookies in the home folder: no test finds those of an earlier run, or leaves its own."""
    yfinance.set_tz_cache_location(str(tmp_path_factory.mktemp("yfinance")))


@pytest.fixture
def fake_yahoo(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeYahoo]:
    """A fake Yahoo that the environment points at; its rows are called `yahoo`."""
    served = FakeYahoo()
    with serving(served) as url:
        served.url = url
        monkeypatch.setenv("B3LAKE_YAHOO_URL", url)
        monkeypatch.setenv("B3LAKE_SOURCE_LABEL", "yahoo")
        yield served


@pytest.fixture
def lake(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> TestLake:
    """An empty lake of its own, which the environment points at."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    made = TestLake(moto_url, f"raw-{uuid.uuid4().hex[:12]}")
    made.s3.create_bucket(Bucket=made.bucket)
    made.s3.put_bucket_versioning(Bucket=made.bucket, VersioningConfiguration={"Status": "Enabled"})
    if DATABASE in {found["Name"] for found in made.glue.get_databases()["DatabaseList"]}:
        made.glue.delete_database(Name=DATABASE)
    made.glue.create_database(DatabaseInput={"Name": DATABASE})
    return made
