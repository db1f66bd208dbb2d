"""Keeps the bytes of a kept lake's objects in files alone: ministack has the newest version of each in memory, too.

It finds them in the file where they are not in memory. It runs in the virtualenv of the emulator: the standard library
and ministack alone.
"""

from typing import Any

from ministack.services import s3

_record = s3._record_object_version


def record_object_version(
    bucket: str, key: str, prior: dict[str, Any] | None, written: dict[str, Any], data: Any
) -> Any:
    """ministack's own, without the bytes where these are about to be in a file."""
    return _record(bucket, key, prior, written, None if s3.S3_PERSIST else data)


def install() -> None:
    """Put this in the place of ministack's."""
    s3._record_object_version = record_object_version
