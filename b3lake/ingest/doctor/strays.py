"""Finds keys that are none of the lake's, under every prefix that it has."""

from collections.abc import AsyncIterator, Callable

from obstore.store import S3Store

from b3lake.ingest import objects
from b3lake.ingest.progress import Steps
from b3lake.lake.errors import AwsError
from b3lake.lake.keys import (
    ANSWERS_PREFIX,
    EVENTS_PREFIX,
    HISTORY_PREFIX,
    INSTRUMENTS_PREFIX,
    LEDGER_SHARD,
    OBJECT_NAME,
    PORTFOLIOS_PREFIX,
    RATES_PREFIX,
    RAW_PREFIX,
    REFINED_PREFIX,
    SHARES_PREFIX,
    STATE_PREFIX,
    YEAR_PARTITION,
    is_reachable,
    may_hold,
    parse_partition_key,
)

_LEDGER = f"{STATE_PREFIX}/{REFINED_PREFIX}/ledger"
_LAST = "\U0010ffff"


def _is_partition(prefix: str) -> Callable[[str], bool]:
    def fits(name: str) -> bool:
        parsed = parse_partition_key(prefix, f"{prefix}/{name}")
        return parsed is not None and may_hold(*parsed)

    return fits


def _is_the_object(name: str) -> bool:
    return name == OBJECT_NAME


_FITS: dict[str, Callable[[str], object]] = {
    RAW_PREFIX: _is_partition(RAW_PREFIX),
    REFINED_PREFIX: _is_partition(REFINED_PREFIX),
    HISTORY_PREFIX: YEAR_PARTITION.fullmatch,
    _LEDGER: LEDGER_SHARD.fullmatch,
    ANSWERS_PREFIX: lambda name: "/" not in name,
    EVENTS_PREFIX: _is_the_object,
    SHARES_PREFIX: _is_the_object,
    RATES_PREFIX: _is_the_object,
    INSTRUMENTS_PREFIX: _is_the_object,
    PORTFOLIOS_PREFIX: _is_the_object,
}
"""Prefix to the pattern of the rest of its keys."""
_FOLDERS = ("/", "./", "../", *sorted({f"{prefix.partition('/')[0]}/" for prefix in _FITS}))
"""Where the lake's objects are, and where a slip with a slash puts them."""


def is_stray(key: str) -> bool:
    """Whether no program of the lake wrote `key`: one that none could read, or that its prefix does not have.

    Beside the lake's prefixes others may keep what they like, under keys that can be read.
    """
    if not is_reachable(key):
        return True
    return any(key.startswith(f"{prefix}/") and not fits(key[len(prefix) + 1 :]) for prefix, fits in _FITS.items())


async def strays_beside_bronze(store: S3Store, steps: Steps) -> AsyncIterator[str]:
    """The strays under every prefix but bronze's own; `steps` is told which one this user may not list."""
    bronze, s3, bucket = f"{RAW_PREFIX}/", objects.s3_of(store), objects.bucket_of(store)
    for folder in _FOLDERS:
        spans = [("", bronze), (f"{bronze}{_LAST}", None)] if bronze.startswith(folder) else [("", None)]
        try:
            for after, end in spans:
                async for listed in objects.list_keys(s3, bucket, folder, after, end):
                    if is_stray(listed.key):
                        yield listed.key
        except AwsError as error:
            steps.tell(f"{folder} was not searched for strays. {error}")
