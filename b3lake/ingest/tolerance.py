"""How far prices may be apart before they differ: what a source can express, and no more. Pure."""

from typing import cast

import numpy as np
import numpy.typing as npt

CENT = 0.01
ROUNDING = 1e-6
"""Yahoo's prices are 32-bit floats: this share of a price is their rounding."""

SEVERAL = 10.0
"""From this factor on a turnover does not fit its prices: a wrong quotation factor, or a wrong digit."""

_FACTORS = (1, 10, 1000, 100_000)
"""FATCOT: for how many shares B3 has quoted prices."""

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def smallest_steps(prices: Numbers) -> Numbers:
    """The smallest step of each row of `prices` (rows by prices, BRL per share): a cent per FATCOT shares.

    A row with a price of one real or more is taken for a quotation per share. Below that a cent is much, and the factor
    is the least of which all prices of the row are whole cents.
    """
    steps = np.full(len(prices), CENT / _FACTORS[-1])
    with np.errstate(invalid="ignore", over="ignore"):  # a damaged row's infinity, which is never whole
        for factor in _FACTORS[-2::-1]:
            cents = prices * (factor / CENT)
            whole = (np.abs(cents - np.round(cents)) <= ROUNDING * np.maximum(1, cents)).all(axis=1)
            steps[whole] = CENT / factor
    steps[(prices >= 1).any(axis=1)] = CENT
    return steps


def outside_range(prices: Numbers, low: Numbers, high: Numbers) -> Flags:
    """Whether any of the `prices` (rows by prices, BRL per share) of a row is outside its `low` to `high`.

    What the quotation cannot express is no difference, nor the rounding of 32-bit floats.
    """
    allowed = smallest_steps(np.column_stack([prices, low, high])) + ROUNDING * np.abs(high)
    above = prices > (high + allowed)[:, None]
    below = prices < (low - allowed)[:, None]
    return cast("Flags", (above | below).any(axis=1))


def turnover_disagrees(turnover: Numbers, volume: Numbers, low: Numbers, high: Numbers) -> Flags:
    """Whether `turnover` (BRL) over `volume` (shares) is SEVERAL times above `high` or below `low` (BRL per share).

    The turnover is told in cents, so that a cent is no difference. Where a number is NaN nothing is said.
    """
    above = turnover - CENT >= SEVERAL * high * volume
    below = (turnover + CENT) * SEVERAL <= low * volume
    return (above | below) & ((turnover > CENT) | (volume > 0))
