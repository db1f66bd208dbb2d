"""Lists what is under a prefix, in several requests at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import boto3
import obstore
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from obstore.exceptions import InvalidPathError

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.keys import parse_partition_key
from b3lake.refine.config import Connection, Place
from b3lake.refine.fingerprint import plain_etag, tag_of
from b3lake.refine.log import log
from b3lake.refine.objects import requesting, store_of
from b3lake.refine.partitions import LISTING, day_number

LISTING_THREADS = 8
DATES_PER_LISTING = 25
KEYS_PER_PAGE = 1_000


def list_partitions(place: Place, connection: Connection, dates_at_once: int = DATES_PER_LISTING) -> pa.Table:
    """List the partitions under a table's prefix (LISTING); other keys are left alone and counted."""
    dates = sorted(item for item in _folders(place, connection) if "/dt=" in item)
    # A name between a date's folder and the next one's: some servers pass over a folder that is the offset itself.
    starts = [None, *(f"{folder.rstrip('/')}0" for folder in dates[dates_at_once - 1 : -1 : dates_at_once])]
    with ThreadPoolExecutor(LISTING_THREADS) as threads:
        spans = zip(starts, [*starts[1:], None], strict=True)
        parts = threads.map(lambda span: _list_span(place, connection, *span), spans)
        listings, foreign = zip(*parts, strict=True)
    if any(foreign):
        log.warning("%s: %d objects are not dt=/ticker=/data.parquet and are left alone", place.uri, sum(foreign))
    return pa.concat_tables(listings)


def names_under(place: Place, connection: Connection) -> dict[str, str]:
    """Name to ETag, of all objects under a prefix that has few."""
    return {path[len(place.prefix) + 1 :]: etag for path, etag in _keys_between(place, connection, None, None)}


def _folders(place: Place, connection: Connection) -> list[str]:
    """The folders under a prefix; none where a stranger's key is among them that obstore does not take."""
    with requesting(place.uri), suppress(InvalidPathError):
        return list(obstore.list_with_delimiter(store_of(place, connection), place.prefix)["common_prefixes"])
    return []


def _list_span(place: Place, connection: Connection, start: str | None, end: str | None) -> tuple[pa.Table, int]:
    """The partitions from one date's folder to before another's, and the number of other keys."""
    tickers: list[str] = []
    days: list[int] = []
    etags: list[str] = []
    foreign = 0
    for path, etag in _keys_between(place, connection, start, end):
        parsed = parse_partition_key(place.prefix, path)
        if parsed is None:
            foreign += 1
            continue
        days.append(day_number(parsed[0]))
        tickers.append(parsed[1])
        etags.append(etag)
    return pa.table([tickers, days, [tag_of(etag) for etag in etags], etags], schema=LISTING), foreign


def _keys_between(
    place: Place, connection: Connection, start: str | None, end: str | None
) -> Iterator[tuple[str, str]]:
    """Key and ETag of the objects behind the key `start` and before the key `end`."""
    last = start or ""
    with requesting(place.uri):
        try:
            for page in obstore.list(store_of(place, connection), place.prefix, offset=start, chunk_size=KEYS_PER_PAGE):
                for item in page:
                    if end is not None and item["path"] >= end:
                        return
                    yield item["path"], plain_etag(item["e_tag"])
                    last = item["path"]
        except InvalidPathError:  # a stranger's key, such as one with two slashes in a row
            yield from _keys_by_boto3(place, connection, last, end)


def _keys_by_boto3(place: Place, connection: Connection, after: str, end: str | None) -> Iterator[tuple[str, str]]:
    """As `_keys_between`, for any key, at a tenth of the speed."""
    s3 = boto3.client("s3", region_name=connection.region, endpoint_url=connection.s3_endpoint)
    pages = s3.get_paginator("list_objects_v2")
    try:
        for page in pages.paginate(Bucket=place.bucket, Prefix=f"{place.prefix}/", StartAfter=after):
            for item in page.get("Contents", []):
                if end is not None and item["Key"] >= end:
                    return
                yield item["Key"], plain_etag(item["ETag"])
    except (ClientError, BotoCoreError) as error:
        raise as_aws_error(error, place.uri) from error
