"""Bars between a source and the lake: which rows may enter, and which are refused and why. Pure."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.schema import RAW_SCHEMA
from ingest.sessions import is_session

BARS_SCHEMA = pa.schema([("day", pa.date32()), ("ticker", pa.string()), *RAW_SCHEMA])
"""Bars on their way: the partition that each belongs to, and the bronze columns."""


@dataclass(frozen=True)
class Sifted:
    """The rows that may enter, by ticker, day and ts, and those that may not: day to reason."""

    bars: pa.Table
    refused: dict[dt.date, str] = field(default_factory=dict)

    def causes(self) -> str:
        """The refusals as a phrase: `2 bars with a null price (2024-05-02, …)`."""
        days: dict[str, list[dt.date]] = {}
        for day, reason in sorted(self.refused.items()):
            days.setdefault(reason, []).append(day)
        return "; ".join(_phrase(reason, listed) for reason, listed in days.items())


def _phrase(reason: str, days: list[dt.date]) -> str:
    shown = ", ".join(day.isoformat() for day in days[:3]) + (", …" if len(days) > 3 else "")
    return f"{len(days)} {'bar' if len(days) == 1 else 'bars'} refused: {reason} ({shown})"


def sift(bars: pa.Table, *, start: dt.date, end: dt.date) -> Sifted:
    """Keep the rows of `bars` (BARS_SCHEMA, one ticker) that are possible quotes of a day in `start` to `end`.

    Rows outside the range are no fault and are left out silently (Yahoo appends the latest price to any answer), and so
    are rows of a closed day without volume (the day before, carried forward). A trade on a day that the calendar calls
    closed is kept: then the calendar is wrong. Of two rows with one `ts` the last stands.
    """
    bars = bars.filter(pc.and_(pc.greater_equal(bars["day"], start), pc.less_equal(bars["day"], end)))
    days = bars["day"].to_pylist()
    volume = bars["volume"].to_numpy()
    carried = np.array([not is_session(day) for day in days], dtype=bool) & (volume == 0)
    reasons = refusals(bars)
    keep = ~carried & (reasons == "")
    refused = {days[i]: str(reasons[i]) for i in np.flatnonzero(~carried & (reasons != ""))}
    return Sifted(_last_of_each(bars.filter(pa.array(keep))), refused)


def refusals(bars: pa.Table) -> np.ndarray:
    """Why each row is impossible, "" where it is not (string array of the table's length)."""
    price = {name: bars[name].to_numpy() for name in ("open", "high", "low", "close")}
    stacked = np.column_stack(list(price.values()))
    reasons = np.full(len(bars), "", dtype="U40")
    reasons[bars["volume"].to_numpy() < 0] = "negative volume"
    reasons[price["high"] < price["low"]] = "high below low"
    reasons[(stacked <= 0).any(axis=1)] = "zero or negative price"
    reasons[~np.isfinite(stacked).all(axis=1)] = "null price"
    return reasons


def _last_of_each(bars: pa.Table) -> pa.Table:
    bars = bars.sort_by([("ticker", "ascending"), ("day", "ascending"), ("ts", "ascending")])
    if len(bars) < 2:
        return bars
    same = np.ones(len(bars) - 1, dtype=bool)
    for name in ("ticker", "ts"):
        column = bars[name].combine_chunks()
        same &= pc.equal(column[:-1], column[1:]).to_numpy(zero_copy_only=False)
    return bars.filter(pa.array(np.append(~same, True)))


def gaps(expected: list[dt.date], bars: pa.Table, listed_since: dt.date | None = None) -> list[dt.date]:
    """The `expected` sessions that `bars` (BARS_SCHEMA, one ticker) lacks, from `listed_since` on."""
    had = set(bars["day"].to_pylist())
    return [day for day in expected if day not in had and (listed_since is None or day >= listed_since)]


def count_days(bars: pa.Table) -> Counter[str]:
    """How many days each ticker of `bars` has."""
    pairs = bars.select(["ticker", "day"]).group_by(["ticker", "day"]).aggregate([])
    return Counter(pairs["ticker"].to_pylist())
