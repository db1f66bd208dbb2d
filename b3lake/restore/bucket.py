"""The raw bucket's versions: listed, brought back, removed."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.errors import B3LakeError
from b3lake.lake.words import counted
from b3lake.restore.plan import Bring, Step, Version

AT_ONCE = 16


class RestoreError(B3LakeError):
    """The bucket cannot be brought back to that moment."""


class VersionedBucket:
    """The bucket `name`, through the boto3 client `s3`. Every call raises AwsError when AWS refuses it."""

    def __init__(self, s3: Any, name: str) -> None:
        self._s3, self._name = s3, name

    def check(self, moment: dt.datetime, now: dt.datetime) -> None:
        """Raise RestoreError where what was there at `moment` need not be kept any more."""
        versioning = self._call(self._s3.get_bucket_versioning)
        if versioning.get("Status") != "Enabled":
            raise RestoreError(f"Bucket {self._name} keeps no versions: nothing of the past can be brought back.")
        days = self._days_kept()
        if days is not None and moment < now - dt.timedelta(days=days):
            raise RestoreError(
                f"Bucket {self._name} keeps old versions for {counted(days, 'day')} (OldVersionDays): choose a moment "
                f"after {(now - dt.timedelta(days=days)):%Y-%m-%d %H:%M}."
            )

    def versions(self, prefix: str) -> Iterator[Version]:
        """All versions under `prefix`, in order of keys, the newest of each first."""
        try:
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self._name, Prefix=prefix):
                found = [_version(item, marker=False) for item in page.get("Versions", [])]
                found += [_version(item, marker=True) for item in page.get("DeleteMarkers", [])]
                # S3 lists objects and markers apart; of one second, the newest one is the latest.
                yield from sorted(found, key=lambda one: (one.key, not one.is_latest, -one.modified.timestamp()))
        except (ClientError, BotoCoreError) as error:
            raise as_aws_error(error, f"bucket {self._name}") from error

    def carry_out(self, steps: Sequence[Step], on_step: Callable[[], None]) -> None:
        """Bring back and remove, many at once; what was done before an error stays done, and again does no harm."""

        def carry(step: Step) -> None:
            if isinstance(step, Bring):
                source = {"Bucket": self._name, "Key": step.key, "VersionId": step.version_id}
                self._call(self._s3.copy_object, Key=step.key, CopySource=source)
            else:
                self._call(self._s3.delete_object, Key=step.key)
            on_step()

        with ThreadPoolExecutor(AT_ONCE) as threads:
            for _ in threads.map(carry, steps):
                pass

    def _days_kept(self) -> int | None:
        """For how many days an old version is kept at least; None: for ever."""
        try:
            rules = self._s3.get_bucket_lifecycle_configuration(Bucket=self._name)["Rules"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
                return None
            raise as_aws_error(error, f"bucket {self._name}") from error
        days = [
            rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
            for rule in rules
            if rule["Status"] == "Enabled" and "NoncurrentDays" in rule.get("NoncurrentVersionExpiration", {})
        ]
        return min(days, default=None)

    def _call(self, call: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return call(Bucket=self._name, **arguments)
        except (ClientError, BotoCoreError) as error:
            raise as_aws_error(error, f"bucket {self._name}") from error


def _version(item: dict[str, Any], *, marker: bool) -> Version:
    return Version(item["Key"], item["VersionId"], item["LastModified"], item["IsLatest"], marker, item.get("ETag", ""))
