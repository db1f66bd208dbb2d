"""Keeps the bytes of a kept lake's objects in files alone, and finds an object's file with few looks at the disk.

- ministack has the newest version of each object in memory, too; it finds them in the file where they are not there.
- ministack looks some forty times for the file of one object: whether any folder on the way, from the disk's root, is
  a link that leads elsewhere, and whether the object lies under a second name, for keys that are no path. Here each
  folder below the bucket's is looked at once, a second name is looked for only where there is any, and whatever is not
  plain is left to ministack.
- ministack reads what is known of each object when it is imported, and goes on without those after one that it cannot
  read, or whose file has become a folder. Here the first such one is named, and the emulator does not start.

It runs in the virtualenv of the emulator: the standard library and ministack alone.
"""

import errno
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ministack.services import s3

from devlake.refused_state import DamagedStateError

_BESIDE = ".meta.json"
"""Beside each object's file is one of what is known of it; where the object was deleted it may be alone."""
_key_files = s3._persisted_key_files
_record = s3._record_object_version
_find = s3._key_disk_path
_find_other = s3._other_key_disk_path


def record_object_version(
    bucket: str, key: str, prior: dict[str, Any] | None, written: dict[str, Any], data: Any
) -> Any:
    """ministack's own, without the bytes where these are about to be in a file."""
    return _record(bucket, key, prior, written, None if s3.S3_PERSIST else data)


@dataclass
class _Folder:
    """A bucket's folder: its path without links, and whether objects lie in it under second names."""

    path: str
    has_second_names: bool


@lru_cache
def _folder(base: str) -> _Folder:
    path = os.path.realpath(base)
    return _Folder(path, os.path.lexists(f"{path}/{s3._ENCODED_KEYS_DIR}"))


def key_disk_path(base: str, key: str) -> str | None:
    """The path of the file of the object `key` in the bucket's folder `base`, as ministack finds it."""
    folder = _folder(base)
    if s3._plain_path_key(key) and not folder.has_second_names and _is_plain(folder.path, key):
        return f"{folder.path}/{key}"
    path: str | None = _find(base, key)
    folder.has_second_names |= path != f"{folder.path}/{key}"
    return path


def other_key_disk_path(base: str, key: str, path: str) -> str | None:
    """The second path that an object at `path` might have a stale file at, or None where there can be none."""
    folder = _folder(base)
    if path == f"{folder.path}/{key}" and not folder.has_second_names:
        return None
    other: str | None = _find_other(base, key, path)
    return other


def _is_plain(root: str, key: str) -> bool:
    """Whether there are only folders on the way to the key's file, none a link, and a file or nothing at its end."""
    *folders, name = key.split("/")
    path = root
    try:
        for folder in folders:
            path += f"/{folder}"
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                return False
        return stat.S_ISREG(os.lstat(f"{path}/{name}").st_mode)
    except FileNotFoundError:  # nothing is there, nor below
        return True


def load_objects() -> None:
    """Read what is known of each object that is kept. Raises DamagedStateError."""
    root = Path(s3.DATA_DIR)
    at = s3.DATA_DIR

    def key_files(bucket: str, sidecars: bool) -> Iterator[tuple[str, str]]:
        nonlocal at
        for file, key in _key_files(bucket, sidecars):
            at = file if sidecars else file + _BESIDE
            if sidecars and _is_lost(file):
                raise IsADirectoryError(errno.EISDIR, "an object is a folder", file.removesuffix(_BESIDE))
            yield file, key

    s3._persisted_key_files = key_files
    try:
        for account in root.glob("[0-9]" * 12):
            s3._load_persisted_account(account.name, str(account))
    except Exception as error:
        damaged = (error.filename if isinstance(error, OSError) else None) or at
        raise DamagedStateError(f"{root.name}/{Path(damaged).relative_to(root)}") from error


def _is_lost(sidecar: str) -> bool:
    """Whether a folder is in the place of the object's file. A deleted one's may be: that of a key below it."""
    if not os.path.isdir(sidecar.removesuffix(_BESIDE)):  # noqa: PTH112 - asked of every object
        return False
    return not json.loads(Path(sidecar).read_text(encoding="utf-8")).get("is_delete_marker")


def install() -> None:
    """Put these in the place of ministack's; of a kept lake, keep its objects."""
    if os.environ.get("PERSIST_STATE") == "1":  # it was imported without S3_PERSIST, so that it has read nothing yet
        s3.S3_PERSIST, os.environ["S3_PERSIST"] = True, "1"
    s3._record_object_version = record_object_version
    s3._key_disk_path = key_disk_path
    s3._other_key_disk_path = other_key_disk_path
