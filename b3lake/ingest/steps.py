"""Steps between two closes of a ticker that no listed event explains, and the ratio that would. Pure, columnar.

A split of 4 makes a step of 1/4 in prices as they were traded. Prices that contradict a listed split, and steps of
about a whole ratio without one, are named for a person to look at; nothing is changed because of them.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

UNEXPLAINED_STEP = "unexplained-step"
"""The name of these findings, in the run's report and at the doctor's."""

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

HALF_OF_STEP = 0.5
NO_STEP = 1e-9
"""A smaller ratio than this, in log price, is 1: a split and a grouping on one day may undo each other."""
LEAST_STEP = 1.8
"""A smaller step than this (or than 1/1.8) is taken for the market's own, unless a split is listed."""
WHOLE_WITHIN = 0.08
"""How far a step may be from a whole ratio, in log price: a day's own move."""
LEAST_CONTRADICTION = 0.15
"""A listed ratio is contradicted by no less than this, in log price: a bonus of 5 % drowns in a lively day."""
LEAST_PRICE = 0.20
"""BRL. Below, a tick of a cent is a step by itself."""
LONGEST_PAUSE = 30
"""Days. After a longer pause without trades a step needs no event to explain it."""


@dataclass(frozen=True)
class Step:
    """The close went from `before` to `after` (BRL) on `day`; `ratio` (shares after per share before) would explain it.

    `listed` is the ratio that is listed for the day, 1 without one.
    """

    day: dt.date
    before: float
    after: float
    ratio: float
    listed: float = 1.0

    def sentence(self) -> str:
        """The step in words, without the ticker and the day."""
        listed = "no split is listed" if self.listed == 1 else f"a ratio of {self.listed:g} is listed"
        return (
            f"the close goes from {self.before:g} to {self.after:g} and {listed}; "
            f"a ratio of {self.ratio:g} would explain it"
        )

    def as_record(self) -> dict[str, object]:
        """The step as JSON takes it."""
        return self.__dict__ | {"day": self.day.isoformat()}


def phrase(steps: Sequence[Step]) -> str:
    """The first of a ticker's steps in words, and how many more there are; "" without any."""
    if not steps:
        return ""
    first = f"{UNEXPLAINED_STEP} on {steps[0].day}: {steps[0].sentence()}"
    return f"{first} (and {len(steps) - 1} more)" if len(steps) > 1 else first


@dataclass(frozen=True)
class Days:
    """One ticker's days in order: prices (BRL per share), cash per share held before, shares after per share before.

    Arrays of one length; `days` is datetime64[D], `dividends` is 0 and `splits` is 1 where there is none.
    """

    days: npt.NDArray[np.datetime64]
    opens: Floats
    closes: Floats
    dividends: Floats
    splits: Floats

    def between(self, begin: int, end: int) -> "Days":
        """The days from position `begin` to before `end`."""
        return Days(*(getattr(self, one.name)[begin:end] for one in fields(self)))


def log_steps(days: Days) -> tuple[Floats, Floats]:
    """The step from the close before (less the dividend) to each day's open, and to its close, in log price.

    NaN where either price is not known, on the first day, and where the dividend is as large as the close before.
    """
    before = np.full(len(days.closes), np.nan)
    before[1:] = days.closes[:-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        base = np.where(before > days.dividends, before - days.dividends, np.nan)
        return np.log(days.opens / base), np.log(days.closes / base)


def contradicted(step_to_open: Floats, step_to_close: Floats, ratio: Floats) -> Flags:
    """Where prices contradict a ratio: after applying it more than half of its step is still there, in log price.

    Both the open and the close must say so: either alone may have moved by itself.
    """
    size = np.log(ratio)
    with np.errstate(invalid="ignore"):
        open_left, close_left = np.abs(step_to_open + size), np.abs(step_to_close + size)
    open_left = np.where(np.isnan(open_left), close_left, open_left)
    left: Floats = np.minimum(open_left, close_left)
    return (np.abs(size) > NO_STEP) & (left > HALF_OF_STEP * np.abs(size))


def whole_ratio(step: float) -> float | None:
    """The whole ratio (2, 3, …, or 1/2, 1/3, …) that a step in log price is about; None when there is none."""
    if not abs(step) >= np.log(LEAST_STEP):
        return None
    number = max(2, round(float(np.exp(abs(step)))))
    if abs(abs(step) - np.log(number)) > WHOLE_WITHIN:
        return None
    return float(number) if step < 0 else 1 / number


def unexplained_steps(days: Days) -> list[Step]:
    """The steps of prices as traded that the listed splits do not explain, oldest first."""
    to_open, to_close = log_steps(days)
    listed = np.abs(np.log(days.splits)) > NO_STEP
    against = listed & contradicted(to_open, to_close, days.splits)
    left = np.abs(to_close + np.log(days.splits))
    against &= left >= LEAST_CONTRADICTION
    pause = np.zeros(len(days.days), np.int64)
    pause[1:] = np.diff(days.days).astype(np.int64)
    with np.errstate(invalid="ignore"):
        large = ~listed & (np.abs(to_close) >= np.log(LEAST_STEP)) & (pause <= LONGEST_PAUSE)
    found = []
    for i in np.flatnonzero(against | large).tolist():
        before, after = float(days.closes[i - 1]), float(days.closes[i])
        ratio = whole_ratio(float(to_close[i]))
        if large[i] and not _is_missing_event(ratio, float(to_open[i]), max(before, after)):
            continue
        explaining = ratio or round(float(np.exp(-to_close[i])), 4)
        found.append(Step(days.days[i].item(), before, after, explaining, float(days.splits[i])))
    return found


def _is_missing_event(ratio: float | None, step_to_open: float, price: float) -> bool:
    """Whether the open made the same step as the close: a price that fell by itself gets there by trading."""
    return ratio is not None and price >= LEAST_PRICE and not abs(step_to_open + np.log(ratio)) > 2 * WHOLE_WITHIN
