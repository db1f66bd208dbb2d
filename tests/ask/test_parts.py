"""The parts of a question and its answer alone: options, units, cells, files, and sentences to their last word."""

import datetime as dt
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b3lake.ask.command import AskRequest, parse
from b3lake.ask.errors import one_line
from b3lake.ask.listing import wanted_listing
from b3lake.ask.narrow import Narrowing, members_query
from b3lake.ask.pivot import are_months, pivot
from b3lake.ask.reading import one_reading
from b3lake.ask.show_rows import format_column, to_csv, to_json, write_parquet
from b3lake.ask.units import unit_of
from b3lake.ask.wrong_names import names_no_table, no_such_table, with_lake_names
from b3lake.lake.errors import UsageError
from b3lake.lake.settings import Settings
from devlake import paths

DEV = Settings("dev", None)


# --- Options -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (["--list"], AskRequest(None, DEV)),
        (["--tables"], AskRequest("SHOW TABLES", DEV)),
        (["--sql", "SELECT 1;"], AskRequest("SELECT 1", DEV)),
        (["--sql", "SELECT 1", "--csv"], AskRequest("SELECT 1", DEV, form="csv", target="-")),
        (["--sql", "SELECT 1", "--csv", "a"], AskRequest("SELECT 1", DEV, form="csv", target="a")),
        (["--sql", "SELECT 1", "--json"], AskRequest("SELECT 1", DEV, form="json", target="-")),
        (["--sql", "SELECT 1", "--parquet", "a"], AskRequest("SELECT 1", DEV, form="parquet", target="a")),
        (["--sql", "SELECT 1", "--rows", "1"], AskRequest("SELECT 1", DEV, most_rows=1)),
        (["--sql", "SELECT 1", "--pivot"], AskRequest("SELECT 1", DEV, pivoted=True)),
        (["--sql", "SELECT 1", "--pivot", "n"], AskRequest("SELECT 1", DEV, pivoted=True, value="n")),
        (
            ["--sql", "SELECT 1", "--ticker", "petr4", "--since", "2024-01-02", "--lineage"],
            AskRequest("SELECT 1", DEV, Narrowing(("PETR4",), dt.date(2024, 1, 2), across_renames=True)),
        ),
    ],
)
def test_what_is_asked_for(arguments: list[str], request_: AskRequest) -> None:
    assert parse(arguments, {}) == request_


def test_a_question_without_options_shows_two_hundred_rows_as_a_table() -> None:
    asked = parse(["--sql", "SELECT 1"], {"LAKE_ENV": "prod", "AWS_ENDPOINT_URL": "http://x"})
    assert (asked.settings, asked.form, asked.target) == (Settings("prod", "http://x"), "table", "-")
    assert (asked.most_rows, asked.pivoted, asked.value, asked.narrowing) == (200, False, None, Narrowing())
    assert not asked.is_listing
    assert all(parse(arguments, {}).is_listing for arguments in (["--list"], ["--tables"], ["--sql", "DESC x"]))


@pytest.mark.parametrize("narrowed", [["--ticker", "PETR4"], ["--since", "2024-01-02"], ["--pivot"], ["--pivot", "n"]])
@pytest.mark.parametrize("listing", [["--list"], ["--tables"], ["--sql", "DESCRIBE b3_daily_history"]])
def test_a_list_is_not_narrowed(listing: list[str], narrowed: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse([*listing, *narrowed], {})
    assert str(caught.value) == "--ticker, --since and --pivot are of a query's rows, and a list has none."


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("show tables", ""),
        (" SHOW\n TABLES IN db ", ""),
        ("SHOW TABLES LIKE 'x'", None),
        ("DESCRIBE B3_Daily_History", "b3_daily_history"),
        ("desc db.x", "x"),
        ('DESCRIBE db."x"', "x"),
        ("DESCRIBE `x`", "x"),
        ("DESCRIBE x y", None),
        ("SELECT 1", None),
    ],
)
def test_which_statement_asks_for_a_list(sql: str, table: str | None) -> None:
    assert wanted_listing(sql) == table


@pytest.mark.parametrize("word", ["INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "ALTER", "COPY", "UNLOAD"])
def test_what_writes_is_refused_wherever_it_stands(word: str) -> None:
    for sql in (f"{word} x", f"{word.lower()} x", f"EXPLAIN {word} x", f"WITH a AS (SELECT 1) {word} x"):
        with pytest.raises(UsageError) as caught:
            one_reading(sql)
        assert str(caught.value) == (
            f"Only one statement that reads is asked, and this is {word}: begin with SELECT or WITH."
        )
    assert one_reading(f"SELECT '{word}', \"{word}\" -- {word}\nFROM x /* {word} */ WHERE ({word} = 1)")


@pytest.mark.parametrize("word", ["SELECT", "WITH", "VALUES", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "(SELECT 1) --\n"])
def test_what_reads_is_asked(word: str) -> None:
    assert one_reading(f"-- c\n{word} x ; ") == f"-- c\n{word} x "
    with pytest.raises(UsageError) as caught:
        one_reading(f"{word} x; SELECT 1")
    assert str(caught.value) == "Only one statement is asked at a time: ask them one by one."


def test_the_members_of_an_index_are_asked_by_their_columns() -> None:
    assert members_query("IBOV") == (
        'SELECT "index", "day", "ticker", "quantity", "weight" FROM b3_index_portfolio WHERE "index" = \'IBOV\''
    )


# --- Sentences ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("a\n\n  b ", "a b"),
        ("a\nLINE 1: SELECT\n      ^\nb", "a b"),
        ("a\n^^", "a"),
        ("", "Athena refused the query and gave no reason."),
        ("\n ^ \n", "Athena refused the query and gave no reason."),
    ],
)
def test_a_message_is_one_line_without_its_drawing(message: str, line: str) -> None:
    assert one_line(message) == line


ALL = (
    "b3_daily_history, b3_daily_quotes_refined, b3_daily_quotes, b3_corporate_events, b3_instruments, "
    "b3_index_portfolio, br_rates"
)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("br_rates", "The lake has no table br_rates yet: an ingestion makes it, `make ingest` or `b3lake fetch`."),
        ("BR_RATE", "There is no table 'BR_RATE': did you mean br_rates? `b3lake ask --tables` lists them."),
        (
            "b3_daily_quote",
            "There is no table 'b3_daily_quote': did you mean b3_daily_quotes or b3_daily_quotes_refined or "
            "b3_daily_history? `b3lake ask --tables` lists them.",
        ),
        ("xyzzy", f"There is no table 'xyzzy': the lake's are {ALL}."),
    ],
)
def test_a_table_that_is_not_there(name: str, said: str) -> None:
    assert no_such_table(name) == said
    message = f"Catalog Error: Table with name {name} does not exist!"
    assert names_no_table(message)
    assert not names_no_table(f'Binder Error: Referenced column "{name}" not found')
    assert with_lake_names(message, "SELECT 1") == said


@pytest.mark.parametrize(
    ("name", "sql", "said"),
    [
        (
            "CLOSE_PRISE",
            "SELECT x FROM B3_DAILY_HISTORY",
            "There is no column 'CLOSE_PRISE': did you mean close_price or adj_close_price or low_price? "
            "`b3lake ask --sql "
            '"DESCRIBE b3_daily_history"` lists those of b3_daily_history.',
        ),
        ("unit", "SELECT x FROM b3_daily_history", "There is no column 'unit' there: br_rates have it."),
        (
            "xyzzy",
            "SELECT x FROM br_rates, b3_daily_history",
            "There is no column 'xyzzy': `b3lake ask --sql \"DESCRIBE b3_daily_history\"` lists those of "
            "b3_daily_history.",
        ),
    ],
)
def test_a_column_that_is_not_there(name: str, sql: str, said: str) -> None:
    for message in (f'Referenced column "{name}" not found', f'T does not have a column named "{name}"'):
        assert with_lake_names(message, sql) == said


# --- Units and cells ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "columns"),
    [
        ("%", "return_pct weight"),
        ("R$", "open high low close adj_close_price x_close value_brl close_ma_5 close_ma_20 close_delta"),
        ("R$", "dividends turnover"),
        ("shares", "new_shares volume total_volume quantity"),
        ("", "_pct weights sessions trades close_ma_x xopen my_volume shares dividend"),
    ],
)
def test_the_unit_of_a_column(unit: str, columns: str) -> None:
    assert {unit_of(column) for column in columns.split()} == {unit}


@pytest.mark.parametrize(
    ("values", "decimals", "cells"),
    [
        ([None, True, False], None, ["-", "true", "false"]),
        ([9_999, -9_999, None], None, ["9999", "-9999", "-"]),
        ([10_000, 5], None, ["10.000", "5"]),
        ([-10_000, 5], None, ["-10.000", "5"]),
        ([1.0, 2.5], None, ["1,00", "2,50"]),
        ([1.0, 0.12345], None, ["1,0000", "0,1235"]),
        ([0.125, 1.0], None, ["0,125", "1,000"]),
        ([9_999.1234], None, ["9.999,1234"]),
        ([10_000.1234], None, ["10.000,12"]),
        ([1.23456], 2, ["1,23"]),
        ([1.5], 0, ["2"]),
        ([float("nan"), 1.5], None, ["nan", "1,50"]),
        ([Decimal("1234.5")], None, ["1.234,50"]),
        ([dt.datetime.fromisoformat("2024-01-02T03:04:05")], None, ["02/01/2024 03:04:05"]),
        ([dt.date(2024, 1, 2)], None, ["02/01/2024"]),
        (["text"], None, ["text"]),
        ([], None, []),
    ],
)
def test_cells_are_written_as_in_brazil(values: list[Any], decimals: int | None, cells: list[str]) -> None:
    assert format_column(values, decimals) == cells


def test_files_for_programs(tmp_path: Path) -> None:
    answer = pa.table(
        [
            pa.array([dt.date(2024, 1, 2), None]),
            pa.array([float("nan"), 1.5]),
            pa.array([Decimal("1.50"), None]),
            pa.array(["é, x", None]),
        ],
        names=["n", "n", "n_2", "n"],
    )
    assert (
        to_json(answer)
        == (
            json.dumps(
                [
                    {"n": "2024-01-02", "n_3": None, "n_2": "1.50", "n_4": "é, x"},
                    {"n": None, "n_3": 1.5, "n_2": None, "n_4": None},
                ],
                ensure_ascii=False,
                indent=1,
            )
            + "\n"
        ).encode()
    )
    assert to_csv(answer).decode().splitlines() == ['"n","n","n_2","n"', '2024-01-02,nan,1.50,"é, x"', ",1.5,,"]
    write_parquet(answer.select([0]), tmp_path / "a.parquet")
    assert pq.read_table(tmp_path / "a.parquet").equals(answer.select([0]))


@pytest.mark.parametrize(
    ("days", "are"),
    [([1, 1], True), ([1], False), ([1, 2], False), ([1, None], False), ([], False), ([2, 2], False)],
)
def test_days_that_are_months(days: list[int | None], are: bool) -> None:
    column = pa.chunked_array([pa.array([day and dt.date(2024, 1, day) for day in days], pa.date32())])
    assert are_months(column) is are


def test_a_pivoted_column_knows_whose_values_it_has() -> None:
    day = dt.date(2024, 1, 2)
    columns = {"ticker": ["B", None, "A"], "day": [day, day, None], "n": [1, 2, 3], "value_brl": [1.5, 2.5, 3.5]}
    found = pivot(pa.table(columns))
    assert found.to_pylist() == [{"day": day, "B": 1.5}]
    assert found.schema.field("B").metadata == {b"of": b"value_brl"}
    assert pivot(pa.table(columns), "n").schema.field("B").metadata == {b"of": b"n"}


def test_its_help_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"], {})
    assert capsys.readouterr().out.startswith("usage: b3lake ask [-h]")


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_who_stops_reading_is_no_error(form: list[str]) -> None:
    """As `b3lake ask --list | head -0`: the other end of the pipe is closed before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "b3lake", "ask", "--list", *form]
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT)}
    asked = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=environment, check=False, timeout=60)
    os.close(writer)
    assert (asked.returncode, asked.stderr) == (0, b"")
