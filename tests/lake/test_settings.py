"""Which lake is asked, from the environment; and what a listing of it is."""

import datetime as dt
from typing import Any

import pytest

from b3lake.lake.errors import AwsError, UsageError
from b3lake.lake.listing import Listed, list_exactly
from b3lake.lake.settings import LakePlace, Settings, read_env, read_place, read_settings

NOON = dt.datetime(2024, 1, 2, 12, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("environ", "settings"),
    [
        ({}, Settings("dev", None)),
        ({"LAKE_ENV": "", "AWS_ENDPOINT_URL": ""}, Settings("dev", None)),
        ({"LAKE_ENV": "prod", "AWS_ENDPOINT_URL": "http://x"}, Settings("prod", "http://x")),
    ],
)
def test_the_environment_names_the_lake(environ: dict[str, str], settings: Settings) -> None:
    found = read_settings(environ)
    assert found == settings
    assert (found.database, found.workgroup) == (
        f"tech_challenge2_{settings.env}",
        f"tech_challenge2_{settings.env}_wg",
    )


def test_where_the_ingestion_writes() -> None:
    assert Settings() == Settings("dev", None)
    assert read_place({}) == LakePlace("dev", None, "tech_challenge2_dev")
    assert read_place({"LAKE_ENV": "lab"}, "own-bucket") == LakePlace("lab", "own-bucket", "tech_challenge2_lab")
    assert read_place({"LAKE_ENV": "lab"}, database="own") == LakePlace("lab", None, "own")


@pytest.mark.parametrize("env", ["a", "Dev", "1dev", "dev-1", "a23456789012x"])
def test_an_impossible_environment_is_refused(env: str) -> None:
    for read in (read_env, read_settings, read_place):
        with pytest.raises(UsageError) as caught:
            read({"LAKE_ENV": env})
        assert str(caught.value) == f"LAKE_ENV is {env!r}: it is 2 to 12 lower-case letters and digits, such as dev."
    assert [read_env({"LAKE_ENV": able}) for able in ("ab", "a23456789012")] == ["ab", "a23456789012"]


class _S3:
    """The part of a boto3 client that lists, over pages that were written down; an exception among them is raised."""

    def __init__(self, *pages: dict[str, Any] | Exception) -> None:
        self._pages, self.asked = pages, []

    def get_paginator(self, name: str) -> "_S3":
        self.asked.append(name)
        return self

    def paginate(self, **arguments: str) -> Any:
        self.asked.append(arguments)
        for page in self._pages:
            if isinstance(page, Exception):
                raise page
            yield page


def page(*keys: str) -> dict[str, Any]:
    return {"IsTruncated": False, "Contents": [{"Key": key, "ETag": '"e"', "LastModified": NOON} for key in keys]}


def test_a_listing_is_of_all_pages_up_to_its_end() -> None:
    s3 = _S3(page("raw/a", "raw/b"), {"IsTruncated": False}, page("raw/c", "raw/d"))
    assert list(list_exactly(s3, "bucket", "raw/")) == [Listed(f"raw/{name}", "e", NOON) for name in "abcd"]
    assert s3.asked == ["list_objects_v2", {"Bucket": "bucket", "Prefix": "raw/", "StartAfter": ""}]
    again = _S3(page("raw/b", "raw/c", "raw/d"))
    assert [listed.key for listed in list_exactly(again, "bucket", "raw/", "raw/a", "raw/c")] == ["raw/b"]
    assert again.asked[1] == {"Bucket": "bucket", "Prefix": "raw/", "StartAfter": "raw/a"}


def test_what_is_no_listing_is_never_taken_for_an_empty_one() -> None:
    found = []
    with pytest.raises(AwsError) as caught:
        found += [listed.key for listed in list_exactly(_S3(page("a"), {"Error": {}}), "bucket", "raw/")]
    assert str(caught.value) == (
        "S3 gave something else than a listing of s3://bucket/raw/: run again, and ask whoever serves S3 when it "
        "happens again."
    )


@pytest.mark.parametrize(("setting", "remedy"), [("", "correct its name"), ("RAW_BUCKET", "set RAW_BUCKET")])
def test_an_error_within_a_listing_is_for_a_person(setting: str, remedy: str) -> None:
    with pytest.raises(AwsError) as caught:
        list(list_exactly(_S3(page("a"), RuntimeError("NoSuchBucket")), "bucket", "raw/", setting=setting))
    assert str(caught.value) == f"Bucket bucket does not exist: deploy the stack, or {remedy}."
