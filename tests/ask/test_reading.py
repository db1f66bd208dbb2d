"""Which queries are one statement that reads."""

import pytest

from b3lake.ask.questions import list_queries, read_query
from b3lake.ask.reading import one_reading
from b3lake.cli import run_command
from b3lake.lake.errors import UsageError

ONE = "Only one statement is asked at a time: ask them one by one."


def reads(what: str) -> str:
    return f"Only one statement that reads is asked, and this is {what}: begin with SELECT or WITH."


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DROP TABLE b3_daily_history", reads("DROP")),
        ("create table x as select 1", reads("CREATE")),
        ("INSERT INTO b3_daily_history SELECT 1", reads("INSERT")),
        ("/* SELECT */ DELETE FROM x", reads("DELETE")),
        ("COPY (SELECT 1) TO 'x.csv'", reads("COPY")),
        ("WITH a AS (SELECT 1) INSERT INTO x SELECT * FROM a", reads("INSERT")),
        ("WITH a AS (SELECT 1) DELETE FROM x;", reads("DELETE")),
        ("EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1", reads("CREATE")),
        ("SELECT 1; DROP TABLE x", ONE),
        ("SELECT 1;; SELECT 2", ONE),
        ("ATTACH 'x'", reads("ATTACH")),
        ("SELEC 1", reads("SELEC")),
        ("UNLOAD (SELECT 1) TO 's3://x/'", reads("UNLOAD")),
    ],
)
def test_what_writes_or_is_two_is_refused(sql: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        one_reading(sql)
    assert str(raised.value) == said


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "-- DROP TABLE x; \nSELECT ';', 'it''s; DROP' AS \"a;b\"",
        'WITH a AS (SELECT 1 AS "insert") SELECT * FROM a',
        "(SELECT 1) UNION ALL (SELECT 2)",
        "SHOW TABLES",
        "DESCRIBE b3_daily_history",
        "EXPLAIN SELECT 1",
        "SELECT create_time, delete FROM x",
        "",
    ],
)
def test_what_reads_is_taken_as_it_is(sql: str) -> None:
    assert one_reading(sql) == sql


def test_a_semicolon_at_the_end_goes() -> None:
    assert one_reading("SELECT 1;\n -- that is all\n") == "SELECT 1"


@pytest.mark.parametrize("name", list_queries())
def test_every_question_reads(name: str) -> None:
    assert one_reading(read_query(name)) == read_query(name)


def test_the_command_refuses_before_it_asks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert run_command("ask", ["--sql", "DROP TABLE b3_daily_history"]) == 2
    assert capsys.readouterr().err == f"b3lake ask: {reads('DROP')}\n"
