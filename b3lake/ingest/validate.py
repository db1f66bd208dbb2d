"""Bars between a source and the lake: which rows may enter, and which are refused and why. Pure."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ingest.tolerance import outside_range, turnover_disagrees
from b3lake.lake.calendar import is_session
from b3lake.lake.schemas import RAW_SCHEMA
from b3lake.lake.words import counted

BARS_SCHEMA = pa.schema([pa.field("day", pa.date32()), pa.field("ticker", pa.string()), *RAW_SCHEMA])
"""Bars on their way: the partition that each belongs to, and the bronze columns."""


@dataclass(frozen=True)
class Validated:
    """The rows that may enter, by ticker, day and ts; and why the others may not, by ticker and day."""

    bars: pa.Table
    refused: dict[str, dict[dt.date, str]]


REFUSED, DOUBTFUL, NOT_WRITTEN = "refused", "doubtful", "kept"
"""Judgements of bars."""


def causes(reasons: Mapping[dt.date, str], judged: str = REFUSED) -> str:
    """One ticker's refusals as a phrase: `2 bars refused: null price (2024-05-02, 2024-05-03)`; or other judgements."""
    days: dict[str, list[dt.date]] = {}
    for day, reason in sorted(reasons.items()):
        days.setdefault(reason, []).append(day)
    return "; ".join(_phrase(judged, reason, listed) for reason, listed in days.items())


def _phrase(judged: str, reason: str, days: list[dt.date]) -> str:
    shown = ", ".join(day.isoformat() for day in days[:3]) + (", …" if len(days) > 3 else "")
    bars = counted(len(days), "bar")
    if judged == NOT_WRITTEN:
        return f"{bars} not written: {reason} ({shown})"
    return f"{bars} refused: {reason} ({shown})" if judged == REFUSED else f"{bars} doubtful: {reason} ({shown})"


SPIKE = 30.0
"""A price so many times that of the bars before and after it, or so small a part of both, is none."""


def validate(
    bars: pa.Table, *, start: dt.date, end: dt.date, official: bool = False, adjusted: bool = False
) -> Validated:
    """Keep the rows of `bars` (BARS_SCHEMA) that are possible quotes of a day in `start` to `end`.

    Rows outside the range are no fault and are left out silently (Yahoo appends the latest price to any answer), and so
    are rows of a closed day without volume (the day before, carried forward). A trade on a day that the calendar calls
    closed is kept: then the calendar is wrong. Of two rows with one `ts` the last stands. Rows that are strange and not
    impossible (`strange`) enter only where they are `official`, the exchange's own. Prices that are `adjusted` make no
    step at a split.
    """
    bars = bars.filter((pc.field("day") >= pa.scalar(start)) & (pc.field("day") <= pa.scalar(end)))
    carried = carried_forward(bars)
    reasons = refusals(bars)
    if not official:
        reasons = np.where(reasons == "", strange(bars, adjusted=adjusted), reasons)
    refused: dict[str, dict[dt.date, str]] = {}
    for i in np.flatnonzero(~carried & (reasons != "")).tolist():
        ticker, day = cast("tuple[str, dt.date]", (bars["ticker"][i].as_py(), bars["day"][i].as_py()))
        refused.setdefault(ticker, {})[day] = str(reasons[i])
    return Validated(_last_of_each(bars.filter(~carried & (reasons == ""))), refused)


def carried_forward(bars: pa.Table) -> npt.NDArray[np.bool_]:
    """Whether each row is of a day on which B3 was closed, and says of no share that it was traded."""
    traded = cast("npt.NDArray[np.bool_]", bars["volume"].to_numpy() > 0)
    return on_closed_day(bars) & ~traded


def on_closed_day(bars: pa.Table) -> npt.NDArray[np.bool_]:
    """Whether B3 was closed on the day of each row."""
    days = bars["day"].combine_chunks().dictionary_encode()
    closed = np.array([not is_session(cast("dt.date", day)) for day in days.dictionary.to_pylist()], dtype=bool)
    return cast("npt.NDArray[np.bool_]", closed[days.indices.to_numpy()])


def pairs_of(bars: pa.Table) -> Iterator[tuple[dt.date, str]]:
    """The day and the ticker of each row."""
    return zip(bars["day"].to_pylist(), bars["ticker"].to_pylist(), strict=True)


def refusals(bars: pa.Table) -> npt.NDArray[np.str_]:
    """Why each row is impossible, "" where it is not (string array of the table's length)."""
    price = {name: bars[name].to_numpy() for name in ("open", "high", "low", "close")}
    stacked = np.column_stack(list(price.values()))
    reasons = np.full(len(bars), "", dtype="U40")
    reasons[bars["volume"].to_numpy() < 0] = "negative volume"
    reasons[price["high"] < price["low"]] = "high below low"
    reasons[(stacked <= 0).any(axis=1)] = "zero or negative price"
    reasons[~np.isfinite(stacked).all(axis=1)] = "null price"
    return reasons


def strange(bars: pa.Table, *, adjusted: bool) -> npt.NDArray[np.str_]:
    """Why no market made a row, though each of its numbers is possible; "" where nothing is wrong, as `refusals`.

    A ticker's newest row is compared with the one before only where prices are `adjusted`: the next day tells.
    """
    price = {name: bars[name].to_numpy() for name in ("open", "high", "low", "close")}
    reasons = np.full(len(bars), "", dtype="U40")
    reasons[_is_spike(bars, newest_too=adjusted)] = f"{SPIKE:g} times the bars around it, or a part"
    for name in ("open", "close"):
        out = outside_range(price[name][:, None], price["low"], price["high"])
        reasons[out & (price[name] > price["high"])] = f"{name} above high"
        reasons[out & (price[name] < price["low"])] = f"{name} below low"
    return reasons


def _is_spike(bars: pa.Table, *, newest_too: bool) -> npt.NDArray[np.bool_]:
    """Whether each row's close is SPIKE times the closes of the same ticker before and after it, or a SPIKE-th."""
    found = np.zeros(len(bars), dtype=bool)
    if len(bars) < 2:
        return found
    order = pc.sort_indices(bars, [("ticker", "ascending"), ("ts", "ascending")]).to_numpy()
    close = bars["close"].to_numpy()[order]
    codes = bars["ticker"].combine_chunks().dictionary_encode().indices.to_numpy()[order]
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.log(close[1:] / close[:-1])
    steps[~np.isfinite(steps) | (codes[1:] != codes[:-1])] = np.nan
    before, after = np.append(np.nan, steps), np.append(-steps, np.nan)
    if newest_too:
        newest = np.append(codes[1:] != codes[:-1], True)
        after[newest] = before[newest]
    far = np.log(SPIKE)
    found[order] = (np.fmin(before, after) >= far) & ~np.isnan(before + after)
    found[order] |= (np.fmax(before, after) <= -far) & ~np.isnan(before + after)
    return found


def outside(bars: pa.Table) -> dict[int, str]:
    """The rows, by position, whose open or close is outside low to high, in words.

    In some years B3's own files have hundreds of them: they enter, and the doctor names them.
    """
    price = {name: bars[name].to_numpy() for name in ("open", "high", "low", "close")}
    strange = outside_range(np.column_stack([price["open"], price["close"]]), price["low"], price["high"])
    found: dict[int, str] = {}
    for i in np.flatnonzero(strange).tolist():
        open_, high, low, close = (f"{column[i]:.10g}" for column in price.values())
        found[i] = f"open {open_}, close {close} where low is {low} and high {high}"
    return found


def disagreeing(bars: pa.Table) -> dict[int, str]:
    """The rows, by position, whose turnover (BRL) is ten times what the prices make of the volume, or a tenth.

    None where the turnover is null.
    """
    turnover, volume, low, high = (bars[name].to_numpy() for name in ("turnover", "volume", "low", "high"))
    return {
        i: f"a turnover of {turnover[i]:.2f} BRL for {volume[i]:.0f} shares at {low[i]:.10g} to {high[i]:.10g}"
        for i in np.flatnonzero(turnover_disagrees(turnover, volume, low, high)).tolist()
    }


def _last_of_each(bars: pa.Table) -> pa.Table:
    bars = bars.sort_by([("ticker", "ascending"), ("day", "ascending"), ("ts", "ascending")])
    if len(bars) < 2:
        return bars
    same = np.ones(len(bars) - 1, dtype=bool)
    for name in ("ticker", "ts"):
        column = bars[name].combine_chunks()
        same &= pc.equal(column[:-1], column[1:]).to_numpy(zero_copy_only=False)
    return bars.filter(np.append(~same, True))


def gaps(expected: Sequence[dt.date], had: Collection[dt.date], listed_since: dt.date | None = None) -> list[dt.date]:
    """The `expected` sessions that are not among the days `had` of one ticker, from `listed_since` on."""
    return [day for day in expected if day not in had and (listed_since is None or day >= listed_since)]


def count_days(bars: pa.Table) -> Counter[str]:
    """How many days each ticker of `bars` has."""
    pairs = bars.select(["ticker", "day"]).group_by(["ticker", "day"]).aggregate([])
    return Counter(cast("list[str]", pairs["ticker"].to_pylist()))
