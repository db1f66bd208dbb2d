"""The doctor removes little unasked, and nothing for want of a listing."""
# ruff: noqa: F811 - fixtures that are imported

import pytest

from b3lake.ingest.catalog import Catalog
from devlake.fake_yahoo import FakeYahoo
from devlake.proxy import Fault
from tests.ingest.lake_cases import DATABASE, DAYS, TestLake, session
from tests.ingest.test_run import RANGE, Command, command, impatience  # noqa: F401 - fixtures
from tests.refine.lying_server import ERROR, NOTHING, PAGE, lying


@pytest.fixture
def filled(command: Command, fake_yahoo: FakeYahoo, lake: TestLake) -> dict[str, bytes]:
    """Two tickers over five sessions."""
    assert command("--tickers", "PETR4,VALE3", *RANGE) == 0
    return lake.everything()


@pytest.mark.parametrize(
    "lie_and_said",
    [
        (ERROR, "InternalError"),
        (PAGE, "S3 gave something else than a listing of s3://"),
        (NOTHING, "lacks 10 objects that are there, {first} first: it was no listing, and nothing was repaired. Run"),
    ],
    ids=["error", "page", "nothing"],
)
def test_a_listing_that_is_none_unregisters_nothing(
    command: Command, lake: TestLake, filled, lie_and_said: tuple[Fault, str], monkeypatch: pytest.MonkeyPatch
):
    lie, said = lie_and_said
    registered = lake.partitions()
    with lying(lake.url, lie, lambda prefix: prefix.startswith("raw")) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert command.doctor("--fix") == 1
    first = f"raw/b3/dt={DAYS[0]}/ticker=PETR4/data.parquet"
    assert said.format(first=first) in command.err.splitlines()[-1]
    assert lake.partitions() == registered
    assert lake.everything() == filled


def test_many_removals_are_asked_for(command: Command, lake: TestLake, filled):
    """A catalog that has what the bucket lost: 101 partitions, one more than goes unasked."""
    catalog = Catalog(DATABASE, lake.bucket, session())
    gone = [(DAYS[0], f"GONE{number}") for number in range(101)]
    catalog.register(gone)
    registered = lake.partitions()
    assert command.doctor("--fix") == 1
    assert command.err.splitlines()[-1] == (
        "b3lake doctor: --fix would remove 101 of 111 partitions, 2024-05-02 first, and nothing was repaired: look "
        "whether they went rightly, and then run with --allow-removal 101."
    )
    assert lake.partitions() == registered
    assert command.doctor("--fix", "--allow-removal", "100") == 1
    assert lake.partitions() == registered
    assert command.doctor("--fix", "--allow-removal", "101") == 0
    assert lake.partitions() == registered - {(str(day), ticker) for day, ticker in gone}


def test_few_removals_are_not(command: Command, lake: TestLake, filled):
    catalog = Catalog(DATABASE, lake.bucket, session())
    catalog.register([(DAYS[0], f"GONE{number}") for number in range(100)])
    assert command.doctor("--fix") == 0
    assert len(lake.partitions()) == 10


def test_a_table_of_another_bucket_is_refused(command: Command, lake: TestLake, filled, monkeypatch):
    lake.s3.create_bucket(Bucket=f"{lake.bucket}-other")
    monkeypatch.setenv("RAW_BUCKET", f"{lake.bucket}-other")
    for run in (lambda: command("--tickers", "PETR4", *RANGE), lambda: command.doctor("--fix")):
        assert run() == 1
        assert command.err.splitlines()[-1].endswith(
            f"The table {DATABASE}.b3_daily_quotes is at s3://{lake.bucket}/raw/b3/, and this run writes to "
            f"s3://{lake.bucket}-other/raw/b3: set RAW_BUCKET and GLUE_DATABASE to those of one lake."
        )
    assert lake.s3.list_objects_v2(Bucket=f"{lake.bucket}-other")["KeyCount"] == 0
