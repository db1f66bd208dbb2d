"""The questions over rates and portfolios, on DuckDB, against plain Python over the same invented rows."""

import datetime as dt
import math

import duckdb
import numpy as np
import pandas as pd
import pytest

from b3lake.ask.questions import read_query
from devlake.fake_b3_index import invented as invented_members
from devlake.fake_bcb import bank_days, invented

FIRST, LAST = dt.date(2021, 5, 10), dt.date(2024, 2, 15)
DAYS = sorted(day for day in bank_days() if FIRST <= day <= LAST)
SESSIONS = [day for day in DAYS if not (day.month == 12 and day.day == 31)]
GAP = (dt.date(2022, 3, 1), dt.date(2022, 4, 30))
CDI, IPCA = 12, 433


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Adjusted closes: PETR4 of all sessions, VALE3 from 2022-11 on, TAEE11 with two months without a trade."""
    chance = np.random.default_rng(15)
    frames = []
    for ticker in ("PETR4", "TAEE11", "VALE3"):
        days = [
            day
            for day in SESSIONS
            if not (ticker == "TAEE11" and GAP[0] <= day <= GAP[1])
            and not (ticker == "VALE3" and day < dt.date(2022, 11, 7))
        ]
        close = 30 * np.exp(np.cumsum(chance.normal(0, 0.02, len(days))))
        frames.append(pd.DataFrame({"ticker": ticker, "trade_date": days, "adj_close_price": close}))
    rows = pd.concat(frames, ignore_index=True)
    rows["daily_return"] = rows.groupby("ticker")["adj_close_price"].pct_change()
    return rows.astype({"trade_date": "datetime64[s]"})


@pytest.fixture(scope="module")
def rates() -> pd.DataFrame:
    cdi = [("CDI", day, float(invented(CDI, day)), "% a day") for day in DAYS]
    months = pd.date_range("2021-05-01", "2024-01-01", freq="MS").date
    ipca = [("IPCA", month, float(invented(IPCA, month)), "% a month") for month in months]
    target = [("SELIC_TARGET", day, 99.0, "% a year") for day in DAYS]
    rows = pd.DataFrame(cdi + ipca + target, columns=["series", "day", "value", "unit"])
    return rows.astype({"day": "datetime64[s]"})


@pytest.fixture(scope="module")
def portfolios() -> pd.DataFrame:
    """IBOV on the last two days, with a member that the lake has not; IDIV on a day before them."""
    held = [
        ("IBOV", LAST, ["PETR4", "VALE3", "XXXX3"]),
        ("IBOV", SESSIONS[-2], ["PETR4", "TAEE11"]),
        ("IDIV", SESSIONS[-3], ["TAEE11", "PETR4"]),
        ("IFIX", LAST, ["HGLG11"]),
    ]
    rows = []
    for index, day, tickers in held:
        members = invented_members(tickers, day)
        total = sum(member.quantity * member.price for member in members)
        rows += [
            (index, day, one.ticker, one.quantity, round(100 * one.quantity * one.price / total, 3)) for one in members
        ]
    columns = ["index", "day", "ticker", "quantity", "weight"]
    return pd.DataFrame(rows, columns=columns).astype({"day": "datetime64[s]"})


def ask(name: str, **tables: pd.DataFrame) -> list[tuple]:
    lake = duckdb.connect()
    for table, rows in tables.items():
        lake.register("given", rows)
        dates = [column for column in rows if rows[column].dtype.kind == "M"]
        casts = ", ".join(f"CAST({column} AS date) AS {column}" for column in dates)
        lake.execute(f"CREATE TABLE {table} AS SELECT * REPLACE ({casts}) FROM given")
    return lake.execute(read_query(name)).fetchall()


def series(rates: pd.DataFrame, name: str) -> dict[dt.date, float]:
    chosen = rates[rates["series"] == name]
    return dict(zip(chosen["day"].dt.date, chosen["value"], strict=True))


def over_cdi(history: pd.DataFrame, cdi: dict[dt.date, float]) -> list[tuple]:
    """The answer, ticker by ticker and year by year."""
    expected = []
    for ticker, rows in history.groupby("ticker"):
        closes = list(zip(rows["trade_date"].dt.date, rows["adj_close_price"], strict=True))
        start = closes[0]
        for year in sorted({day.year for day, _ in closes}):
            end = [close for close in closes if close[0].year == year][-1]
            gained = end[1] / start[1] - 1
            paid = math.prod(1 + rate / 100 for day, rate in cdi.items() if start[0] <= day < end[0]) - 1
            expected.append((ticker, start[0], end[0], 100 * gained, 100 * paid, 100 * ((1 + gained) / (1 + paid) - 1)))
            start = end
    return expected


def assert_same(answered: list[tuple], expected: list[tuple]) -> None:
    assert len(answered) == len(expected)
    for got, wanted in zip(answered, expected, strict=True):
        for value, right in zip(got, wanted, strict=True):
            assert value == (pytest.approx(right, rel=1e-9) if isinstance(right, float) else right)


def test_returns_over_cdi(history: pd.DataFrame, rates: pd.DataFrame) -> None:
    answered = ask("returns_over_cdi", b3_daily_history=history, br_rates=rates)
    expected = over_cdi(history, series(rates, "CDI"))
    assert [row[:3] for row in expected[:2]] == [
        ("PETR4", dt.date(2021, 5, 10), dt.date(2021, 12, 30)),
        ("PETR4", dt.date(2021, 12, 30), dt.date(2022, 12, 29)),
    ]
    assert len(expected) == 11
    assert_same(answered, expected)


def test_cdi_of_a_month_in_the_question_is_the_figure_computed_by_hand() -> None:
    # 22 bank days at 0.043739 %: 0.9667 % (tests/ingest/test_rates.py has the sum).
    days = [day for day in bank_days() if dt.date(2023, 12, 28) <= day <= dt.date(2024, 2, 1)]
    rates = pd.DataFrame([("CDI", day, 0.043739 if day.month == 1 else 50.0, "% a day") for day in sorted(days)])
    rates.columns = ["series", "day", "value", "unit"]
    rates = rates[rates["day"] >= dt.date(2024, 1, 1)].astype({"day": "datetime64[s]"})
    closes = [("PETR4", dt.date(2024, 1, 2), 10.0), ("PETR4", dt.date(2024, 2, 1), 11.0)]
    history = pd.DataFrame(closes, columns=["ticker", "trade_date", "adj_close_price"])
    (row,) = ask("returns_over_cdi", b3_daily_history=history.astype({"trade_date": "datetime64[s]"}), br_rates=rates)
    assert row[:3] == ("PETR4", dt.date(2024, 1, 2), dt.date(2024, 2, 1))
    assert f"{row[3]:.4f} {row[4]:.4f}" == "10.0000 0.9667"
    assert row[5] == pytest.approx(100 * (1.10 / 1.0096669 - 1), abs=1e-5)


def test_a_year_in_which_cdi_lacks_days_has_none(history: pd.DataFrame, rates: pd.DataFrame) -> None:
    short = rates[~((rates["series"] == "CDI") & (rates["day"] >= "2024-02-01"))]
    answered = ask("returns_over_cdi", b3_daily_history=history, br_rates=short)
    assert [(row[0], row[4], row[5]) for row in answered if row[2].year == 2024] == [
        (ticker, None, None) for ticker in ("PETR4", "TAEE11", "VALE3")
    ]
    whole = ask("returns_over_cdi", b3_daily_history=history, br_rates=rates)
    assert_same([row for row in answered if row[2].year < 2024], [row for row in whole if row[2].year < 2024])
    none_at_all = ask("returns_over_cdi", b3_daily_history=history, br_rates=rates[rates["series"] == "IPCA"])
    assert [row[4:] for row in none_at_all] == [(None, None)] * 11


def test_a_ticker_of_one_close_has_no_return(rates: pd.DataFrame) -> None:
    one = pd.DataFrame({"ticker": ["AAAA3"], "trade_date": [pd.Timestamp("2024-01-02")], "adj_close_price": [1.0]})
    assert ask("returns_over_cdi", b3_daily_history=one, br_rates=rates) == []


def test_real_returns(history: pd.DataFrame, rates: pd.DataFrame) -> None:
    ipca = {(day.year, day.month): value for day, value in series(rates, "IPCA").items()}
    expected = []
    for ticker, rows in history.groupby("ticker"):
        last = {
            (day.year, day.month): close for day, close in zip(rows["trade_date"], rows["adj_close_price"], strict=True)
        }
        for year in range(2021, 2025):
            months = [
                (last[year, month] / last[before], 1 + ipca[year, month] / 100)
                for month in range(1, 13)
                for before in [(year, month - 1) if month > 1 else (year - 1, 12)]
                if (year, month) in last and before in last and (year, month) in ipca
            ]
            if months:
                share, prices = (math.prod(month[side] for month in months) for side in (0, 1))
                expected.append(
                    (ticker, year, len(months), 100 * (share - 1), 100 * (prices - 1), 100 * (share / prices - 1))
                )
    counted = {(row[0], row[1]): row[2] for row in expected}
    assert counted["PETR4", 2021] == 7, "May has no close before it"
    assert counted["TAEE11", 2022] == 9, "neither the two months of the gap nor the one after them"
    assert counted["VALE3", 2022] == 1
    assert counted["PETR4", 2024] == 1, "February's IPCA is not known yet"
    assert_same(ask("real_returns", b3_daily_history=history, br_rates=rates), expected)


def test_index_contributions(history: pd.DataFrame, portfolios: pd.DataFrame) -> None:
    returns = {(row.ticker, row.trade_date.date()): row.daily_return for row in history.itertuples()}
    expected = []
    for index, day in (("IBOV", LAST), ("IDIV", SESSIONS[-3])):
        held = portfolios[(portfolios["index"] == index) & (portfolios["day"].dt.date == day)]
        rows = [(one.ticker, one.weight, returns.get((one.ticker, day))) for one in held.itertuples()]
        rows.sort(key=lambda row: (row[2] is None, -(row[1] * row[2]) if row[2] is not None else 0))
        expected += [
            (index, day, ticker, weight, None, None)
            if change is None
            else (index, day, ticker, weight, 100 * change, weight * change)
            for ticker, weight, change in rows
        ]
    assert [row[2] for row in expected if row[4] is None] == ["XXXX3"]
    answered = ask("index_contributions", b3_daily_history=history, b3_index_portfolio=portfolios)
    assert_same(answered, expected)


def test_the_members_contributions_add_up_to_the_index(history: pd.DataFrame) -> None:
    day, before = SESSIONS[-1], SESSIONS[-2]
    close = {(row.ticker, row.trade_date.date()): row.adj_close_price for row in history.itertuples()}
    quantities = {"PETR4": 5_000, "TAEE11": 900, "VALE3": 12_000}
    worth = {when: sum(number * close[ticker, when] for ticker, number in quantities.items()) for when in (before, day)}
    rows = [
        ("IBOV", pd.Timestamp(day), ticker, number, 100 * number * close[ticker, before] / worth[before])
        for ticker, number in quantities.items()
    ]
    held = pd.DataFrame(rows, columns=["index", "day", "ticker", "quantity", "weight"])
    answered = ask("index_contributions", b3_daily_history=history, b3_index_portfolio=held)
    assert sum(row[5] for row in answered) == pytest.approx(100 * (worth[day] / worth[before] - 1), rel=1e-9)
