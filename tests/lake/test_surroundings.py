"""A clock or an AWS setting that cannot be right is told before anything is done."""

import datetime as dt

import pytest

from b3lake.lake.errors import UsageError
from b3lake.lake.surroundings import check_aws_settings, check_clock


@pytest.mark.parametrize("year", [1, 1969, 1994, 2262, 9999])
def test_a_clock_that_is_wrong_is_told(year: int) -> None:
    with pytest.raises(UsageError, match=r"^The clock of this machine says \d{1,4}-06-15: set it, and run again\.$"):
        check_clock(dt.datetime(year, 6, 15, tzinfo=dt.timezone.utc))


@pytest.mark.parametrize("year", [1995, 2026, 2261])
def test_any_other_clock_is_taken(year: int) -> None:
    check_clock(dt.datetime(year, 6, 15, tzinfo=dt.timezone.utc))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *[
            ("AWS_ENDPOINT_URL", text)
            for text in ("nowhere", "http://", "ftp://a", "http://[::1", "http://a:99999", "http://a:0")
        ],
        ("AWS_ENDPOINT_URL_S3", "127.0.0.1:4566"),
        *[(name, "east") for name in ("AWS_REGION", "AWS_DEFAULT_REGION")],
        ("AWS_REGION", "us-east-1; rm"),
    ],
)
def test_an_address_or_a_region_that_is_none_is_told(name: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_aws_settings({"HOME": "x", name: text})
    kind = "region" if "REGION" in name else "address"
    like = {"region": "us-east-1", "address": "http://127.0.0.1:4566"}[kind]
    assert str(caught.value) == f"{name}={text} is no {kind}: write it like {like}."


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"AWS_ENDPOINT_URL": "", "AWS_REGION": ""},
        {"AWS_ENDPOINT_URL": "http://[::1]:4566", "AWS_ENDPOINT_URL_S3": "https://s3.example.com/x"},
        *[{"AWS_REGION": name} for name in ("us-east-1", "sa-east-1", "us-gov-west-1", "ap-southeast-3")],
    ],
)
def test_what_can_be_right_is_taken(environ: dict[str, str]) -> None:
    check_aws_settings(environ)
