"""Which versions of which objects to bring back. Pure."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Version:
    """One version of an object, `modified` (aware) when it became the newest; a `marker` says that it was deleted."""

    key: str
    id: str
    modified: dt.datetime
    is_latest: bool
    marker: bool = False
    etag: str = ""


@dataclass(frozen=True)
class Bring:
    """Make an old version of an object the newest again, as a copy of it."""

    key: str
    version_id: str


@dataclass(frozen=True)
class Remove:
    """Delete an object that was not there: its versions stay."""

    key: str


Step = Bring | Remove


def plan_restore(versions: Iterable[Version], moment: dt.datetime) -> Iterator[Step]:
    """The steps that bring each object back to what it was at `moment` (aware); none for those that are that already.

    `versions` has all versions of each key one after the other, as S3 lists them: the newest first.
    """
    for key, listed in groupby(versions, key=lambda version: version.key):
        all_of_it = list(listed)
        now = next(version for version in all_of_it if version.is_latest)
        then = next((version for version in all_of_it if version.modified <= moment), None)
        if then is None or then.marker:
            if not now.marker:
                yield Remove(key)
        elif now.marker or (now.id != then.id and now.etag != then.etag):
            yield Bring(key, then.id)
