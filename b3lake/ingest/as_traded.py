"""From Yahoo's answer to facts: prices as they were traded, dividends as they were paid, splits as they happened.

Yahoo gives everything in the shares of the day on which it is asked. With S(t) the product of the split ratios after
day t, a price as traded is Yahoo's price times S(t), a volume is Yahoo's divided by S(t), and a dividend as paid is
Yahoo's times S(its ex date). An answer that reaches to the present has every split in it, so a day gives the same facts
whenever it is asked for.

Sometimes a split is listed and its prices are not divided, or divided twice. Then the step at its day is still there,
about 1/ratio, or its contrary. Such a split is not undone: the prices before it are left as Yahoo gave them, and the
step is reported.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from b3lake.ingest.decimals import restore_dividends, restore_prices, restore_volumes, share_in_cents
from b3lake.ingest.steps import NO_STEP, Days, Floats, Step, log_steps, unexplained_steps

BRL = "BRL"
PRICES = ("open", "high", "low", "close")
EVIDENCE_BARS = 20
"""So many bars before a split are looked at, at the most, to see whether their prices are whole cents."""
MOST, HALF = 0.9, 0.5
"""Shares of those prices that say yes, and that fail to."""
ENOUGH_PRICES = 8
ENOUGH_WITHOUT_STEP = 20
"""Fewer different prices prove nothing; more are needed where no later day shows a step."""
SMALL_RATIO = 1.5
"""Up to this (or 1/1.5) a step may be the market's own."""


@dataclass(frozen=True)
class Split:
    """`ratio` shares after per share before, from `day` on (Yahoo's date, which may be a day without trades)."""

    day: dt.date
    ratio: float

    def doubt(self) -> str:
        """Why it has no size."""
        return f"a split is listed whose ratio is {self.ratio:g}, and was left out"


@dataclass(frozen=True)
class Payment:
    """A dividend or another payment per share as Yahoo gives it; `currency` is "" where Yahoo does not say."""

    day: dt.date
    amount: float
    currency: str = ""

    def doubt(self) -> str:
        """Why it has no size."""
        return f"a dividend of {self.amount:g} {self.currency or BRL} is listed, whose value in {BRL} is not known"


@dataclass(frozen=True)
class DayFacts:
    """By trade day: what a price of Yahoo is multiplied by, and the day's events. Arrays of one length."""

    days: npt.NDArray[np.datetime64]
    factors: Floats
    dividends: Floats
    stock_splits: Floats


@dataclass(frozen=True)
class AsTraded:
    """The bars with facts in place of Yahoo's numbers, and what a person should look at."""

    bars: pa.Table
    of_days: DayFacts
    steps: list[Step] = field(default_factory=list)
    unsized: list[Split | Payment] = field(default_factory=list)

    def doubts(self) -> Iterator[tuple[dt.date, str]]:
        """The unsized events in words, each with the trade day that it belongs to; none of days to come."""
        for event in self.unsized:
            place = np.searchsorted(self.of_days.days, np.datetime64(event.day, "D"))
            if place < len(self.of_days.days):
                yield self.of_days.days[place].item(), event.doubt()


def as_traded(bars: pa.Table, splits: Sequence[Split], payments: Sequence[Payment]) -> AsTraded:
    """One ticker's facts.

    `bars` has at least day, ts, open, high, low, close and volume, sorted by ts, possible quotes only (an event enters
    the first bar on or after its day, so an impossible one would swallow it), from before the first day that is wanted
    up to the present; `splits` and `payments` are all that Yahoo lists for those days. The result has the same rows
    with `dividends` (BRL per share held before; null where one is not in BRL) and `stock_splits` (0: none) beside.
    """
    series = _Series(bars, splits, payments)
    undone, doubtful = series.judge() if len(bars) else (np.ones(1), [])
    factors = _product_after(undone)
    paid = restore_dividends(series.cash, factors)
    of_days = DayFacts(series.days, factors, paid, np.where(series.has_split[:-1], series.ratios, 0.0))
    restored = restore(bars, of_days)
    opens, closes = (restored[name].to_numpy() for name in ("open", "close"))
    days = Days(series.days, opens[series.firsts], closes[series.lasts], _known(paid), series.ratios)
    steps = doubtful + [step for step in unexplained_steps(days) if step.listed == 1]
    return AsTraded(restored, of_days, sorted(steps, key=lambda step: step.day), series.unsized)


def restore(bars: pa.Table, of_days: DayFacts) -> pa.Table:
    """The facts of `bars`, which may be shorter than a day (columns as in `as_traded`), by those of their days.

    A day's first bar has the day's events. A bar of a later day than all of them is taken as it is.
    """
    days = bars["day"].to_numpy().astype("datetime64[D]")
    place = np.searchsorted(of_days.days, days)
    factor = np.append(of_days.factors, 1.0)[place]
    columns = {name: restore_prices(_column(bars, name), factor) for name in PRICES}
    columns["volume"] = restore_volumes(_column(bars, "volume"), factor)
    has_events = np.append(True, days[1:] != days[:-1])[: len(days)] & np.isin(days, of_days.days)
    for name, events in (("dividends", of_days.dividends), ("stock_splits", of_days.stock_splits)):
        columns[name] = np.where(has_events, np.append(events, 0.0)[place], 0.0)
    return _with(bars, columns)


class _Series:
    """One ticker's answer, its events at the trade days that they belong to: ratios multiply, payments add up."""

    def __init__(self, bars: pa.Table, splits: Sequence[Split], payments: Sequence[Payment]) -> None:
        self.bars = bars
        days = bars["day"].to_numpy().astype("datetime64[D]")
        self.firsts = np.flatnonzero(np.append(True, days[1:] != days[:-1])[: len(days)])
        self.lasts = np.append(self.firsts[1:], len(days))[: len(self.firsts)] - 1
        self.days = days[self.firsts]
        # One place more: what comes after the last bar belongs to no day that is known yet.
        self._ratios = np.ones(len(self.days) + 1)
        self._cash = np.zeros(len(self.days) + 1)
        self.has_split = np.zeros(len(self.days) + 1, bool)
        self.unsized: list[Split | Payment] = []
        for split in splits:
            if np.isfinite(split.ratio) and split.ratio > 0:
                self._ratios[self._place(split.day)] *= split.ratio
                self.has_split[self._place(split.day)] = True
            else:
                self.unsized.append(split)
        self._ratios[np.abs(np.log(self._ratios)) < NO_STEP] = 1.0
        for payment in payments:
            sized = payment.currency in {"", BRL} and np.isfinite(payment.amount)
            self._cash[self._place(payment.day)] += payment.amount if sized else np.nan
            if not sized:
                self.unsized.append(payment)

    def _place(self, day: dt.date) -> int:
        return int(np.searchsorted(self.days, np.datetime64(day, "D")))

    @property
    def ratios(self) -> Floats:
        return self._ratios[:-1]

    @property
    def cash(self) -> Floats:
        return self._cash[:-1]

    def column(self, name: str) -> Floats:
        return _column(self.bars, name)

    def judge(self) -> tuple[Floats, list[Step]]:
        """The ratios to undo (one more than days: the last is of splits after the last bar), and the doubtful ones."""
        undone = self._ratios.copy()
        doubtful: list[Step] = []
        opens, closes = self.column("open")[self.firsts], self.column("close")[self.lasts]
        # Yahoo's own numbers are without steps where it applied the splits.
        days = Days(self.days, opens, closes, _known(self.cash), np.ones(len(self.days)))
        to_open, to_close = log_steps(days)
        if undone[-1] != 1 and self._is_surely_not_applied(len(self.days), undone[-1], 1.0):
            undone[-1] = 1.0
        later = undone[-1]
        for i in np.flatnonzero(self.ratios != 1).tolist()[::-1]:
            ratio = undone[i]
            applied_times = _applied_times(to_open[i], to_close[i], ratio)
            if applied_times != 1 and self._cents_agree(i, ratio, later, applied_times):
                undone[i] = 1.0
                explaining = ratio if applied_times == 0 else 1 / ratio
                doubtful.append(Step(self.days[i].item(), float(closes[i - 1]), float(closes[i]), explaining, ratio))
            later *= undone[i]
        return undone, doubtful

    def _evidence(self, place: int) -> Floats:
        """Prices before the day at `place`, back to the split before it."""
        earlier = np.flatnonzero(self.ratios[:place] != 1)
        first = self.firsts[earlier[-1]] if len(earlier) else 0
        end = self.firsts[place] if place < len(self.days) else len(self.bars)
        prices = np.concatenate([self.column(name)[first:end][-EVIDENCE_BARS:] for name in PRICES])
        return np.unique(prices[np.isfinite(prices)])

    def _cents_agree(self, place: int, ratio: float, later: float, times: int) -> bool:
        """Whether the prices before a split may have been divided by its ratio so often (0 or 2), not once.

        B3 trades in cents, so prices that only undoing the split once makes whole cents were divided once. A small
        ratio is within what a day moves: then the cents must say by themselves that they were not.
        """
        prices = self._evidence(place)
        undone_once = share_in_cents(prices, later * ratio)
        if abs(np.log(ratio)) < np.log(SMALL_RATIO):
            return share_in_cents(prices, later * ratio**times) >= MOST
        surely_once = undone_once >= MOST and share_in_cents(prices, later) < HALF
        return not (surely_once and len(prices) >= ENOUGH_PRICES)

    def _is_surely_not_applied(self, place: int, ratio: float, later: float) -> bool:
        """Whether the prices before are cents as they are, though divided they would hardly be."""
        prices = self._evidence(place)
        if len(prices) < ENOUGH_WITHOUT_STEP or share_in_cents(prices, later) < MOST:
            return False
        return ratio > 1 or share_in_cents(prices, later * ratio) < HALF


def _applied_times(to_open: float, to_close: float, ratio: float) -> int:
    """How often Yahoo divided the prices before a split by its ratio, 0, 1 or 2, as the step at its day tells.

    Once leaves no step. The open and the close must agree, else the market made the step.
    """
    size = float(np.log(ratio))
    steps = [step for step in (to_open, to_close) if np.isfinite(step)]
    # Not at all leaves a step of -size, twice one of +size.
    times = {1 + (0 if abs(step) <= abs(size) / 2 else int(np.sign(step * size))) for step in steps}
    return times.pop() if len(times) == 1 else 1


def _product_after(ratios: Floats) -> Floats:
    """For each place but the last the product of the ratios after it, multiplied from the newest on."""
    return cast("Floats", np.multiply.accumulate(ratios[::-1])[::-1][1:])


def _column(bars: pa.Table, name: str) -> Floats:
    return cast("Floats", bars[name].to_numpy().astype(np.float64))


def _known(cash: npt.NDArray[np.float64]) -> Floats:
    return np.nan_to_num(cash)


def _with(bars: pa.Table, columns: dict[str, Floats]) -> pa.Table:
    """`bars` with `columns` in place of those of the same name, or after the others; NaN becomes null."""
    there = {name: bars[name] for name in bars.column_names}
    return pa.table(
        there
        | {
            name: pa.array(values, pa.float64(), from_pandas=True).cast(
                there[name].type if name in there else pa.float64()
            )
            for name, values in columns.items()
        }
    )
