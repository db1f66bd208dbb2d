"""The SQL files: valid for Athena, described, and answering on the emulator's what pandas answers."""

import datetime as dt
import re

import duckdb
import numpy as np
import pandas as pd
import pytest
import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from b3lake.ask.athena import ask
from b3lake.ask.questions import FOLDER, list_queries, read_query
from tests.ask.lake import Lake

NAMES = sorted(list_queries())
RESERVED = Dialect.get_or_raise("trino").generator_class.RESERVED_KEYWORDS
"""Words that Athena takes as a name only in quotes; the emulator's does not mind all of them."""
TABLES = {"b3_daily_quotes", "b3_daily_quotes_refined", "b3_daily_history", "br_rates", "b3_index_portfolio"}


@pytest.fixture(scope="module")
def quotes(lake: Lake) -> pd.DataFrame:
    return lake.history


def answer(lake: Lake, name: str) -> pd.DataFrame:
    return ask(read_query(name), lake.settings).to_pandas()


def assert_rows(answered: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(answered.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(
        answered.reset_index(drop=True), expected.reset_index(drop=True), check_dtype=False, rtol=1e-9
    )


@pytest.mark.parametrize("dialect", ["athena", "trino"])
@pytest.mark.parametrize("name", NAMES)
def test_is_one_valid_statement_over_known_tables(name: str, dialect: str) -> None:
    statements = sqlglot.parse(read_query(name), dialect=dialect)
    assert len(statements) == 1
    tree = statements[0]
    assert not list(tree.find_all(exp.Anonymous)), "a function that the dialect does not have"
    bound = {cte.alias for cte in tree.find_all(exp.CTE)}
    assert {table.name for table in tree.find_all(exp.Table)} - bound <= TABLES
    assert not list(tree.find_all(exp.Star)) or "count(*)" in read_query(name)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_a_word_that_athena_reserves(name: str) -> None:
    tree = sqlglot.parse_one(read_query(name), dialect="athena")
    names = {identifier.name.lower() for identifier in tree.find_all(exp.Identifier)}
    assert "select" in RESERVED
    assert not names & RESERVED


def test_the_documentation_lists_every_query() -> None:
    text = (FOLDER.parent / "docs" / "queries.md").read_text("utf-8")
    assert [name for name in NAMES if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_first_line_says_what_it_answers(name: str) -> None:
    first = read_query(name).splitlines()[0]
    assert first.startswith("-- ")
    assert first.endswith(".")
    assert len(first) <= 120
    assert list_queries()[name] == first[3:]


@pytest.mark.slow
def test_latest_close(lake: Lake, quotes: pd.DataFrame) -> None:
    rows = quotes.groupby("ticker").tail(1).assign(sessions=quotes.groupby("ticker").size().to_numpy())
    columns = ["ticker", "trade_date", "close_price", "close_ma_5", "close_delta", "sessions"]
    assert_rows(answer(lake, "latest_close"), rows[columns])


@pytest.mark.slow
def test_gainers_and_losers(lake: Lake, quotes: pd.DataFrame) -> None:
    rows = quotes[quotes["trade_date"] == quotes["trade_date"].max()].copy()
    rows["change_pct"] = 100 * rows["close_delta"] / (rows["close_price"] - rows["close_delta"])
    columns = ["ticker", "trade_date", "close_price", "close_delta", "change_pct"]
    assert_rows(answer(lake, "gainers_and_losers"), rows.sort_values("change_pct", ascending=False)[columns])


@pytest.mark.slow
def test_average_crossings(lake: Lake, quotes: pd.DataFrame) -> None:
    above = quotes["close_price"] - quotes["close_ma_5"]
    before = above.groupby(quotes["ticker"]).shift()
    up, down = (before <= 0) & (above > 0), (before >= 0) & (above < 0)
    rows = quotes.assign(direction=np.where(up, "up", "down"))[up | down]
    rows = rows.sort_values(["trade_date", "ticker"], ascending=[False, True])
    columns = ["ticker", "trade_date", "direction", "close_price", "close_ma_5"]
    assert {"up", "down"} == set(rows["direction"])
    assert_rows(answer(lake, "average_crossings"), rows[columns])


@pytest.mark.slow
def test_volume_leaders(lake: Lake, quotes: pd.DataFrame) -> None:
    recent = sorted(quotes["trade_date"].unique())[-20:]
    rows = quotes[quotes["trade_date"].isin(recent) & (quotes["ticker"] != "IBOV")]
    rows = rows.assign(turnover=rows["total_volume"] * rows["close_price"]).groupby("ticker", as_index=False)
    expected = rows.agg(
        sessions=("turnover", "size"), mean_shares=("total_volume", "mean"), mean_turnover_brl=("turnover", "mean")
    )
    assert_rows(answer(lake, "volume_leaders"), expected.sort_values("mean_turnover_brl", ascending=False))


@pytest.mark.slow
def test_monthly_returns(lake: Lake, quotes: pd.DataFrame) -> None:
    rows = quotes.assign(month_start=[day.replace(day=1) for day in quotes["trade_date"]])
    months = rows.groupby(["ticker", "month_start"], as_index=False).agg(
        sessions=("trade_date", "size"), last=("adj_close_price", "last")
    )
    months["return_pct"] = 100 * months.groupby("ticker")["last"].pct_change()
    assert months["return_pct"].notna().sum() == 12
    assert months["month_start"].nunique() == 4
    assert_rows(answer(lake, "monthly_returns"), months.drop(columns="last"))


@pytest.mark.slow
def test_volatility(lake: Lake, quotes: pd.DataFrame) -> None:
    log_return = np.log(quotes["adj_close_price"]).groupby(quotes["ticker"]).diff()
    rows = log_return.groupby(quotes["ticker"]).agg(["count", "std"]).reset_index()
    rows["volatility_pct"] = 100 * rows["std"] * np.sqrt(252)
    rows = rows.rename(columns={"count": "daily_returns"}).drop(columns="std")
    assert_rows(answer(lake, "volatility"), rows.sort_values("volatility_pct", ascending=False))


@pytest.mark.slow
def test_worst_drawdowns(lake: Lake, quotes: pd.DataFrame) -> None:
    expected = []
    for ticker, rows in quotes.groupby("ticker"):
        price = rows["adj_close_price"].reset_index(drop=True)
        days = rows["trade_date"].reset_index(drop=True)
        fall = 100 * (price / price.cummax() - 1)
        bottom = fall.idxmin()
        peak = price[: bottom + 1][::-1].idxmax()  # of equal peaks the latest
        expected.append((ticker, days[peak], days[bottom], price[peak], price[bottom], fall[bottom]))
    columns = ["ticker", "peak_date", "bottom_date", "peak_price", "bottom_price", "drawdown_pct"]
    assert_rows(answer(lake, "worst_drawdowns"), pd.DataFrame(expected, columns=columns).sort_values("drawdown_pct"))


@pytest.mark.slow
def test_correlations(lake: Lake, quotes: pd.DataFrame) -> None:
    returns = quotes["adj_close_price"].groupby(quotes["ticker"]).pct_change()
    wide = quotes.assign(change=returns).pivot_table(index="trade_date", columns="ticker", values="change")
    tickers = [ticker for ticker in wide.columns if ticker != "B3SA3"]  # three sessions are too few
    expected = [(a, b, len(wide[[a, b]].dropna()), wide[a].corr(wide[b])) for a in tickers for b in tickers if a < b]
    rows = pd.DataFrame(expected, columns=["ticker", "other_ticker", "sessions", "correlation"])
    assert_rows(answer(lake, "correlations"), rows.sort_values("correlation", ascending=False))


@pytest.mark.slow
def test_missing_sessions(lake: Lake) -> None:
    expected = pd.DataFrame({"ticker": ["VALE3"], "missing_date": [dt.date(2024, 1, 3)]})
    assert_rows(answer(lake, "missing_sessions"), expected)


@pytest.mark.slow
def test_bronze_against_refined_over_the_newest_days(damaged_lake: Lake) -> None:
    """Of the days that somebody writes in the place of the last weekday."""
    days = f"dt >= DATE '{dt.datetime.now(dt.timezone.utc).date() - dt.timedelta(days=30)}'"
    sql, count = re.subn(r"dt = current_date - CASE.*?END", days, read_query("bronze_against_refined"), flags=re.DOTALL)
    assert count == 2
    found = ask(sql, damaged_lake.settings).to_pandas()
    assert found.to_numpy().tolist() == [["ABEV3", 2, 1, 1, 1]]


@pytest.mark.parametrize(
    ("today", "day"),
    [("2024-01-08", "05"), ("2024-01-07", "05"), ("2024-01-06", "05"), ("2024-01-05", "04"), ("2024-01-09", "08")],
)
@pytest.mark.parametrize("sunday", [0, 7])
def test_the_last_weekday_before_today(today: str, day: str, sunday: int) -> None:
    """DuckDB calls Sunday 0, Trino 7."""
    (condition, _) = re.findall(r"dt = (current_date - CASE.*?END)", read_query("bronze_against_refined"), re.DOTALL)
    date = f"DATE '{today}'"
    weekday = f"(CASE extract(DOW FROM {date}) WHEN 0 THEN {sunday} ELSE extract(DOW FROM {date}) END)"
    sql = condition.replace("extract(DOW FROM current_date)", weekday).replace("current_date", date)
    ((found,),) = duckdb.sql(f"SELECT CAST({sql} AS date)").fetchall()
    assert found == dt.date.fromisoformat(f"2024-01-{day}")
