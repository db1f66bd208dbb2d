"""obstore asks boto3 for keys again before they end."""

import datetime as dt

import boto3
import pytest
from botocore.credentials import RefreshableCredentials

from b3lake.lake.credentials import object_credentials


def _session(minutes_left: float, made: list[str]) -> boto3.Session:
    """A session with a role's keys, renewed by boto3 as those of an instance profile are; `made` are the keys given."""

    def keys() -> dict[str, str]:
        made.append(f"key{len(made)}")
        end = dt.datetime.now(dt.timezone.utc) + dt.timedelta(minutes=minutes_left if len(made) == 1 else 60)
        return {"access_key": made[-1], "secret_key": "s", "token": "t", "expiry_time": end.isoformat()}

    session = boto3.Session(region_name="us-east-1")
    session._session._credentials = RefreshableCredentials.create_from_metadata(keys(), keys, "test")  # type: ignore[attr-defined]
    return session


def test_what_is_given_is_kept_for_five_minutes_and_not_for_obstore_s_thirty() -> None:
    given = object_credentials(_session(60, []))()
    left = given["expires_at"] - dt.datetime.now(dt.timezone.utc)
    assert dt.timedelta(minutes=4.9) < left <= dt.timedelta(minutes=5)


@pytest.mark.parametrize("minutes_left", [16, 60])
def test_keys_are_never_used_after_their_end(minutes_left: float) -> None:
    """boto3 gives keys that last ten minutes more at least; obstore asks again within five."""
    given = object_credentials(_session(minutes_left, []))()
    assert given["access_key_id"] == "key0"
    end = dt.datetime.now(dt.timezone.utc) + dt.timedelta(minutes=minutes_left)
    assert given["expires_at"] < end


def test_keys_that_are_about_to_end_are_renewed() -> None:
    made: list[str] = []
    assert object_credentials(_session(6, made))()["access_key_id"] == "key1"


def test_without_credentials_there_is_no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ValueError, match="credentials"):
        object_credentials(boto3.Session(region_name="us-east-1"))
