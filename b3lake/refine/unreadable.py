"""The list of raw objects that cannot be read, which a run leaves beside the lake."""

import json

import numpy as np
import pyarrow as pa

from b3lake.lake.keys import UNREADABLE_NAME
from b3lake.refine.config import Job
from b3lake.refine.log import log
from b3lake.refine.partitions import BY_TICKER_AND_DAY, find, is_in, keys_of, names_in, take

UNREADABLE = pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("raw_tag", pa.int64()), ("error", pa.string())])


def parse_unreadable(text: bytes) -> pa.Table:
    """The list of an earlier run (UNREADABLE), empty where it is damaged."""
    try:
        told = pa.Table.from_pylist(json.loads(text)["entries"], schema=UNREADABLE)
        known = not any(column.null_count for column in told.columns)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, pa.ArrowException):
        known = False
    if not known:
        log.warning("%s of the last run cannot be read: it is written anew", UNREADABLE_NAME)
        return UNREADABLE.empty_table()
    return told


def still_unreadable(entries: pa.Table, raw: pa.Table) -> pa.Table:
    """Those entries (UNREADABLE) whose raw object is listed (LISTING) and unchanged, each partition once."""
    names = names_in(raw, entries)
    at = find(keys_of(raw, names), keys_of(entries, names))
    same = (at >= 0) & (take(raw["tag"].to_numpy(), at) == entries["raw_tag"].to_numpy())
    _, first = np.unique(at[same], return_index=True)
    return entries.take(pa.array(np.flatnonzero(same)[first]))


def with_earlier(job: Job, bad: pa.Table, earlier: pa.Table) -> pa.Table:
    """Also what an earlier run listed, where this one did not look (both UNREADABLE)."""
    elsewhere = pa.array(~job.scope.covers(earlier) & ~is_in(earlier, bad))
    return pa.concat_tables([bad, earlier.filter(elsewhere)])


def dump_unreadable(job: Job, bad: pa.Table) -> bytes:
    """The list as it is kept: for people, each object and its cause; for the next run, the entries."""
    bad = bad.sort_by(BY_TICKER_AND_DAY)
    keys = [f"s3://{job.raw.bucket}/{key}" for key in job.raw.keys(bad)]
    causes = [{"object": key, "cause": cause} for key, cause in zip(keys, bad["error"].to_pylist(), strict=True)]
    return json.dumps({"unreadable": causes, "entries": bad.to_pylist()}, indent=1).encode()
