"""Objects that S3 has and does not give out: each is named with its cause, and stops nothing."""
# ruff: noqa: F811 - fixtures that are imported

import json
from collections.abc import Iterator

import pytest

from devlake.aws_requests import AwsRequest
from devlake.fake_yahoo import FakeYahoo
from devlake.proxy import Answer, Proxy, serving
from tests.ingest.lake_cases import DAYS, TestLake, key_of
from tests.ingest.test_run import RANGE, Command, command, impatience  # noqa: F401 - fixtures

KEY = key_of(DAYS[2])


@pytest.fixture
def healthy(command: Command, fake_yahoo: FakeYahoo, lake: TestLake) -> dict[str, bytes]:
    """Two tickers over five sessions."""
    assert command("--tickers", "PETR4,VALE3", *RANGE) == 0
    return lake.everything()


@pytest.fixture
def refusing(lake: TestLake, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[int, str, str]]]:
    """Key to status, code and message of what S3 answers to who wants the object; "" is any key."""
    answers: dict[str, tuple[int, str, str]] = {}

    def answer(request: AwsRequest) -> Answer | None:
        told = answers.get(request.key, answers.get(""))
        if request.operation != "GetObject" or not request.key.startswith("raw/") or not told:
            return None
        xml = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{told[1]}</Code><Message>{told[2]}</Message></Error>'
        )
        return Answer(told[0], xml.encode(), "application/xml")

    with serving(Proxy(lake.url, intercept=answer)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield answers


@pytest.mark.parametrize(
    "answer_and_cause",
    [
        ((403, "InvalidObjectState", "x"), "it is archived, and S3 gives it out only after it was restored"),
        ((403, "AccessDenied", "Access Denied"), "S3 denies access to it"),
        (
            (400, "InvalidRequest", "…a form of Server Side Encryption…"),
            "it is encrypted with a key that its writer kept",
        ),
        ((400, "KMS.DisabledException", "Off."), "S3 refuses it (KMS.DisabledException: Off)"),
        ((404, "NoSuchKey", "x"), "gone since it was listed"),
    ],
)
def test_the_doctor_names_it_and_an_ingestion_goes_on(
    command: Command, lake: TestLake, healthy, refusing, answer_and_cause: tuple[tuple[int, str, str], str]
) -> None:
    answer, cause = answer_and_cause
    lake.s3.put_object(Bucket=lake.bucket, Key=KEY, Body=b"other bytes")
    refusing[KEY] = answer
    assert command.doctor("--json") == 3
    found = [record for record in map(json.loads, command.out.splitlines()) if "finding" in record]
    assert [(one["finding"], one["ticker"], one["day"]) for one in found] == [("unreadable", "PETR4", str(DAYS[2]))]
    assert found[0]["detail"].startswith(cause)
    assert not found[0]["detail"].endswith(":")
    assert command("--tickers", "PETR4,VALE3", *RANGE, "--json") == 0
    assert (command.summary()["written"], command.summary()["unchanged"]) == (1, 9)
    refusing.clear()
    assert lake.everything() == healthy
    assert command.doctor() == 0


def test_where_s3_denies_all_it_is_no_fault_of_theirs(command: Command, healthy, refusing) -> None:
    refusing[""] = (403, "AccessDenied", "Access Denied")
    assert command.doctor() == 1
    assert command.err.splitlines()[-1].startswith("b3lake doctor: AWS denies access to the raw bucket: ask for the")


def test_credentials_that_end_meanwhile_end_the_doctor(command: Command, lake: TestLake, healthy, refusing) -> None:
    """They are of no object alone: nothing is named as unreadable for them."""
    refusing[KEY] = (400, "ExpiredToken", "The provided token has expired.")
    assert command.doctor() == 1
    assert command.err.splitlines()[-1].startswith("b3lake doctor: The AWS credentials have expired: ")
    assert command.out == ""
