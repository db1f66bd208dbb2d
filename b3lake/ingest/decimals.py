"""The decimal numbers behind the floats that Yahoo prints, also after a split has moved them. Pure, columnar.

Yahoo computes in 32-bit floats and prints them as 64-bit ones: 31.48 comes as 31.479999542236328. A price that a later
split divides is no longer a whole number of cents (125.91 ÷ 1.331 comes as 94.59804534912109), and multiplying it
again leaves 125.90999836. The number that was meant is the shortest decimal within the precision that was printed.
"""

from typing import cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

CENT_TOLERANCE = 2e-5
"""Share of a price within which a restored one is taken for a whole number of cents: some listed ratios are rounded
(1.00661 for a subscription), and B3 trades in cents."""
LEAST_IN_CENTS = 1.0
"""BRL. Below, a price may be one of a thousand shares, divided: 0.02531."""

ROUNDINGS = 2.0
"""How many units in the last place of a 32-bit float a price may be off after it was divided several times."""

DIVIDEND_DECIMALS = 6
"""Yahoo rounds dividends to so many decimals after dividing them."""

LOT = 100
"""Shares that are traded at a time."""

_MOST_DECIMALS = 12


def shortest(printed: Floats) -> Floats:
    """For each number the shortest decimal that has the same 32-bit float."""
    return cast("Floats", printed.astype(np.float32).astype("U").astype(np.float64))


def restore_prices(printed: Floats, factor: Floats) -> Floats:
    """`printed` times `factor` as the decimals that were traded: cents where they can be told, else as short as may be.

    Multiplying by a power of two loses nothing, so the result is then the very number that an answer without the split
    gives; with other factors it is so for prices in cents up to 20,000, and for any price of up to six digits.
    """
    restored = shortest(_times_power_of_two(printed, factor))
    others = np.flatnonzero(~_is_power_of_two(factor) & np.isfinite(printed))
    if len(others):
        single, by = printed[others].astype(np.float32), factor[others]
        product = single.astype(np.float64) * by
        precision = ROUNDINGS * np.spacing(np.abs(single)).astype(np.float64) * by
        cents = np.rint(product * 100) / 100
        tolerance = np.where(product >= LEAST_IN_CENTS, CENT_TOLERANCE * product, 0.0)
        in_cents = np.abs(cents - product) <= np.maximum(precision, tolerance)
        restored[others] = np.where(in_cents, cents, shortest_within(product, precision))
    return restored


def restore_dividends(printed: Floats, factor: Floats) -> Floats:
    """`printed` times `factor` as the amounts that were paid; the digits that were printed tell their precision.

    Of an amount with six decimals a later split takes some: it comes back within half a millionth times `factor`.
    """
    clean = np.where(_is_single(printed), shortest(printed), printed)
    product = clean * factor
    single = np.spacing(np.abs(printed).astype(np.float32)).astype(np.float64) * ROUNDINGS
    precision = np.where(_is_single(printed), single, 1e-12 * np.abs(printed))
    rounded = np.isclose(clean, np.round(clean, DIVIDEND_DECIMALS), rtol=0, atol=1e-12)
    precision = np.where(rounded, np.maximum(precision, 0.499 * 10.0**-DIVIDEND_DECIMALS), precision)
    return np.where(factor == 1, clean, shortest_within(product, precision * factor))


def restore_volumes(printed: Floats, factor: Floats) -> Floats:
    """`printed` divided by `factor` in whole shares; in whole lots where a grouping has left no more to tell."""
    shares = np.rint(printed / factor)
    lots = np.rint(printed / factor / LOT) * LOT
    is_lots = (factor < 1) & (np.abs(lots * factor - printed) < 1 - 1e-9)
    return cast("Floats", np.where(is_lots, lots, shares))


def shortest_within(values: Floats, precision: Floats) -> Floats:
    """For each value the decimal of fewest places that is no further from it than `precision`, else the value."""
    found = values.copy()
    open_ = np.isfinite(values)
    for places in range(_MOST_DECIMALS + 1):
        scale = 10.0**places
        # A whole number divided by a power of ten is the float next to that decimal.
        candidate = np.rint(values * scale) / scale
        fits = open_ & (np.abs(candidate - values) <= precision)
        found[fits] = candidate[fits]
        open_ &= ~fits
        if not open_.any():
            break
    return found


def share_in_cents(printed: Floats, factor: float) -> float:
    """The share of the prices (0 to 1) that are a whole number of cents, to their precision, times `factor`."""
    single = printed.astype(np.float32)
    product = single.astype(np.float64) * factor
    precision = ROUNDINGS * np.spacing(np.abs(single)).astype(np.float64) * factor
    return float((np.abs(np.rint(product * 100) / 100 - product) <= precision).mean())


def _times_power_of_two(printed: Floats, factor: Floats) -> Floats:
    return printed.astype(np.float32).astype(np.float64) * factor


def _is_power_of_two(factor: Floats) -> Flags:
    return cast("Flags", np.frexp(factor)[0] == 0.5)


def _is_single(printed: Floats) -> Flags:
    """Which numbers are 32-bit floats, printed as such."""
    return cast("Flags", printed.astype(np.float32).astype(np.float64) == printed)
