"""The rows that a lake must have, from what was traded alone: it shares no code with the lake.

The adjusted ones follow the design's formula: `adj_factor(t)` is the product over later rows u of
`(1 - d(u) / c(before u)) / s(u)`.
"""

import math
from collections.abc import Iterator
from typing import Any

from b3lake.lake.names import HISTORY_TABLE, RAW_TABLE
from devlake.traded_days import facts
from devlake.yahoo_share import YahooShare
from tests.chaos.compare import Contents
from tests.chaos.market import SYMBOLS, Market

Row = dict[str, Any]
NEAR = 1e-9


def untrue(there: Contents, market: Market) -> list[str]:
    """A sentence for each row of bronze and of the history that is not what was traded, at most a few."""
    found: list[str] = []
    history = {
        (row["ticker"], row["trade_date"]): row
        for rows in there.rows[HISTORY_TABLE].values()
        if isinstance(rows, list)
        for row in rows
    }
    for ticker, symbol in SYMBOLS.items():
        for true in rows_of(market.shares[symbol]):
            key = f"raw/b3/dt={true['day']}/ticker={ticker}/data.parquet"
            (bronze,) = _rows(there.rows[RAW_TABLE].get(key)) or ({},)
            gold = history.get((ticker, true["day"]), {})
            told = {name: bronze.get(name) for name in ("open", "high", "low", "close", "volume")}
            told |= {name: bronze.get(name) for name in ("dividends", "stock_splits")}
            told |= {name: gold.get(name) for name in ("split_factor", "adj_factor", "adj_close_price")}
            wrong = [name for name in told if not _near(told[name], true[name])]
            found += [f"{ticker} {true['day']}: {name} is {told[name]} and not {true[name]}" for name in wrong]
    return found[:8]


def rows_of(share: YahooShare) -> Iterator[Row]:
    """The facts of the days that have come, as far as their events are listed, with the adjusted numbers."""
    known = [day for day, _ in share.known()]
    rows: list[Row] = list(facts(known))
    for row in rows:
        if row["day"] in share.forgotten:
            row["dividends"] = 0.0
    for i, row in enumerate(rows):
        split = adjusted = 1.0
        for before, later in zip(rows[i:], rows[i + 1 :], strict=False):
            ratio = later["stock_splits"] or 1.0
            split /= ratio
            adjusted *= (1 - later["dividends"] / before["close"]) / ratio
        yield row | {
            "split_factor": split,
            "adj_factor": adjusted,
            "adj_close_price": row["close"] * adjusted,
        }


def _rows(found: object) -> list[Row]:
    return found if isinstance(found, list) else []


def _near(told: object, true: object) -> bool:
    if not isinstance(told, (int, float)) or not isinstance(true, (int, float)):
        return False
    return math.isclose(told, true, rel_tol=NEAR, abs_tol=NEAR)
