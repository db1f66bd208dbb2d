"""The page's calculations, in a real Chromium, against pandas over the same rows."""

import datetime as dt
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from b3lake.report import write_page
from b3lake.report.describe_lake import describe_lake
from b3lake.report.encode import encode
from tests.ask.browser import Page, chromium
from tests.ask.page_data import CALENDAR, NOW, invent_history, read_content

pytestmark = pytest.mark.slow

PAUSE = 10  # sessions without a row, after which nothing is joined
SCRIPTS = "\n".join(
    (Path(write_page.__file__).parent / "page" / name).read_text("utf-8") for name in write_page.CALCULATIONS
)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Six years of one ticker, with a pause of two years, one of eleven sessions, and single sessions that lack."""
    sessions = CALENDAR[-2200:]
    rows = invent_history(["PETR4"], len(sessions)).reset_index(drop=True)
    rows["at"] = range(len(rows))
    lacks = rows["at"].between(300, 800) | rows["at"].between(1500, 1510) | rows["at"].isin([40, 41, 900, 1203])
    rows = rows[~lacks].reset_index(drop=True)
    rows["stretch"] = (rows["at"].diff() > PAUSE).cumsum()
    return rows.assign(date=pd.to_datetime(rows["trade_date"]))


def call(tab: Page, expression: str, *arguments: Any) -> Any:
    """The value of `expression` over `args`, as the page's scripts calculate it."""
    return tab.run(f"{SCRIPTS}\nconst args = arguments; return {expression};", *arguments)


def known(values: pd.Series) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in values]


def check(found: list[float | None], expected: list[float | None]) -> None:
    assert [value is None for value in found] == [value is None for value in expected]
    assert [value for value in found if value is not None] == pytest.approx(
        [value for value in expected if value is not None], rel=1e-9, abs=1e-12
    )
    assert any(value is not None for value in expected)


def iso(rows: pd.DataFrame) -> list[str]:
    return [day.isoformat() for day in rows["trade_date"]]


def closes(rows: pd.DataFrame) -> list[float]:
    return rows["adj_close_price"].tolist()


def test_data_come_back_from_their_encoding(tab: Page) -> None:
    history = invent_history(["PETR4", "VALE3"], 70)
    history["turnover"] = (history["close_price"] * history["total_volume"]).round(2)
    history.loc[history.index[3], ["open_price", "close_price"]] = float("nan")
    history.loc[history.index[100], "turnover"] = float("nan")
    data = describe_lake(read_content(history), CALENDAR, NOW)
    back = call(tab, "decodeData(args[0])", encode(data))
    for series in back["tickers"]:
        del series["decimals"]
    assert back == data


def test_rows_far_apart_are_of_two_stretches(tab: Page, rows: pd.DataFrame) -> None:
    assert rows["stretch"].max() == 2
    assert call(tab, "stretchesOf(args[0])", rows["at"].tolist()) == rows["stretch"].tolist()
    assert call(tab, "stretchesOf([0, 10, 21])") == [0, 0, 1]


def test_daily_returns(tab: Page, rows: pd.DataFrame) -> None:
    expected = rows.groupby("stretch")["adj_close_price"].pct_change()
    check(call(tab, "dailyReturns(args[0], args[1])", closes(rows), rows["stretch"].tolist()), known(expected))


def test_months_and_years(tab: Page, rows: pd.DataFrame) -> None:
    """From month-end to month-end; nothing where the month before has no row, or a pause lies between."""
    found = call(tab, "monthlyReturns(args[0], args[1], args[2])", iso(rows), closes(rows), rows["stretch"].tolist())
    by_month = rows.assign(month=rows["date"].dt.to_period("M")).groupby("month")
    ends = by_month[["adj_close_price", "stretch"]].last()
    whole = ends.reindex(pd.period_range(ends.index[0], ends.index[-1], freq="M"))
    change = whole["adj_close_price"].pct_change(fill_method=None).where(whole["stretch"].diff() == 0)
    lasts = rows.groupby(rows["date"].dt.year).tail(1)
    lasts = lasts.set_index(lasts["date"].dt.year)
    assert [row["year"] for row in found] == sorted(lasts.index, reverse=True)
    for row in found:
        expected = change[change.index.year == row["year"]]
        expected = expected.set_axis(expected.index.month).reindex(range(1, 13))
        assert [value is None for value in row["months"]] == expected.isna().tolist()
        assert [value or 0 for value in row["months"]] == pytest.approx(expected.fillna(0).tolist(), rel=1e-9)
        before = ends[ends.index == pd.Period(f"{row['year'] - 1}-12")]
        last = lasts.loc[row["year"]]
        joined = len(before) > 0 and before["stretch"].iloc[0] == last["stretch"]
        total = last["adj_close_price"] / before["adj_close_price"].iloc[0] - 1 if joined else None
        assert row["total"] == (None if total is None else pytest.approx(total, rel=1e-9))
    paused = change[whole["stretch"].diff().fillna(1) != 0]
    assert paused.isna().all()
    assert len(paused) > 24


def test_relative_performance_begins_at_the_first_close(tab: Page, rows: pd.DataFrame) -> None:
    prices = closes(rows)
    found = call(tab, "relativeTo([null, null, ...args[0]], 1, 60)", prices)
    check(found, [None, *[price / prices[0] - 1 for price in prices[:59]]])


def test_cdi_is_paid_up_to_the_next_session(tab: Page) -> None:
    chance = np.random.default_rng(3)
    rates = chance.uniform(0.02, 0.06, 300).round(6)
    expected = pd.Series(1 + rates[20:280] / 100).cumprod().shift(fill_value=1.0) - 1
    check(call(tab, "cdiSince(args[0], 20, 279)", rates.tolist()), known(expected))
    assert call(tab, "cdiSince([0.05, null, 0.05], 0, 2)") == [0, pytest.approx(0.0005), None]


@pytest.mark.parametrize("size", [5, 20, 50, 200])
def test_moving_averages(tab: Page, rows: pd.DataFrame, size: int) -> None:
    by_stretch = rows.groupby("stretch")["adj_close_price"]
    expected = by_stretch.transform(lambda prices: prices.rolling(size).mean())
    found = call(tab, "movingAverage(args[0], args[1], args[2])", closes(rows), rows["stretch"].tolist(), size)
    check(found, known(expected))


def test_the_average_of_five_is_the_lakes(tab: Page) -> None:
    history = invent_history(["PETR4"], 60)
    found = call(tab, "movingAverage(args[0], args[1], 5)", history["close_price"].tolist(), [0] * 60)
    check(found, known(history["close_ma_5"]))


def test_volatility(tab: Page, rows: pd.DataFrame) -> None:
    returns = rows.groupby("stretch")["adj_close_price"].pct_change()
    logs = np.log1p(returns)
    expected = logs.groupby(rows["stretch"]).transform(lambda its: its.rolling(21).std() * math.sqrt(252))
    found = call(tab, "volatility(args[0], args[1], 21)", known(returns), rows["stretch"].tolist())
    check(found, known(expected))
    year = call(tab, "yearVolatility(args[0])", known(returns))
    assert year == pytest.approx(logs.tail(252).std() * math.sqrt(252))
    assert call(tab, "yearVolatility([null, 0.1])") is None


def test_the_range_of_a_year(tab: Page, rows: pd.DataFrame) -> None:
    last = rows["date"].iloc[-1]
    year = rows[rows["date"] > last - pd.DateOffset(years=1)]
    found = call(
        tab, "yearRange(args[0], args[1], args[2])", iso(rows), rows["low_price"].tolist(), rows["high_price"].tolist()
    )
    assert found == {"low": year["low_price"].min(), "high": year["high_price"].max()}


def test_falls(tab: Page, rows: pd.DataFrame) -> None:
    seen = rows["adj_close_price"].iloc[100:1001].reset_index(drop=True)
    expected = seen / seen.cummax() - 1
    found = call(tab, "drawdownOf(args[0], 100, 1000)", closes(rows))
    check(found, known(expected))
    deepest = call(tab, "deepestFall(args[0])", found)
    bottom = int(expected.idxmin())
    peak = int(seen[: bottom + 1][::-1].idxmax())
    assert deepest == {"peak": peak, "bottom": bottom, "fall": pytest.approx(expected.min())}
    assert call(tab, "deepestFall([0, 0])") is None


def test_weeks(tab: Page, rows: pd.DataFrame) -> None:
    names = {"open": "open_price", "high": "high_price", "low": "low_price", "close": "close_price"}
    prices = {name: rows[column].tolist() for name, column in names.items()}
    prices |= {"volume": rows["total_volume"].tolist(), "value": [float(at) for at in range(len(rows))]}
    seen = rows.iloc[3:700].assign(value=[float(at) for at in range(3, 700)])
    monday = seen["date"] - pd.to_timedelta(seen["date"].dt.weekday, unit="D")
    weeks = seen.groupby(monday).agg(
        open=("open_price", "first"),
        high=("high_price", "max"),
        low=("low_price", "min"),
        close=("close_price", "last"),
        volume=("total_volume", "sum"),
        value=("value", "sum"),
    )
    found = call(tab, "weeklyCandles(args[0], args[1], 3, 699)", iso(rows), prices)
    assert found["row"] == seen.reset_index().groupby(monday.to_numpy())["index"].max().tolist()
    for name in weeks.columns:
        assert found[name] == pytest.approx(weeks[name].tolist()), name
    holes = {name: [None, 2.0] for name in prices}
    found = call(tab, "weeklyCandles(['2024-01-04', '2024-01-05'], args[0], 0, 1)", holes)
    assert found == {name: [2.0] for name in prices} | {"row": [1]}


def test_a_week_is_monday_to_friday(tab: Page) -> None:
    days = [dt.date(2023, 12, 25) + dt.timedelta(days=step) for step in range(15)]
    found = [call(tab, "mondayOf(args[0])", day.isoformat()) for day in days]
    assert found == [(day - dt.timedelta(days=day.weekday())).isoformat() for day in days]
