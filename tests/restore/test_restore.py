"""The lake as of a moment: planned from any history of versions, and carried out on a versioned bucket."""

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from b3lake.lake.errors import UsageError
from b3lake.restore.bucket import RestoreError, VersionedBucket
from b3lake.restore.command import parse, run
from b3lake.restore.plan import Bring, Version, plan_restore

BUCKET = "tech-challenge2-dev-raw-123456789012"
T0 = dt.datetime(2024, 5, 31, tzinfo=dt.timezone.utc)
NOW = dt.datetime.now(dt.timezone.utc)
Histories = dict[str, list[tuple[int, str | None]]]


def versions_of(histories: Histories) -> list[Version]:
    """Versions as S3 lists them, from what was written (or deleted: None) into each key, at which minute."""
    listed = []
    for key in sorted(histories):
        writes = sorted(histories[key], key=lambda write: write[0])
        for number, (minute, body) in reversed(list(enumerate(writes))):
            latest = number == len(writes) - 1
            moment = T0 + dt.timedelta(minutes=minute)
            listed.append(
                Version(key, f"{key}-{number}", moment, latest, body is None, f"etag of {body}" if body else "")
            )
    return listed


WRITE = st.tuples(st.integers(0, 20), st.sampled_from(["a", "b", None]))
WRITES = st.lists(WRITE, min_size=1, max_size=6, unique_by=lambda write: write[0])


@given(st.dictionaries(st.sampled_from(["k1", "k2", "k3"]), WRITES, max_size=3), st.integers(-1, 21))
def test_carrying_the_plan_out_gives_what_was_there(
    histories: dict[str, list[tuple[int, str | None]]], at: int
) -> None:
    """Replayed in memory, with a dictionary of the contents at that minute for comparison."""
    then = {}
    now = {}
    for key, writes in histories.items():
        for minute, body in sorted(writes, key=lambda write: write[0]):
            now[key] = body
            if minute <= at:
                then[key] = body
    bodies = {
        f"{key}-{number}": body
        for key, writes in histories.items()
        for number, (_, body) in enumerate(sorted(writes, key=lambda write: write[0]))
    }
    steps = list(plan_restore(versions_of(histories), T0 + dt.timedelta(minutes=at)))
    for step in steps:
        now[step.key] = bodies[step.version_id] if isinstance(step, Bring) else None
    alive = {key: body for key, body in now.items() if body is not None}
    assert alive == {key: body for key, body in then.items() if body is not None}


def test_what_is_as_it_was_is_left_alone() -> None:
    histories: Histories = {"same": [(0, "a")], "again": [(0, "a"), (9, "b"), (12, "a")]}
    assert list(plan_restore(versions_of(histories), T0 + dt.timedelta(minutes=5))) == []


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


def put(s3: Any, **objects: str) -> None:
    for name, body in objects.items():
        s3.put_object(Bucket=BUCKET, Key=f"raw/b3/{name}", Body=body.encode())


def contents(s3: Any) -> dict[str, str]:
    listed = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read().decode() for item in listed}


def restore(*words: str) -> int:
    now = dt.datetime.now(dt.timezone.utc)
    return run(parse([*words, "--bucket", BUCKET], {}, now), now)


def test_the_lake_as_of_a_moment(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    put(s3, kept="1", changed="1", deleted="1")
    s3.put_object(Bucket=BUCKET, Key="refined/b3/x", Body=b"1")
    before = contents(s3)
    time.sleep(1.1)  # S3 tells seconds
    moment = dt.datetime.now(dt.timezone.utc).isoformat()
    time.sleep(1.1)
    put(s3, changed="2", new="2")
    s3.delete_object(Bucket=BUCKET, Key="raw/b3/deleted")
    s3.put_object(Bucket=BUCKET, Key="refined/b3/x", Body=b"2")
    after = contents(s3)

    assert restore("--as-of", moment) == 0
    assert capsys.readouterr().out.splitlines() == [
        "  bring back raw/b3/changed",
        "  bring back raw/b3/deleted",
        "  remove raw/b3/new",
        "2 objects would be brought back, 1 would be removed.",
        "Nothing was done: say --apply.",
    ]
    assert contents(s3) == after

    assert restore("--as-of", moment, "--prefix", "raw/b3/ch", "--apply") == 0
    assert contents(s3) == after | {"raw/b3/changed": "1"}
    assert restore("--as-of", moment, "--apply") == 0
    assert contents(s3) == before | {"refined/b3/x": "2"}
    capsys.readouterr()
    assert restore("--as-of", moment, "--apply") == 0
    assert capsys.readouterr().out == "0 objects were brought back, 0 were removed.\n"


def test_a_moment_whose_versions_may_be_gone_is_refused(s3: Any) -> None:
    rule = {"ID": "x", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 30}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    bucket = VersionedBucket(s3, BUCKET)
    bucket.check(NOW - dt.timedelta(days=29), NOW)
    with pytest.raises(RestoreError, match=r"keeps old versions for 30 days \(OldVersionDays\): choose a moment after"):
        bucket.check(NOW - dt.timedelta(days=31), NOW)


def test_a_bucket_without_versions_is_refused(s3: Any) -> None:
    s3.create_bucket(Bucket="plain")
    with pytest.raises(RestoreError, match="Bucket plain keeps no versions"):
        VersionedBucket(s3, "plain").check(NOW, NOW)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--as-of", "yesterday"], "--as-of yesterday is no moment: write it like '2024-05-31 18:00'."),
        (["--as-of", "2999-01-01"], "--as-of 2999-01-01 is still to come."),
        (["--as-of", "2024-05-31", "--prefix", "refined/b3/"], "--prefix refined/b3/ is not under raw/b3/"),
        ([], "the following arguments are required: --as-of; --help lists the options."),
    ],
)
def test_wrong_usage_is_one_sentence(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words, {}, NOW)
    assert str(caught.value).startswith(said)


def test_a_moment_without_a_zone_is_sao_paulo_s() -> None:
    assert parse(["--as-of", "2024-05-31 18:00"], {}, NOW).moment == dt.datetime(
        2024, 5, 31, 21, tzinfo=dt.timezone.utc
    )
