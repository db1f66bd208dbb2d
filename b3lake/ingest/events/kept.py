"""B3's answers as the lake keeps them, so that a rule can be applied anew without asking again."""

import datetime as dt
from collections.abc import Iterable

from obstore.exceptions import BaseError
from obstore.store import S3Store

from b3lake.ingest import objects
from b3lake.ingest.events.answers import CASH, SUPPLEMENT
from b3lake.ingest.sources.b3_events import file_name
from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.keys import ANSWERS_PREFIX

CALLS = (SUPPLEMENT, CASH)


class KeptAnswers:
    """The answers that the lake has: which there are, and from when; their bodies once they were read."""

    def __init__(self, store: S3Store, put_on: dict[str, dt.datetime]) -> None:
        self._store, self._put_on = store, put_on
        self._bodies: dict[str, bytes] = {}

    def asked_on(self, issuer: str) -> dt.datetime | None:
        """When the older of both answers about `issuer` was put; None when one is not there."""
        moments = [self._put_on.get(file_name(issuer, call)) for call in CALLS]
        return min((moment for moment in moments if moment), default=None) if all(moments) else None

    async def read(self, issuers: Iterable[str]) -> None:
        """Read what there is about `issuers`. Raises AwsError."""
        names = [file_name(issuer, call) for issuer in issuers for call in CALLS]
        keys = {f"{ANSWERS_PREFIX}/{name}": name for name in names if name in self._put_on}
        for key, body in (await objects.get_all(self._store, keys)).items():
            self._bodies[keys[key]] = body

    def bodies(self, issuer: str) -> dict[str, bytes]:
        """The answers read or put about `issuer`, by call."""
        return {call: self._bodies[name] for call in CALLS if (name := file_name(issuer, call)) in self._bodies}

    async def keep(self, issuer: str, bodies: dict[str, bytes], older_than: dt.datetime) -> None:
        """Put the answers that differ from what is there, or that were put before `older_than`. Raises AwsError."""
        for call, body in bodies.items():
            name = file_name(issuer, call)
            put_on = self._put_on.get(name)
            if put_on and put_on >= older_than and self._bodies.get(name) == body:
                continue
            try:
                await objects.put(self._store, f"{ANSWERS_PREFIX}/{name}", body)
            except BaseError as error:
                raise as_aws_error(error, f"bucket {self._store.config['bucket']}") from error
            self._bodies[name] = body


async def list_kept(store: S3Store) -> KeptAnswers:
    """Which answers the lake has. Raises AwsError."""
    folder = f"{ANSWERS_PREFIX}/"
    listed = objects.list_keys(objects.s3_of(store), objects.bucket_of(store), folder)
    return KeptAnswers(store, {one.key.removeprefix(folder): one.modified async for one in listed})
