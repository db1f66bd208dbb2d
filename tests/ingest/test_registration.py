"""Partitions that the catalog does not take: the objects are there, the run is no success, the next one registers."""
# ruff: noqa: F811 - fixtures that are imported

from collections.abc import Iterator

import pytest

from devlake.aws_requests import AwsRequest
from devlake.fake_yahoo import FakeYahoo
from devlake.proxy import Answer, Proxy, serving
from tests.ingest.lake_cases import DAYS, TestLake, key_of
from tests.ingest.test_run import RANGE, Command, command, impatience  # noqa: F401 - fixtures

REFUSED = Answer.of_json(400, {"__type": "AccessDeniedException", "message": "not authorized to perform this"})
OF_ONE = {"PartitionValues": [str(DAYS[0]), "PETR4"], "ErrorDetail": {"ErrorCode": "InternalServiceException"}}
THERE_ALREADY = OF_ONE | {"ErrorDetail": {"ErrorCode": "AlreadyExistsException"}}
PARTLY = Answer.of_json(200, {"Errors": [OF_ONE]})
"""Glue answers 200, and says within the answer what it did not do."""


class Catalog:
    """A way to Glue on which the registration of partitions meets `answer` (None: it is carried out)."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.asked = 0

    def __call__(self, request: AwsRequest) -> Answer | None:
        if request.operation != "BatchCreatePartition":
            return None
        self.asked += 1
        return self.answer


@pytest.fixture
def catalog(lake: TestLake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    made = Catalog()
    with serving(Proxy(lake.url, intercept=made)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", url)
        yield made


@pytest.mark.parametrize(
    "refusal",
    [
        (REFUSED, "AWS denies access to Glue table tech_challenge2_dev.b3_daily_quotes: ask for the permissions"),
        (PARTLY, "Glue table tech_challenge2_dev.b3_daily_quotes could not be reached (ServiceApiError: "),
    ],
    ids=["all", "one"],
)
def test_a_failed_registration_is_no_success(
    command: Command, fake_yahoo: FakeYahoo, lake: TestLake, catalog: Catalog, refusal: tuple[Answer, str]
):
    catalog.answer, why = refusal
    assert command("--tickers", "PETR4,VALE3", *RANGE, "--json") == 3
    for record in command.records().values():
        assert (record["status"], record["written"]) == ("failed", 5)
        assert record["cause"].startswith(f"put but not registered, run again: {why}")
    assert command.summary()["failed_tickers"] == 2
    assert set(lake.written()) == {key_of(day, ticker) for day in DAYS for ticker in ("PETR4", "VALE3")}
    assert lake.partitions() == set()
    catalog.answer = None
    assert command("--tickers", "PETR4,VALE3", *RANGE, "--json") == 0
    assert {record["status"] for record in command.records().values()} == {"unchanged"}
    assert len(lake.partitions()) == 10
    asked = catalog.asked
    assert command("--tickers", "PETR4,VALE3", *RANGE) == 0
    assert catalog.asked == asked, "nothing is registered twice"


def test_a_failed_registration_after_nothing_was_written_is_told(
    command: Command, fake_yahoo: FakeYahoo, lake: TestLake, catalog: Catalog
):
    """The objects were put by a run that was killed before it registered them."""
    catalog.answer = REFUSED
    assert command("--tickers", "PETR4", *RANGE) == 3
    assert command("--tickers", "PETR4", *RANGE, "--json") == 3
    record = command.records()["PETR4"]
    assert (record["status"], record["written"], record["unchanged"]) == ("failed", 0, 5)


def test_partitions_that_another_run_registered_meanwhile_are_no_failure(
    command: Command, fake_yahoo: FakeYahoo, catalog: Catalog
):
    catalog.answer = Answer.of_json(200, {"Errors": [THERE_ALREADY]})
    assert command("--tickers", "PETR4", *RANGE, "--json") == 0
    assert command.records()["PETR4"]["status"] == "written"


def test_the_doctor_fails_when_what_it_found_cannot_be_registered(
    command: Command, fake_yahoo: FakeYahoo, lake: TestLake, catalog: Catalog
):
    catalog.answer = REFUSED
    assert command("--tickers", "PETR4", *RANGE) == 3
    assert command.doctor("--fix") == 1
    assert "AWS denies access to Glue table" in command.err
    catalog.answer = None
    assert command.doctor("--fix") == 0
    assert len(lake.partitions()) == 5
