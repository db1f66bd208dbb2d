"""Adjusted prices: against the formula written down once more in plain pandas, and against Yahoo's own."""

import datetime as dt
import json
import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b3lake.ingest.as_traded import Payment, Split, as_traded
from b3lake.lake.adjust import ADJUSTED_SCHEMA, adjust_table, with_adjusted

NAMES = ADJUSTED_SCHEMA.names


def history_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The design's formula, row by row: nothing of it is shared with the code that is tested."""
    parts = []
    for _, of_ticker in rows.groupby("ticker", sort=True):
        part = of_ticker.sort_values("trade_date").reset_index(drop=True)
        split_factor, adj_factor, returns = [], [], []
        for t in range(len(part)):
            by_splits = by_all = 1.0
            for u in range(t + 1, len(part)):
                close_before, cash, ratio = part.close_price[u - 1], part.dividends[u], part.stock_splits[u]
                if ratio > 0 and math.isfinite(ratio):
                    by_splits /= ratio
                    by_all /= ratio
                if cash > 0 and close_before > cash:
                    by_all *= 1 - cash / close_before
            split_factor.append(by_splits)
            adj_factor.append(by_all)
        adjusted = [close * factor for close, factor in zip(part.close_price, adj_factor, strict=True)]
        for t in range(len(part)):
            returns.append(math.nan if t == 0 else adjusted[t] / adjusted[t - 1] - 1)
        parts.append(
            part.assign(
                split_factor=split_factor, adj_factor=adj_factor, adj_close_price=adjusted, daily_return=returns
            )
        )
    return pd.concat(parts, ignore_index=True)


def a_table(tickers: list[list[tuple[float | None, float | None, float | None]]]) -> pa.Table:
    """Rows of (close, dividend, split) per ticker, from 2024-01-02 on."""
    rows = [
        (f"TICK{number}", dt.date(2024, 1, 2) + dt.timedelta(days=i), *row)
        for number, of_ticker in enumerate(tickers)
        for i, row in enumerate(of_ticker)
    ]
    names = ["ticker", "trade_date", "close_price", "dividends", "stock_splits"]
    types = [pa.string(), pa.date32(), pa.float64(), pa.float64(), pa.float64()]
    columns = zip(*rows, strict=True) if rows else [[]] * 5
    return pa.table({name: pa.array(list(c), t) for name, t, c in zip(names, types, columns, strict=True)})


CLOSES = st.floats(0.01, 500)
CASH = st.one_of(st.just(0.0), st.none(), st.floats(0.0001, 600))
SPLITS = st.one_of(st.just(0.0), st.just(1.0), st.none(), st.sampled_from([2.0, 4.0, 0.1, 1.05, 1.1, 100.0, 1 / 3]))


@given(st.lists(st.lists(st.tuples(CLOSES, CASH, SPLITS), min_size=1, max_size=12), max_size=5))
def test_the_columns_equal_the_formula(tickers):
    table = a_table(tickers)
    ours = with_adjusted(table).to_pandas()
    if not tickers:
        assert len(ours) == 0
        assert list(ours) == [*table.column_names, *NAMES]
        return
    right = history_of(table.to_pandas())
    for name in NAMES:
        np.testing.assert_allclose(ours[name], right[name], rtol=1e-11, atol=1e-12, err_msg=name)


def test_a_split_a_grouping_and_a_dividend_by_hand():
    table = a_table([[(104.0, 0, 0), (25.59, 0, 4.0), (1.32, 0, 0), (13.15, 0, 0.1), (13.0, 0.65, 0)]])
    rows = with_adjusted(table).to_pydict()
    dividend = 1 - 0.65 / 13.15
    assert rows["split_factor"] == pytest.approx([2.5, 10, 10, 1, 1])
    assert rows["adj_factor"] == pytest.approx([2.5 * dividend, 10 * dividend, 10 * dividend, dividend, 1])
    assert rows["adj_close_price"] == pytest.approx([260 * dividend, 255.9 * dividend, 13.2 * dividend, 12.5, 13])
    assert rows["daily_return"][0] is None
    assert rows["daily_return"][1:] == pytest.approx([25.59 * 4 / 104 - 1, 1.32 / 25.59 - 1, 13.15 / 13.2 - 1, 0.04])


def test_the_newest_row_is_as_it_was_traded_and_an_event_of_the_first_moves_nothing():
    table = a_table([[(10.0, 3.0, 2.0), (11.0, 0.0, 0.0)], [(7.0, 1.0, 0.5)]])
    assert not adjust_table(table).left_out.any()
    rows = with_adjusted(table).to_pydict()
    assert rows["split_factor"] == rows["adj_factor"] == [1.0, 1.0, 1.0]
    assert rows["adj_close_price"] == [10.0, 11.0, 7.0]
    assert rows["daily_return"][::2] == [None, None]
    assert rows["daily_return"][1] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ((10.0, 0.0), 1.0),
        ((12.0, 0.0), 1.0),
        ((12.0, 2.0), 0.5),
        ((-1.0, 0.0), 1.0),
        ((1.0, -2.0), 0.9),
        ((0.0, math.inf), 1.0),
        ((math.inf, 0.0), 1.0),
    ],
)
def test_an_event_that_cannot_be_right_is_left_out_and_marked(event: tuple[float, float], expected: float):
    table = a_table([[(10.0, 0, 0), (9.0, *event), (9.0, 0, 0)]])
    adjusted = adjust_table(table)
    assert adjusted.adj_factor.tolist() == [pytest.approx(expected), 1.0, 1.0]
    assert adjusted.left_out.tolist() == [False, True, False]


def test_a_dividend_after_a_close_that_is_not_known_is_left_out_and_marked():
    adjusted = adjust_table(a_table([[(10.0, 0, 0), (None, 0, 0), (9.0, 1.0, 2.0), (9.0, 0, 0)]]))
    assert adjusted.adj_factor.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert adjusted.left_out.tolist() == [False, False, True, False]
    assert np.isnan(adjusted.daily_return).tolist() == [True, True, True, False]


def test_events_that_are_not_known_are_none_and_not_marked():
    adjusted = adjust_table(a_table([[(10.0, None, None), (9.0, None, None), (8.0, None, 2.0)]]))
    assert adjusted.adj_factor.tolist() == [0.5, 0.5, 1.0]
    assert not adjusted.left_out.any()


def test_a_return_is_the_same_whatever_comes_later():
    rows = [(10.0, 0, 0), (9.7, 0.13, 0), (3.3, 0, 3.0), (3.1, 0.02, 1.1), (3.0, 0, 0)]
    whole = with_adjusted(a_table([rows]))["daily_return"].to_pylist()
    for count in range(1, len(rows)):
        assert with_adjusted(a_table([rows[:count]]))["daily_return"].to_pylist() == whole[:count]


@pytest.mark.parametrize("name", ["MSFT-4-dividends", "AAPL-dividend", "NVDA-split-4to1"])
def test_the_product_of_factors_is_yahoos_adjusted_close(shared_data: Path, name: str):
    """To 0.1 %: Yahoo's factors have events after the answer's last day in them, which its last row tells."""
    answer = json.loads((shared_data / "yahoo_chart" / f"{name}.json").read_text())
    result = answer["response"]["bodyJson"]["chart"]["result"][0]
    quote = result["indicators"]["quote"][0]
    days = [dt.datetime.fromtimestamp(ts, dt.timezone.utc).date() for ts in result["timestamp"]]
    bars = pa.table(
        {"day": pa.array(days, pa.date32()), "volume": pa.array(quote["volume"], pa.int64())}
        | {column: pa.array(quote[column], pa.float64()) for column in ("open", "high", "low", "close")}
    )
    events = result["events"]
    day_of = {ts: dt.datetime.fromtimestamp(int(ts), dt.timezone.utc).date() for kind in events.values() for ts in kind}
    splits = [
        Split(day_of[ts], split["numerator"] / split["denominator"]) for ts, split in events.get("splits", {}).items()
    ]
    payments = [Payment(day_of[ts], paid["amount"]) for ts, paid in events.get("dividends", {}).items()]
    facts = as_traded(bars, splits, payments).bars
    rows = facts.select(["day", "close", "dividends", "stock_splits"]).rename_columns(
        ["trade_date", "close_price", "dividends", "stock_splits"]
    )
    ours = with_adjusted(rows.append_column("ticker", pa.array([name] * len(rows))))["adj_close_price"].to_numpy()
    theirs = np.array(result["indicators"]["adjclose"][0]["adjclose"])
    later = theirs[-1] / quote["close"][-1]
    np.testing.assert_allclose(ours * later, theirs, rtol=1e-3)


def test_a_million_rows_take_seconds():
    rng = np.random.default_rng(1)
    tickers, dates = 450, 2500
    count = tickers * dates
    table = pa.table(
        {
            "ticker": pa.array(np.repeat([f"TICK{i:03}" for i in range(tickers)], dates)),
            "close_price": pa.array(rng.uniform(5, 50, count)),
            "dividends": pa.array(np.where(rng.random(count) < 0.01, 0.3, 0.0)),
            "stock_splits": pa.array(np.where(rng.random(count) < 0.0005, 2.0, 0.0)),
        }
    )
    begun = time.perf_counter()
    adjusted = with_adjusted(table)
    assert len(adjusted) == count
    assert time.perf_counter() - begun < 20  # about one second on an idle machine
