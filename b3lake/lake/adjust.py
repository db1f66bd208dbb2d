"""Adjusted prices from facts: the one place where events move what was traded. Pure, columnar, Python 3.10.

For a ticker's rows in order, with close c, cash d(u) per share held before the ex date u and split ratio s(u) (shares
after per share before):

    split_factor(t)    = product over u > t of 1 / s(u)
    adj_factor(t)      = product over u > t of (1 - d(u) / c(u-1)) / s(u)
    adj_close_price(t) = c(t) * adj_factor(t)
    daily_return(t)    = adj_close_price(t) / adj_close_price(t-1) - 1

c(u-1) is the close of the row before u. On the newest row the factors are 1. A dividend that is not smaller than that
close, one whose close before is not known, and a ratio that is none are left out and marked; nothing is capped.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from b3lake.lake.schemas import ADJUSTED_SCHEMA

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Adjusted:
    """Arrays of one length: the four columns of ADJUSTED_SCHEMA (NaN: not known) and the rows with a left-out event."""

    split_factor: Floats
    adj_factor: Floats
    adj_close_price: Floats
    daily_return: Floats
    left_out: Flags


def with_adjusted(rows: pa.Table) -> pa.Table:
    """`rows` (ticker, close_price, dividends, stock_splits and more, by ticker and date) with ADJUSTED_SCHEMA beside.

    Every row of each ticker must be there: an event moves all rows before it.
    """
    adjusted = adjust_table(rows)
    for field in ADJUSTED_SCHEMA:
        rows = rows.append_column(field, pa.array(getattr(adjusted, field.name), field.type, from_pandas=True))
    return rows


def adjust_table(rows: pa.Table) -> Adjusted:
    """As `adjust`, of a table with ticker, close_price, dividends and stock_splits, sorted by ticker and date."""
    codes = rows["ticker"].combine_chunks().dictionary_encode().indices.to_numpy()
    columns = [rows[name].to_numpy().astype(np.float64) for name in ("close_price", "dividends", "stock_splits")]
    return adjust(np.append(True, codes[1:] != codes[:-1])[: len(rows)], *columns)


def adjust(first: Flags, close: Floats, dividends: Floats, splits: Floats) -> Adjusted:
    """All tickers at once: `first` marks the first row of each. Null is NaN; a split of 0, as of 1, is none."""
    before = _row_before(first, close)
    cash_share, cash_left_out = _cash_shares(first, before, dividends)
    ratio, ratio_left_out = _ratios(splits)
    event = (1.0 - cash_share) / ratio
    with np.errstate(invalid="ignore", divide="ignore"):
        daily_return = np.where(before > 0, close / (before * event) - 1.0, np.nan)
    happens = (cash_share != 0) | (ratio != 1)
    adj_factor = _product_of_later(first, happens, event)
    return Adjusted(
        split_factor=_product_of_later(first, happens, 1.0 / ratio),
        adj_factor=adj_factor,
        adj_close_price=close * adj_factor,
        daily_return=daily_return,
        left_out=cash_left_out | ratio_left_out,
    )


def _row_before(first: Flags, close: Floats) -> Floats:
    before = np.full(len(close), np.nan)
    before[1:] = close[:-1]
    before[first] = np.nan
    return before


def _cash_shares(first: Flags, before: Floats, dividends: Floats) -> tuple[Floats, Flags]:
    """The cash as a share of the close before, 0 where there is none, and where one is left out."""
    paid = ~np.isnan(dividends) & (dividends != 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = dividends / before
        usable = paid & (dividends > 0) & (share < 1)
    # On a ticker's first row an event has nothing to move.
    return np.where(usable, share, 0.0), paid & ~usable & ~(first & np.isfinite(dividends) & (dividends > 0))


def _ratios(splits: Floats) -> tuple[Floats, Flags]:
    """The split ratios, 1 where there is none, and where one is left out."""
    split = ~np.isnan(splits) & (splits != 0)
    usable = split & np.isfinite(splits) & (splits > 0)
    return np.where(usable, splits, 1.0), split & ~usable


def _product_of_later(first: Flags, happens: Flags, event: Floats) -> Floats:
    """For each row the product of `event` over the later rows of its ticker that `happens` marks, the newest first."""
    ticker = np.cumsum(first)
    at = np.flatnonzero(happens)
    owners, factors = ticker[at].tolist(), event[at].tolist()
    owners.append(0)  # no ticker: what is after the last event
    factors.append(1.0)
    for i in range(len(at) - 1, -1, -1):  # events are few: some thousands in a million rows
        if owners[i] == owners[i + 1]:
            factors[i] *= factors[i + 1]
    following = np.cumsum(happens)
    same_ticker = np.array(owners)[following] == ticker
    product: Floats = np.where(same_ticker, np.array(factors)[following], 1.0)
    return product
