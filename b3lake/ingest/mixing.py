"""Rows that must not replace those that a partition has: the lake would lose bars, or mix what is not alike. Pure."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ingest.steps import LEAST_STEP
from b3lake.ingest.validate import refusals
from b3lake.lake.calendar import day_start_utc
from b3lake.lake.labels import is_synthetic
from b3lake.lake.schemas import RAW_SCHEMA

FEWEST = 0.75
"""A day's bars may be so large a share of those that are there, and no smaller: some are missing then."""

_A_DAY = "a day"
_SEVERAL = 4
"""So many bars tell how long they are; between fewer there may be hours without a trade."""


def clash(stored: pa.Table, rows: pa.Table, day: dt.date) -> str:
    """Why `rows` (RAW_SCHEMA) must not replace `stored`, both of one ticker and `day`; "" where they may.

    They may where `stored` is no sound day of bars itself.
    """
    if not _is_sound(stored, day):
        return ""
    held, given = (str(table["source"][0]) for table in (stored, rows))
    if is_synthetic(held) != is_synthetic(given):
        return f"the lake has prices of {held} there, and these are of {given}"
    length, new_length = _length(stored, day), _length(rows, day)
    if length != new_length and (_A_DAY in {length, new_length} or (length and new_length)):
        return f"the lake has bars of {length or 'hours'} there, and these are of {new_length or 'hours'}"
    if len(rows) < FEWEST * pc.count_distinct(stored["ts"]).as_py():
        return "the lake has more bars of the day"
    times = rows["close"][-1].as_py() / stored["close"][-1].as_py()
    if held != given and abs(np.log(times)) >= np.log(LEAST_STEP):
        return f"the close is {times:.3g} times that of {held}, which the lake has"
    return ""


def _is_sound(stored: pa.Table, day: dt.date) -> bool:
    if not len(stored) or stored.schema.names != RAW_SCHEMA.names or stored["ts"].null_count:
        return False
    start = day_start_utc(day)
    its = all(start <= moment < start + dt.timedelta(days=1) for moment in stored["ts"].to_pylist())
    return its and stored["source"].null_count == 0 and not (refusals(stored) != "").any()


def _length(rows: pa.Table, day: dt.date) -> str | None:
    """How long the bars are, in words; None where too few tell."""
    moments = np.unique(rows["ts"].to_numpy())
    if len(moments) == 1 and rows["ts"][0].as_py() == day_start_utc(day):
        return _A_DAY
    if len(moments) < _SEVERAL:
        return None
    return f"{np.median(np.diff(moments)) / np.timedelta64(1, 'm'):g} minutes"
