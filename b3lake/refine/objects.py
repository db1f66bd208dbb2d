"""Objects in S3, one at a time and many at once. Used by the driver and by the executors."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError
from obstore.store import S3Store

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.credentials import object_credentials
from b3lake.lake.errors import AwsError
from b3lake.refine.config import Connection, Place
from b3lake.refine.fingerprint import plain_etag

REQUESTS_IN_FLIGHT = 64


def store_of(place: Place, connection: Connection) -> S3Store:
    """One store, and so one pool of connections, per bucket and process. Raises AwsError without credentials."""
    # The functions of a script are unpickled anew for every task; a library's module lives as long as its process.
    stores: dict[Any, S3Store] = obstore.__dict__.setdefault("_refine_stores", {})
    if (place.bucket, connection) not in stores:
        elsewhere: dict[str, Any] = {"endpoint": connection.s3_endpoint, "virtual_hosted_style_request": False}
        stores[place.bucket, connection] = S3Store(
            place.bucket,
            region=connection.region,
            credential_provider=_credentials(place),
            client_options={"allow_http": True, "timeout": "60s"},
            **(elsewhere if connection.s3_endpoint else {}),
        )
    return stores[place.bucket, connection]


def _credentials(place: Place) -> Boto3CredentialProvider:
    try:
        return object_credentials()
    except ValueError as error:
        raise as_aws_error(error, f"bucket {place.bucket}") from error


@contextmanager
def requesting(uri: str, *left: type[Exception]) -> Iterator[None]:
    """Turns a failed request in a `with` block into an AwsError, but for errors of the kinds `left`."""
    try:
        yield
    except left:
        raise
    except (BaseError, OSError) as error:
        raise as_aws_error(error, uri) from error


def get(place: Place, name: str, connection: Connection) -> bytes:
    with requesting(f"{place.uri}/{name}"):
        return obstore.get(store_of(place, connection), f"{place.prefix}/{name}").bytes().to_bytes()


def get_or_none(place: Place, name: str, connection: Connection) -> bytes | None:
    """An object's bytes; None when there is none."""
    with requesting(f"{place.uri}/{name}"):
        try:
            return obstore.get(store_of(place, connection), f"{place.prefix}/{name}").bytes().to_bytes()
        except (NotFoundError, FileNotFoundError):
            return None


def put(place: Place, name: str, data: bytes, connection: Connection) -> str:
    """Write an object in one request; its ETag."""
    with requesting(f"{place.uri}/{name}"):
        answer = obstore.put(store_of(place, connection), f"{place.prefix}/{name}", data, use_multipart=False)
    return plain_etag(answer["e_tag"])


def delete(place: Place, keys: list[str], connection: Connection) -> None:
    with requesting(place.uri):
        obstore.delete(store_of(place, connection), keys)


async def get_if_there(store: S3Store, place: Place, key: str) -> tuple[str, bytes] | None:
    """An object's ETag and bytes; None when it is gone."""
    try:
        with requesting(f"s3://{place.bucket}/{key}"):
            answer = await obstore.get_async(store, key)
            return plain_etag(answer.meta["e_tag"]), (await answer.bytes_async()).to_bytes()
    except AwsError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotFoundError) and "NoSuchBucket" not in str(
            error.__cause__
        ):
            return None
        # Without the right to list the whole bucket, S3 answers "denied" for what is not there.
        if isinstance(error.__cause__, PermissionDeniedError | PermissionError) and not await _is_listed(store, key):
            return None
        raise


async def _is_listed(store: S3Store, key: str) -> bool:
    try:
        listed = await obstore.list(store, key.rpartition("/")[0]).collect_async()
    except BaseError:  # for a stranger's key beside it, it may be there
        return True
    return any(item["path"] == key for item in listed)


async def _in_flight(work: Callable[[Any], Coroutine[Any, Any, Any]], items: Iterable[Any]) -> list[Any]:
    gate = asyncio.Semaphore(REQUESTS_IN_FLIGHT)

    async def one(item: Any) -> Any:
        async with gate:
            return await work(item)

    return await asyncio.gather(*(one(item) for item in items))


def in_flight(work: Callable[[Any], Coroutine[Any, Any, Any]], items: Iterable[Any]) -> list[Any]:
    """Do `work` for each item, with so many requests in flight; its results in the items' order."""
    return asyncio.run(_in_flight(work, items))


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A table as a Parquet object; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


def from_parquet(data: bytes, schema: pa.Schema) -> pa.Table | None:
    """The table in a Parquet object, its columns as `schema` has them, null where it lacks one; None where it is
    damaged."""
    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        lacking = [field for field in schema if field.name not in table.column_names]
        for field in lacking:
            table = table.append_column(field, pa.nulls(len(table), field.type))
        return table.select(schema.names).cast(schema)
    except (pa.ArrowException, OSError, ValueError):
        return None
