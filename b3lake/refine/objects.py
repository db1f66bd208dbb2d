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

from b3lake.lake.aws_errors import as_aws_error, refusal
from b3lake.lake.credentials import object_credentials
from b3lake.lake.errors import RefusedObjectError
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


def get_own(place: Place, name: str, connection: Connection) -> bytes | None:
    """The bytes of an object that the job wrote; None when there is none, and none at all where S3 refuses it: it is
    then as good as damaged."""
    with requesting(f"{place.uri}/{name}"):
        try:
            return obstore.get(store_of(place, connection), f"{place.prefix}/{name}").bytes().to_bytes()
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as error:
            if refusal(error):
                return b""
            raise


def put(place: Place, name: str, data: bytes, connection: Connection) -> str:
    """Write an object in one request; its ETag."""
    with requesting(f"{place.uri}/{name}"):
        answer = obstore.put(store_of(place, connection), f"{place.prefix}/{name}", data, use_multipart=False)
    return plain_etag(answer["e_tag"])


def delete(place: Place, keys: list[str], connection: Connection) -> None:
    with requesting(place.uri):
        obstore.delete(store_of(place, connection), keys)


async def get_if_there(store: S3Store, place: Place, key: str) -> tuple[str, bytes] | None:
    """An object's ETag and bytes; None when it is gone. Raises AwsError, and RefusedObjectError where only this one is
    not given out."""
    uri = f"s3://{place.bucket}/{key}"
    try:
        answer = await obstore.get_async(store, key)
        return plain_etag(answer.meta["e_tag"]), (await answer.bytes_async()).to_bytes()
    except (NotFoundError, FileNotFoundError) as error:
        if "NoSuchBucket" in str(error):
            raise as_aws_error(error, uri) from error
        return None
    except (BaseError, OSError) as error:
        why = refusal(error)
        # Without the right to list the whole bucket, S3 answers "denied" for what is not there.
        if why and isinstance(error, PermissionDeniedError) and not await _is_listed(store, key):
            return None
        raise (RefusedObjectError(why) if why else as_aws_error(error, uri)) from error


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
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None
