"""The raw objects: listed, read, put and deleted through obstore."""

import asyncio
import datetime as dt
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import obstore
from obstore.exceptions import BaseError, InvalidPathError, NotFoundError
from obstore.store import S3Store

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.credentials import object_credentials
from b3lake.lake.keys import RAW_PREFIX, parse_partition_key
from b3lake.lake.listing import Listed, list_exactly
from b3lake.lake.names import Names
from b3lake.lake.session import open_session
from b3lake.lake.words import printable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

IN_FLIGHT = 64
"""Requests at a time."""
RETRIES = 6
RETRY_SECONDS = 60
REQUEST_SECONDS = 20
_PAGE = 1000

_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


@dataclass(frozen=True)
class RawObject:
    """One object of the raw prefix; `md5` is None where its ETag is none (KMS encryption, multipart upload)."""

    key: str
    day: dt.date
    ticker: str
    md5: bytes | None
    modified: dt.datetime


def open_store(bucket: str, session: boto3.Session) -> S3Store:
    """The bucket, with the endpoint, region and credentials of `session`.

    Requests that meet 5xx answers (503 SlowDown too), timeouts or dropped connections are repeated with growing
    pauses, at most RETRIES times and RETRY_SECONDS. Raises AwsError when there are no credentials.
    """
    try:
        credentials = object_credentials(session)
    except ValueError as error:
        raise as_aws_error(error, f"bucket {bucket}", "RAW_BUCKET") from error
    client: ClientConfig = {"timeout": dt.timedelta(seconds=REQUEST_SECONDS), "allow_http": True}
    retry: RetryConfig = {
        "max_retries": RETRIES,
        "retry_timeout": dt.timedelta(seconds=RETRY_SECONDS),
        "backoff": {"init_backoff": dt.timedelta(milliseconds=100), "max_backoff": dt.timedelta(seconds=10), "base": 2},
    }
    place: dict[str, Any] = {"region": session.region_name}
    endpoint = session.client("s3").meta.endpoint_url
    if not (urlsplit(endpoint).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn")):
        place |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
    return S3Store(bucket, credential_provider=credentials, client_options=client, retry_config=retry, **place)


async def those_there(store: S3Store, keys: Iterable[str]) -> list[str]:
    """Which of `keys` there is an object of: asked one by one, for no listing proves that one is gone."""
    found: list[str] = []
    left = iter(keys)

    async def ask() -> None:
        for key in left:
            with suppress(NotFoundError, FileNotFoundError):
                await obstore.head_async(store, key)
                found.append(key)

    await asyncio.gather(*(ask() for _ in range(IN_FLIGHT)))
    return sorted(found)


def parse_key(key: str) -> tuple[dt.date, str] | None:
    """The partition that `key` holds; None when it is no bronze object."""
    return parse_partition_key(RAW_PREFIX, key)


async def list_days(
    store: S3Store, start: dt.date = dt.date.min, end: dt.date = dt.date.max, strays: list[str] | None = None
) -> AsyncIterator[RawObject]:
    """Every bronze object of the days `start` to `end`, in order of keys: one LIST request per thousand objects.

    Keys that are none of the lake's are added to `strays`: all that there are, where neither end is given; else those
    that are met on the way. With `strays` each key is what it is in truth, at a tenth of the speed; without, a slash at
    a key's end may be lost. Raises AwsError.
    """
    after = RAW_PREFIX
    if start > dt.date.min:
        # Sorts after every key of the day before. (The start would do on S3; SeaweedFS would then skip that day.)
        after = f"{RAW_PREFIX}/dt={start - dt.timedelta(days=1)}z"
    listed = (
        _list(store, after) if strays is None else list_keys(s3_of(store), bucket_of(store), f"{RAW_PREFIX}/", after)
    )
    async for key, etag, modified in listed:
        partition = parse_key(key)
        if partition is None:
            if strays is not None:
                strays.append(key)
            continue
        day, ticker = partition
        if day > end:
            return
        if day >= start:
            match = _MD5.fullmatch(etag)
            yield RawObject(key, day, ticker, bytes.fromhex(match[1]) if match else None, modified)


async def _list(store: S3Store, after: str) -> AsyncIterator[Listed]:
    """The raw prefix's objects behind the key `after`. Raises AwsError."""
    last = after
    try:
        async for page in store.list(RAW_PREFIX, offset=after, chunk_size=_PAGE):
            for meta in page:
                yield Listed(meta["path"], meta["e_tag"] or "", meta["last_modified"])
                last = meta["path"]
    except InvalidPathError:  # a stranger's key that obstore does not take, such as one with two slashes in a row
        async for listed in _list_exactly(store, last):
            yield listed
    except BaseError as error:
        raise as_aws_error(error, f"bucket {store.config['bucket']}", "RAW_BUCKET") from error


def _list_exactly(store: S3Store, after: str) -> AsyncIterator[Listed]:
    return list_keys(s3_of(store), bucket_of(store), f"{RAW_PREFIX}/", after)


async def list_keys(
    s3: Any, bucket: str, prefix: str, after: str = "", end: str | None = None
) -> AsyncIterator[Listed]:
    """As `list_exactly`, without holding up what else is at work. Raises AwsError."""
    listed = list_exactly(s3, bucket, prefix, after, end, setting="RAW_BUCKET")
    while some := await asyncio.to_thread(lambda: list(islice(listed, _PAGE))):
        for one in some:
            yield one


async def delete_keys(store: S3Store, keys: list[str]) -> None:
    """Delete objects whose keys obstore does not take. Raises AwsError."""
    if not keys:
        return
    s3, bucket = s3_of(store), bucket_of(store)
    for key in keys:
        try:
            await asyncio.to_thread(s3.delete_object, Bucket=bucket, Key=key)
        except Exception as error:  # botocore raises many unrelated classes here
            raise as_aws_error(error, f"s3://{bucket}/{printable(key)}", "RAW_BUCKET") from error


def s3_of(store: S3Store) -> Any:
    """A boto3 client for where `store` is: for keys that obstore does not take. Making one takes a while."""
    return open_session().client("s3", endpoint_url=store.config.get("endpoint"))


def bucket_of(store: S3Store) -> str:
    """The name of the bucket."""
    return str(store.config["bucket"])


async def put(store: S3Store, key: str, body: bytes) -> None:
    """Put one whole object. Raises obstore's BaseError once the retries are used up."""
    with _in_obstores_words():
        await obstore.put_async(store, key, body, use_multipart=False)


async def get(store: S3Store, key: str) -> bytes:
    """The bytes of one object. Raises obstore's BaseError."""
    with _in_obstores_words():
        answer = await obstore.get_async(store, key)
        return bytes(await answer.bytes_async())


@contextmanager
def _in_obstores_words() -> Iterator[None]:
    """Turns Python's own error for what is not there, which obstore raises, into its own."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(str(error)) from error


async def get_all(store: S3Store, keys: Iterable[str]) -> dict[str, bytes]:
    """The bytes of the objects at `keys`, without those that are not there. Raises AwsError."""
    found: dict[str, bytes] = {}
    work = iter(keys)

    async def get_next() -> None:
        for key in work:
            with suppress(NotFoundError):
                found[key] = await get(store, key)

    try:
        await asyncio.gather(*(get_next() for _ in range(IN_FLIGHT)))
    except BaseError as error:
        raise as_aws_error(error, f"bucket {store.config['bucket']}") from error
    return found


async def delete(store: S3Store, keys: list[str]) -> None:
    """Delete objects. Raises obstore's BaseError."""
    await obstore.delete_async(store, keys)


def default_bucket(lake_env: str, session: boto3.Session) -> str:
    """The name that template.yaml gives the raw bucket in the account of the credentials. Raises AwsError."""
    try:
        account = session.client("sts").get_caller_identity()
    except Exception as error:  # botocore raises many unrelated classes here
        raise as_aws_error(error, "the AWS account") from error
    return Names(lake_env).raw_bucket(account["Account"])
