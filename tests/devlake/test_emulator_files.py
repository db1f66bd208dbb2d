"""A kept lake's objects are in its files, not in memory, and each version is as it was put, after a restart too."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devlake import emulator
from devlake.emulator import Emulator
from tests.devlake.emulator_memory import memory

pytestmark = pytest.mark.slow

BUCKET = "in-files-alone"
OBJECTS, SIZE = 200, 2**19


def make_bucket(aws: Emulator) -> Any:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


def test_objects_do_not_stay_in_memory(tmp_path: Path) -> None:
    aws = emulator.start(tmp_path, keep=True)
    try:
        s3 = make_bucket(aws)
        s3.put_object(Bucket=BUCKET, Key="first", Body=b"x")
        before = memory(aws)
        for number in range(OBJECTS):
            s3.put_object(Bucket=BUCKET, Key=f"raw/{number}", Body=bytes([number]) * SIZE)
        assert memory(aws) - before < OBJECTS * SIZE / 2
        assert s3.get_object(Bucket=BUCKET, Key="raw/7")["Body"].read() == b"\x07" * SIZE
    finally:
        emulator.stop(aws)


def test_each_version_is_as_it_was_put_also_after_a_restart(tmp_path: Path) -> None:
    aws = emulator.start(tmp_path, keep=True)
    try:
        s3 = make_bucket(aws)
        versions = [
            (s3.put_object(Bucket=BUCKET, Key="raw/one", Body=body)["VersionId"], body)
            for body in (b"first", b"second", b"third")
        ]
        s3.put_object(Bucket=BUCKET, Key="raw/gone", Body=b"gone")
        gone = s3.list_object_versions(Bucket=BUCKET, Prefix="raw/gone")["Versions"][0]["VersionId"]
        s3.delete_object(Bucket=BUCKET, Key="raw/gone")
        _check(s3, versions, gone)
    finally:
        emulator.stop(aws)
    again = emulator.start(tmp_path, keep=True)
    try:
        _check(again.client("s3"), versions, gone)
    finally:
        emulator.stop(again)


NO_PLAIN_PATHS = ["a/b/c", "a/b", "a", "up/../down", "two//slashes", "folder/", "./here", "a.tmp", "a.meta.json", "é/ü"]


def test_keys_that_are_no_plain_paths_are_told_apart_also_after_a_restart(tmp_path: Path) -> None:
    bodies = {key: f"of {key}".encode() for key in [*NO_PLAIN_PATHS, "plain/one"]}
    bodies |= {key: f"newer, of {key}".encode() for key in ("a/b", "plain/one")}
    aws = emulator.start(tmp_path, keep=True)
    try:
        s3 = make_bucket(aws)
        for key in [*NO_PLAIN_PATHS, "plain/one", "gone/a", "gone"]:
            s3.put_object(Bucket=BUCKET, Key=key, Body=f"of {key}".encode())
        for key in ("a/b", "plain/one"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=bodies[key])
        for key in ("gone", "gone/a"):
            s3.delete_object(Bucket=BUCKET, Key=key)
        assert _bodies(s3) == bodies
    finally:
        emulator.stop(aws)
    again = emulator.start(tmp_path, keep=True)
    try:
        assert _bodies(again.client("s3")) == bodies
    finally:
        emulator.stop(again)


def test_a_key_below_another_stays_where_it_is_when_that_one_is_gone(tmp_path: Path) -> None:
    aws = emulator.start(tmp_path, keep=True)
    try:
        s3 = make_bucket(aws)
        above = s3.put_object(Bucket=BUCKET, Key="above", Body=b"above")["VersionId"]
        s3.put_object(Bucket=BUCKET, Key="above/below", Body=b"below")
        s3.delete_object(Bucket=BUCKET, Key="above", VersionId=above)
        assert _bodies(s3) == {"above/below": b"below"}
    finally:
        emulator.stop(aws)


def test_a_link_in_the_lakes_folder_leads_nowhere(tmp_path: Path) -> None:
    aws = emulator.start(tmp_path / "lake", keep=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    try:
        s3 = make_bucket(aws)
        folder = tmp_path / "lake" / "objects" / emulator.ACCOUNT_ID / BUCKET
        (folder / "linked").symlink_to(outside)
        (outside / "secret").write_bytes(b"of somebody else")
        s3.put_object(Bucket=BUCKET, Key="linked/one", Body=b"mine")
        s3.put_object(Bucket=BUCKET, Key="linked/secret", Body=b"mine too")
        assert _bodies(s3) == {"linked/one": b"mine", "linked/secret": b"mine too"}
        assert {file.name: file.read_bytes() for file in outside.iterdir()} == {"secret": b"of somebody else"}
    finally:
        emulator.stop(aws)


def _bodies(s3: Any) -> dict[str, bytes]:
    listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    return {one["Key"]: s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed}


def _check(s3: Any, versions: list[tuple[str, bytes]], gone: str) -> None:
    for version, body in versions:
        assert s3.get_object(Bucket=BUCKET, Key="raw/one", VersionId=version)["Body"].read() == body
    assert s3.get_object(Bucket=BUCKET, Key="raw/one")["Body"].read() == versions[-1][1]
    assert s3.get_object(Bucket=BUCKET, Key="raw/gone", VersionId=gone)["Body"].read() == b"gone"
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=BUCKET, Key="raw/gone")
