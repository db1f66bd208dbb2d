"""The objects that each shipped question and the page open on a lake of 25,000 partitions: at most thirty.

Athena lists and opens what the conditions on partitions do not rule out, for each time that a table is read; a query
that two others use is read twice. So this counts reads in the query's tree, and partitions with DuckDB.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from b3lake.ask.questions import list_queries, read_query
from b3lake.cost.model import SCANS
from b3lake.lake.names import HISTORY_TABLE, RAW_TABLE, REFINED_TABLE
from b3lake.report import read_lake

MOST = 30
TICKERS = [f"ABC{letter}3" for letter in "DEFGHIJKLM"]
SESSIONS = 2500
SATURDAY = 5


@pytest.fixture(scope="module")
def partitions() -> Iterator[duckdb.DuckDBPyConnection]:
    """The partitions of a lake whose newest session is the last weekday before the day on which it is asked.

    Holidays are among them, and the day is of the zone of who is asked: so the answer is the same on each day and hour.
    """
    with duckdb.connect() as connection:
        (today,) = connection.execute("SELECT current_date").fetchone()
        before = (today - dt.timedelta(days=number) for number in range(1, 2 * SESSIONS))
        days = [day for day in before if day.weekday() < SATURDAY][:SESSIONS]
        for table in (RAW_TABLE, REFINED_TABLE):
            connection.execute(f"CREATE TABLE {table} (dt date, ticker varchar)")
            rows = [(day, ticker) for day in days for ticker in TICKERS]
            connection.execute(
                f"INSERT INTO {table} SELECT * FROM (SELECT unnest(?), unnest(?))", list(zip(*rows, strict=True))
            )
        connection.execute(f"CREATE TABLE {HISTORY_TABLE} (year integer)")
        years = sorted({day.year for day in days})
        connection.execute(f"INSERT INTO {HISTORY_TABLE} SELECT unnest(?)", [years])
        yield connection


def reads(sql: str) -> Iterator[tuple[str, exp.Expression | None]]:
    """Each time that a table of the lake is read: its name, and the condition that stands beside it."""
    tree = sqlglot.parse_one(sql, read="trino")
    named = {each.alias: each.this for each in tree.find_all(exp.CTE)}
    begin = tree.copy()
    begin.set("with_" if "with_" in begin.args else "with", None)

    def of(node: exp.Expression) -> Iterator[tuple[str, exp.Expression | None]]:
        for table in node.find_all(exp.Table):
            if table.name in named:
                yield from of(named[table.name])
            else:
                select = table.find_ancestor(exp.Select)
                yield table.name, select.args.get("where") if select else None

    return of(begin)


def opened(sql: str, partitions: duckdb.DuckDBPyConnection) -> Counter[str]:
    """Objects by table; of a table without partitions one for each time."""
    found: Counter[str] = Counter()
    for table, where in reads(sql):
        if table not in {RAW_TABLE, REFINED_TABLE, HISTORY_TABLE}:
            found[table] += 1
            continue
        known = {"year"} if table == HISTORY_TABLE else {"dt", "ticker"}
        parts = where.this.flatten() if where and isinstance(where.this, exp.And) else [where.this] if where else []
        of_partitions = [part for part in parts if {column.name for column in part.find_all(exp.Column)} <= known]
        condition = " AND ".join(part.sql("duckdb") for part in of_partitions) or "true"
        (count,) = partitions.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()
        found[table] += count
    return found


@pytest.mark.parametrize("name", list_queries())
def test_a_question_opens_few_objects(name: str, partitions: duckdb.DuckDBPyConnection) -> None:
    found = opened(read_query(name), partitions)
    assert 0 < found.total() <= MOST, found
    assert sum(table == HISTORY_TABLE for table, _ in reads(read_query(name))) <= SCANS


def test_the_page_opens_few_objects(partitions: duckdb.DuckDBPyConnection) -> None:
    """The whole history once, what lies beside it, and the newest day's bronze of some tickers."""
    newest = partitions.execute(f"SELECT max(dt) FROM {RAW_TABLE}").fetchone()[0]
    assert len(TICKERS) >= read_lake.SOURCES_OF, "more tickers would open no more"
    some = ", ".join(f"'{ticker}'" for ticker in TICKERS[: read_lake.SOURCES_OF])
    queries = [read_lake.quotes_query("place <= 60")]
    queries += [
        read_lake._query(name, day=newest, first=newest, tickers=some)
        for name in ("sources", "rates", "instruments", "events")
    ]
    found: Counter[str] = Counter()
    for query in queries:
        found += opened(query, partitions)
    assert 0 < found.total() <= MOST, found
    assert found[RAW_TABLE] == read_lake.SOURCES_OF
    years = partitions.execute(f"SELECT count(*) FROM {HISTORY_TABLE}").fetchone()[0]
    assert found[HISTORY_TABLE] == years


@pytest.mark.parametrize(
    ("sql", "counted"),
    [
        ("SELECT * FROM b3_daily_quotes", {RAW_TABLE: SESSIONS * len(TICKERS)}),
        ("SELECT * FROM b3_daily_quotes WHERE ticker = 'ABCD3' AND close > 1", {RAW_TABLE: SESSIONS}),
        ("WITH a AS (SELECT * FROM b3_daily_history) SELECT * FROM a JOIN a AS b ON a.x = b.x", {HISTORY_TABLE: 22}),
        ("SELECT * FROM br_rates", {"br_rates": 1}),
    ],
)
def test_what_is_not_ruled_out_is_counted(sql: str, counted: dict[str, int], partitions) -> None:
    """This count can fail: these open too many, or as many as are known."""
    found = opened(sql, partitions)
    years = partitions.execute(f"SELECT count(*) FROM {HISTORY_TABLE}").fetchone()[0]
    assert found == {table: 2 * years if table == HISTORY_TABLE else count for table, count in counted.items()}
