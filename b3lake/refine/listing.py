"""Lists what is under a prefix, in several requests at once.

The object library lists ten times as fast as boto3, and stops at what it takes for no key, or drops a slash at the end
of one. Where that shows, or where a run cannot bring the lake to what was listed, boto3 lists.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from itertools import pairwise
from typing import Any

import boto3
import obstore
import pyarrow as pa
from botocore.config import Config
from obstore.exceptions import InvalidPathError

from b3lake.lake.keys import FIRST_DAY, may_hold, parse_partition_key
from b3lake.lake.listing import Listed, list_exactly
from b3lake.lake.words import counted, printable
from b3lake.refine.config import Connection, Place
from b3lake.refine.fingerprint import plain_etag, tag_of
from b3lake.refine.log import log
from b3lake.refine.objects import requesting, store_of
from b3lake.refine.partitions import EPOCH, LISTING, day_number

LISTING_THREADS = 8
DATES_PER_LISTING = 25
KEYS_PER_PAGE = 1_000
ATTEMPTS = 6


def list_partitions(
    place: Place,
    connection: Connection,
    dates_at_once: int = DATES_PER_LISTING,
    *,
    exactly: bool = False,
    of_strays: bool = False,
) -> pa.Table:
    """List the partitions under a table's prefix (LISTING); other keys are left alone, counted, and the first is named.

    `exactly`: by boto3. `of_strays`: those too that the lake does not have, as a job made them that refined whatever
    lay there.
    """
    dates = sorted(item for item in _folders(place, connection) if "/dt=" in item)
    # A name between a date's folder and the next one's: some servers pass over a folder that is the offset itself.
    starts = [None, *(f"{folder.rstrip('/')}0" for folder in dates[dates_at_once - 1 : -1 : dates_at_once])]
    with ThreadPoolExecutor(LISTING_THREADS) as threads:
        spans = zip(starts, [*starts[1:], None], strict=True)
        parts = threads.map(
            lambda span: _list_span(place, connection, *span, exactly=exactly, of_strays=of_strays), spans
        )
        listings, foreign = zip(*parts, strict=True)
    strange = [key for keys in foreign for key in keys]
    if strange:
        log.warning(
            "%s: %s left alone, being no partition of a ticker and a day since %s: %s first",
            *(place.uri, counted(len(strange), "object"), EPOCH if of_strays else FIRST_DAY, printable(strange[0])),
        )
    return pa.concat_tables(listings)


def names_under(place: Place, connection: Connection) -> dict[str, str]:
    """Name to ETag, of all objects under a prefix that has few."""
    prefix = f"{place.prefix}/"
    return {listed.key.removeprefix(prefix): listed.etag for listed in _list_exactly(place, connection, None, None)}


def _folders(place: Place, connection: Connection) -> list[str]:
    """The folders under a prefix; none where a stranger's key is among them that obstore does not take."""
    with requesting(place.uri), suppress(InvalidPathError):
        return list(obstore.list_with_delimiter(store_of(place, connection), place.prefix)["common_prefixes"])
    return []


def _list_span(
    place: Place,
    connection: Connection,
    start: str | None,
    end: str | None,
    *,
    exactly: bool = False,
    of_strays: bool = False,
) -> tuple[pa.Table, list[str]]:
    """The partitions from one date's folder to before another's, and the other keys."""
    keys = _keys_by_boto3 if exactly else _keys_by_obstore
    again = partial(_list_span, place, connection, start, end, exactly=True, of_strays=of_strays)
    tickers: list[str] = []
    days: list[int] = []
    etags: list[str] = []
    foreign: list[str] = []
    try:
        for key, etag in keys(place, connection, start, end):
            parsed = parse_partition_key(place.prefix, key)
            if parsed is None or not (parsed[0] >= EPOCH if of_strays else may_hold(*parsed)):
                foreign.append(key)
                continue
            days.append(day_number(parsed[0]))
            tickers.append(parsed[1])
            etags.append(etag)
    except InvalidPathError:
        return again()
    if not exactly and any(one == before for one, before in pairwise(zip(tickers, days, strict=True))):
        return again()  # one of both has a slash at its end in truth
    return pa.table([tickers, days, [tag_of(etag) for etag in etags], etags], schema=LISTING), foreign


def _keys_by_obstore(
    place: Place, connection: Connection, start: str | None, end: str | None
) -> Iterator[tuple[str, str]]:
    """Key and ETag of the objects behind the key `start` and before the key `end`. Raises InvalidPathError too."""
    store = store_of(place, connection)
    pages = iter(obstore.list(store, place.prefix, offset=start, chunk_size=KEYS_PER_PAGE))
    while True:
        with requesting(place.uri, InvalidPathError):
            page = next(pages, None)
        for item in page or ():
            if end is not None and item["path"] >= end:
                return
            yield item["path"], plain_etag(item["e_tag"])
        if page is None:
            return


def _keys_by_boto3(
    place: Place, connection: Connection, start: str | None, end: str | None
) -> Iterator[tuple[str, str]]:
    """As `_keys_by_obstore`, of any key."""
    return ((listed.key, listed.etag) for listed in _list_exactly(place, connection, start, end))


def _list_exactly(place: Place, connection: Connection, start: str | None, end: str | None) -> Iterator[Listed]:
    return list_exactly(_s3_of(connection), place.bucket, f"{place.prefix}/", start or "", end)


@cache
def _s3_of(connection: Connection) -> Any:
    retries = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS})
    session = boto3.session.Session(region_name=connection.region)
    return session.client("s3", endpoint_url=connection.s3_endpoint, config=retries)
