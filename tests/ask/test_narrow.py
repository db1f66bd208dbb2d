"""Questions of some tickers, since a day, across a rename: the answers of a lake that has nothing else."""

import datetime as dt

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from b3lake.ask.athena import ask
from b3lake.ask.narrow import EVERYTHING, Narrowing, narrowed, read_narrowing, with_members
from b3lake.ask.questions import list_queries, read_query
from b3lake.lake.errors import B3LakeError, UsageError
from b3lake.lake.schemas import HISTORY_SCHEMA, PORTFOLIOS_SCHEMA
from tests.ask.lake import Lake

MAX = "SELECT max(close_price) FROM b3_daily_history"


@pytest.mark.parametrize(
    "query", ["latest_close", "monthly_returns", "volatility", "worst_drawdowns", "missing_sessions"]
)
@pytest.mark.slow
def test_a_question_of_some_tickers_is_that_of_a_lake_of_them(lake: Lake, query: str) -> None:
    of_all = ask(read_query(query), lake.settings).to_pandas()
    to = Narrowing(("PETR4", "VALE3"))
    got = ask(narrowed(read_query(query), lake.settings.database, to), lake.settings).to_pandas()
    expected = of_all[of_all["ticker"].isin(to.tickers)]
    if query == "missing_sessions":  # by the days on which anybody of them traded
        expected = expected[expected["ticker"] == "VALE3"]
    pd.testing.assert_frame_equal(got.reset_index(drop=True), expected.reset_index(drop=True))


@pytest.mark.slow
def test_since_a_day_is_a_lake_that_began_then(lake: Lake) -> None:
    since = dt.date(2024, 1, 15)
    sql = "SELECT ticker, min(trade_date) AS first, count(*) AS n FROM b3_daily_history GROUP BY ticker ORDER BY ticker"
    got = ask(narrowed(sql, lake.settings.database, Narrowing(since=since)), lake.settings).to_pylist()
    rows = lake.history[lake.history["trade_date"] >= since]
    expected = rows.groupby("ticker")["trade_date"].agg(["min", "size"])
    assert [(row["ticker"], row["first"], row["n"]) for row in got] == list(expected.itertuples(name=None))
    of_refined = "SELECT count(*) AS n FROM b3_daily_quotes_refined WHERE ticker = 'PETR4'"
    got = ask(narrowed(of_refined, lake.settings.database, Narrowing(("PETR4",), since)), lake.settings).to_pylist()
    assert got == [{"n": int((rows["ticker"] == "PETR4").sum())}]


def test_every_question_of_quotes_can_be_narrowed() -> None:
    """Each begins with a comment, and with WITH or SELECT; no table is left out, and none is named twice."""
    for name in list_queries():
        sql = narrowed(read_query(name), "db", Narrowing(("PETR4",)))
        assert sql.startswith("--"), name
        assert "WHERE ticker IN ('PETR4')" in sql, name
        assert len(duckdb.extract_statements(sql)) == 1, name


def test_tickers_and_a_day_are_both_conditions_of_each_table() -> None:
    to = Narrowing(("PETR4", "VALE3"), dt.date(2024, 1, 15))
    sql = "-- why\nwith x AS (SELECT 1) SELECT * FROM b3_daily_quotes, b3_daily_history"
    assert narrowed(sql, "db", to) == (
        "-- why\nWITH b3_daily_quotes AS (\n"
        "    SELECT * FROM db.b3_daily_quotes WHERE ticker IN ('PETR4', 'VALE3') AND dt >= DATE '2024-01-15'\n),\n"
        "b3_daily_history AS (\n"
        "    SELECT * FROM db.b3_daily_history WHERE ticker IN ('PETR4', 'VALE3') AND trade_date >= DATE '2024-01-15'\n"
        "),\n"
        "x AS (SELECT 1) SELECT * FROM b3_daily_quotes, b3_daily_history"
    )
    assert narrowed(MAX, "db", Narrowing(since=to.since)) == (
        "WITH b3_daily_history AS (\n"
        "    SELECT * FROM db.b3_daily_history WHERE trade_date >= DATE '2024-01-15'\n)\n" + MAX
    )


def test_nothing_to_narrow_leaves_the_query() -> None:
    assert narrowed(MAX, "db", EVERYTHING) == MAX


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "SELECT 1",
            "--ticker and --since narrow b3_daily_quotes, b3_daily_quotes_refined, b3_daily_history, and this",
        ),
        ("SHOW COLUMNS FROM b3_daily_history", "--ticker and --since narrow a SELECT: this query is none."),
    ],
)
def test_what_cannot_be_narrowed_is_refused(sql: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        narrowed(sql, "db", Narrowing(("PETR4",)))
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    ("tickers", "since", "lineage", "said"),
    [
        ("", None, False, "--ticker names none: list tickers, like --ticker PETR4,VALE3."),
        ("PETR4; DROP", None, False, "'DROP' is not a B3 ticker: write it like PETR4, BPAC11 or ^BVSP."),
        ("@DOW", None, False, "'@DOW' is no index of this lake: its indexes are @IBOV, @IBXX, @SMLL, @IDIV, @IFIX."),
        (None, "22024-01-01", False, "--since 22024-01-01 is not a date: write it as YYYY-MM-DD, like 2024-05-31."),
        (None, None, True, "--lineage follows the tickers of --ticker: name some."),
    ],
)
def test_wrong_options_are_one_sentence(tickers: str | None, since: str | None, lineage: bool, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_narrowing(tickers, since, across_renames=lineage)
    assert str(raised.value) == said


def portfolio(*rows: tuple[str, str, str]) -> pa.Table:
    told = [
        {"index": index, "day": dt.date.fromisoformat(day), "ticker": ticker, "quantity": 1, "weight": 50.0}
        for index, day, ticker in rows
    ]
    return pa.Table.from_pylist(told, PORTFOLIOS_SCHEMA)


def test_lineage_is_of_the_history_alone() -> None:
    with pytest.raises(UsageError, match="--lineage joins the codes in b3_daily_history alone"):
        narrowed("SELECT count(*) FROM b3_daily_quotes", "db", Narrowing(("BHIA3",), across_renames=True))


def test_an_index_stands_for_its_newest_members() -> None:
    rows = portfolio(("IBOV", "2024-01-02", "OLDX3"), ("IBOV", "2024-01-03", "VALE3"), ("IBOV", "2024-01-03", "PETR4"))
    to = with_members(read_narrowing("@ibov, itub4, PETR4", None, across_renames=False), lambda _index: rows)
    assert to.tickers == ("PETR4", "VALE3", "ITUB4")
    with pytest.raises(B3LakeError, match="The lake has no portfolio of IDIV yet"):
        with_members(Narrowing(("@IDIV",)), lambda _index: portfolio())


def test_a_series_across_two_renames() -> None:
    """VVAR3 became VIIA3 on 2021-08-16 and BHIA3 on 2023-09-20; a 25:1 grouping and a dividend came under the last."""
    rows = [
        ("VVAR3", "2021-08-13", 10.0, 1.0, 1.0, 0.0),
        ("VIIA3", "2021-08-16", 11.0, 1.0, 1.0, 0.0),
        ("VIIA3", "2023-09-19", 2.0, 1.0, 1.0, 0.0),
        ("BHIA3", "2023-09-20", 2.1, 25.0, 25.0 * 0.9, 0.0),
        ("BHIA3", "2023-12-01", 50.0, 1.0, 0.9, 0.04),
        ("BHIA3", "2024-05-02", 45.0, 1.0, 1.0, 0.0),
        # The code was given to somebody else later: not the same share.
        ("VVAR3", "2024-05-02", 99.0, 1.0, 1.0, 0.0),
    ]
    columns = ["ticker", "trade_date", "close_price", "split_factor", "adj_factor", "stock_splits"]
    frame = pd.DataFrame(rows, columns=columns).assign(year=2024)
    frame["trade_date"] = pd.to_datetime(frame["trade_date"]).astype("datetime64[s]")
    frame["adj_close_price"] = frame["close_price"] * frame["adj_factor"]
    for name in HISTORY_SCHEMA.names:
        if name not in frame:
            frame[name] = None
    with duckdb.connect() as connection:
        connection.register("rows", frame)
        connection.execute("CREATE SCHEMA lake")
        connection.execute("CREATE TABLE lake.b3_daily_history AS SELECT * FROM rows")
        sql = "SELECT ticker, CAST(trade_date AS date), split_factor, adj_close_price, adj_factor FROM b3_daily_history"
        to = Narrowing(("BHIA3",), across_renames=True)
        got = connection.execute(narrowed(f"{sql} ORDER BY 2", "lake", to)).fetchall()
        alone = connection.execute(narrowed(f"{sql} ORDER BY 2", "lake", Narrowing(("BHIA3",)))).fetchall()
        since = dt.date(2021, 8, 16)
        later = connection.execute(
            narrowed(f"{sql} ORDER BY 2", "lake", Narrowing(("BHIA3",), since, across_renames=True))
        ).fetchall()
    assert [row[0] for row in got] == ["BHIA3"] * 6
    assert [str(row[1]) for row in got] == [row[1] for row in rows[:6]]
    assert [row[2] for row in got] == pytest.approx([25, 25, 25, 25, 1, 1])
    assert [row[3] for row in got] == pytest.approx([225, 247.5, 45, 47.25, 45, 45])
    assert [row[4] for row in got] == pytest.approx([22.5, 22.5, 22.5, 22.5, 0.9, 1])
    assert alone == got[3:]
    assert later == got[1:], "the day itself is one of them"
