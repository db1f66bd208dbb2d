"""Where a lake's objects are read from: a bucket, or the folder in which the lake of this machine keeps its own.

The AWS emulator keeps an object as a file under its key, and beside it a `.meta.json` that says whether it was deleted:
the bucket has versions, so the file of a deleted object stays. An object whose key is no path of a file, or is in a
folder that is another object's file, it keeps in one folder under its encoded key.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from b3lake.analysis.errors import AnalysisError
from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.listing import list_exactly

IN_FLIGHT = 64
"""Requests at a time."""
_META = ".meta.json"
_ENCODED = ".ministack-keys"
_DELETED = '"is_delete_marker": true'


class Objects(Protocol):
    """The objects of a lake, read only."""

    @property
    def place(self) -> str:
        """Where they are, for a person."""

    def keys(self, prefix: str) -> list[str]:
        """The keys under `prefix`, which ends with a slash, sorted."""

    def read(self, keys: Sequence[str]) -> list[bytes]:
        """The bodies of `keys`, in their order."""


@dataclass(frozen=True)
class FolderObjects:
    """The objects that the AWS emulator keeps in `folder`, whether it runs or not."""

    folder: Path

    @property
    def place(self) -> str:
        return str(self.folder)

    def path(self, key: str) -> Path:
        """The file of an object."""
        file = self.folder / key
        return file if file.is_file() else self.folder / _ENCODED / quote(key, safe="").replace(".", "%2E")

    def keys(self, prefix: str) -> list[str]:
        here = {file.relative_to(self.folder).as_posix() for file in _there((self.folder / prefix).rglob("*"))}
        return sorted(here | {key for key in self._encoded() if key.startswith(prefix)})

    def read(self, keys: Sequence[str]) -> list[bytes]:
        try:
            return [self.path(key).read_bytes() for key in keys]
        except OSError as error:
            raise AnalysisError(f"{error.filename} cannot be read ({error.strerror}): ask again.") from error

    def _encoded(self) -> Iterator[str]:
        """The keys that are no path, or that another key's file is in the way of."""
        return (unquote(file.name) for file in _there((self.folder / _ENCODED).glob("*")))


def _there(files: Iterable[Path]) -> Iterator[Path]:
    """Those of `files` that are objects."""
    return (file for file in files if file.is_file() and not file.name.endswith(_META) and not _is_deleted(file))


def _is_deleted(file: Path) -> bool:
    try:
        text = file.with_name(file.name + _META).read_text("utf-8")
        return _DELETED in text and bool(json.loads(text).get("is_delete_marker"))
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class BucketObjects:
    """The objects of a bucket. Both methods raise AwsError."""

    store: S3Store
    bucket: str

    @property
    def place(self) -> str:
        return f"s3://{self.bucket}"

    def keys(self, prefix: str) -> list[str]:
        from b3lake.ingest.objects import s3_of  # noqa: PLC0415 - a folder needs no AWS client

        return [one.key for one in list_exactly(s3_of(self.store), self.bucket, prefix, setting="LAKE_ENV")]

    def read(self, keys: Sequence[str]) -> list[bytes]:
        return asyncio.run(self._read(keys))

    async def _read(self, keys: Sequence[str]) -> list[bytes]:
        bodies: dict[str, bytes] = {}
        left = iter(dict.fromkeys(keys))

        async def work() -> None:
            for key in left:
                answer = await obstore.get_async(self.store, key)
                bodies[key] = bytes(await answer.bytes_async())

        try:
            await asyncio.gather(*(work() for _ in range(min(IN_FLIGHT, len(keys)))))
        except (BaseError, FileNotFoundError) as error:
            raise as_aws_error(error, f"bucket {self.bucket}", "LAKE_ENV") from error
        return [bodies[key] for key in keys]
