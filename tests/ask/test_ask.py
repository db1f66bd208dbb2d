"""Asking from the command line: the answer in every form, and what is said when there is none."""

import datetime as dt
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from awswrangler.exceptions import QueryCancelled, QueryFailed
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.athena.models import AthenaBackend, QueryResults, athena_backends
from rich.console import Console

from b3lake.ask.athena import ask
from b3lake.ask.command import AskRequest, run
from b3lake.ask.errors import one_line
from b3lake.ask.questions import list_queries
from b3lake.ask.show_rows import format_column, print_table, to_json
from b3lake.cli import run_command
from b3lake.lake.errors import B3LakeError, UsageError
from b3lake.lake.settings import Settings, read_settings
from b3lake.lake.tables import TABLES
from tests.ask.lake import Lake

TYPES = """SELECT
    CAST(1 AS boolean) AS yes, CAST(7 AS integer) AS i, CAST(4000000000 AS bigint) AS big, CAST(0.1 AS double) AS d,
    DATE '2024-01-02' AS day, TIMESTAMP '2024-01-02 10:30:00' AS moment,
    'São "x", y' AS words, CAST(NULL AS double) AS n
"""
TYPED_ROW = {
    "yes": True,
    "i": 7,
    "big": 4_000_000_000,
    "d": 0.1,
    "day": dt.date(2024, 1, 2),
    "moment": dt.datetime(2024, 1, 2, 10, 30),  # noqa: DTZ001 - Athena's timestamp has no zone
    "words": 'São "x", y',
    "n": None,
}


@pytest.fixture
def here(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The lake, as the environment names it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", lake.settings.endpoint_url)
    monkeypatch.setenv("LAKE_ENV", lake.settings.env)
    return lake


@pytest.mark.slow
def test_values_keep_their_types(here: Lake) -> None:
    answer = ask(TYPES, here.settings)
    assert answer.to_pylist() == [TYPED_ROW]
    kinds = ["bool", "int32", "int64", "double", "date32[day]", "timestamp[us]", "string", "double"]
    assert [str(field.type) for field in answer.schema] == kinds


@pytest.mark.slow
def test_an_answer_without_rows_has_its_columns(here: Lake) -> None:
    answer = ask("SELECT ticker, trade_date FROM b3_daily_quotes_refined WHERE ticker = 'NONE3'", here.settings)
    assert answer.num_rows == 0
    assert answer.schema == pa.schema([("ticker", pa.string()), ("trade_date", pa.date32())])


@pytest.mark.slow
def test_an_answer_longer_than_a_page_of_the_api_is_whole(here: Lake) -> None:
    sql = "SELECT a.ticker, a.trade_date FROM b3_daily_quotes_refined AS a CROSS JOIN b3_daily_quotes_refined AS b"
    assert ask(f"{sql} LIMIT 2500", here.settings).num_rows == 2500


@pytest.mark.slow
def test_table(here: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("ask", ["latest_close"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = here.refined[here.refined["ticker"] == "PETR4"].iloc[-1]
    [petr4] = [line for line in lines if "PETR4" in line]
    cells = [cell.strip() for cell in petr4.strip("│").split("│")]
    assert cells[:3] == ["PETR4", "15/02/2024", f"{row['close_price']:.2f}".replace(".", ",")]
    assert cells[5] == "70"
    assert lines[-1] == "5 rows"


@pytest.mark.slow
@pytest.mark.parametrize("to_file", [False, True])
def test_csv_and_json(here: Lake, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path, to_file: bool) -> None:
    def answer(form: str) -> bytes:
        target = tmp_path / "answer"
        assert run_command("ask", ["--sql", TYPES, form, *([str(target)] if to_file else [])]) == 0
        printed = capfdbinary.readouterr().out
        return target.read_bytes() if to_file else printed

    head, row = answer("--csv").decode().splitlines()
    assert head == '"yes","i","big","d","day","moment","words","n"'
    assert row == 'true,7,4000000000,0.1,2024-01-02,2024-01-02 10:30:00.000000,"São ""x"", y",'
    expected = TYPED_ROW | {"day": "2024-01-02", "moment": "2024-01-02T10:30:00"}
    assert json.loads(answer("--json")) == [expected]


@pytest.mark.slow
def test_parquet(here: Lake, tmp_path: Path) -> None:
    assert run_command("ask", ["--sql", TYPES, "--parquet", str(tmp_path / "answer.parquet")]) == 0
    assert pq.read_table(tmp_path / "answer.parquet").to_pylist() == [TYPED_ROW]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 FRM x", 'syntax error at or near "x"'),
        ("SELECT close_prise FROM b3_daily_history", "did you mean close_price or"),
        ("SELECT h.close_prise FROM b3_daily_history AS h", "did you mean close_price or"),
        ("SELECT * FROM b3_dayly_history", "did you mean b3_daily_history?"),
        ("DESCRIBE b3_dayly_history", "did you mean b3_daily_history?"),
    ],
)
def test_a_wrong_query_shows_the_message_of_athena(
    here: Lake, capsys: pytest.CaptureFixture[str], sql: str, said: str
) -> None:
    assert run_command("ask", ["--sql", sql]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith("b3lake ask: ")
    assert said in line


@pytest.mark.slow
def test_an_answer_that_cannot_be_written_is_an_error(
    here: Lake, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = tmp_path / "missing" / "answer.csv"
    assert run_command("ask", ["--sql", "SELECT 1", "--csv", str(target)]) == 1
    assert capsys.readouterr().err == f"b3lake ask: Cannot write {target}: No such file or directory.\n"


@pytest.mark.slow
def test_results_go_where_the_workgroup_says(here: Lake) -> None:
    endpoint = here.settings.endpoint_url
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="its-results")
    configuration = {"ResultConfiguration": {"OutputLocation": "s3://its-results/results/"}}
    settings = Settings("grouped", endpoint)
    boto3.client("athena", endpoint_url=endpoint).create_work_group(
        Name=settings.workgroup, Configuration=configuration
    )
    assert ask("SELECT 1 AS one", settings).to_pylist() == [{"one": 1}]
    found = boto3.client("s3", endpoint_url=endpoint).list_objects_v2(Bucket="its-results", Prefix="results/")
    assert found["KeyCount"] == 2


def test_a_lake_that_is_down_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert run_command("ask", ["--sql", "SELECT 1"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith('b3lake ask: Could not connect to the endpoint URL: "http://127.0.0.1:9/". ')
    assert line.endswith("make status says whether it is up.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "There is no query 'nope': name a .sql file, or one of average_crossings, "),
        (["--file", "nope.sql"], "There is no query 'nope.sql'"),
        (["--sql", " "], "The query is empty"),
    ],
)
def test_a_missing_question_is_said(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert run_command("ask", arguments) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "one of the arguments query --sql --file --list --tables is required; --help lists the options."),
        (["latest_close", "--sql", "SELECT 1"], "argument --sql: not allowed with argument query; "),
        (["latest_close", "--csv", "--json"], "argument --json: not allowed with argument --csv; "),
        (["--list", "--rows", "-1"], "--rows -1 shows nothing: give 1 or more."),
        (["--tables", "--ticker", "PETR4"], "--ticker, --since and --pivot are of a query's rows"),
        (["--sql", "SHOW TABLES", "--pivot"], "--ticker, --since and --pivot are of a query's rows"),
    ],
)
def test_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert run_command("ask", arguments) == 2
    assert capsys.readouterr().err.startswith(f"b3lake ask: {said}")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--tables"], ["--sql", "SHOW TABLES"], ["--sql", "show tables;"]])
def test_tables_lists_what_there_is(here: Lake, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run_command("ask", [*arguments, "--json"]) == 0
    rows = {row["table"]: row["a_row_is"] for row in json.loads(capsys.readouterr().out)}
    assert {"b3_daily_history", "b3_daily_quotes", "b3_daily_quotes_refined"} <= rows.keys()
    assert rows == {name: TABLES[name].about for name in rows}


@pytest.mark.slow
@pytest.mark.parametrize("word", ["DESCRIBE", "desc"])
def test_describe_lists_the_columns_that_sql_has(here: Lake, capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert run_command("ask", ["--sql", f"{word} b3_daily_history", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["column"] for row in rows] == TABLES["b3_daily_history"].columns.names
    assert rows[0] == {"column": "ticker", "type": "string", "unit": "", "note": ""}
    assert rows[-1] == {"column": "year", "type": "int", "unit": "", "note": "partition"}
    assert {row["column"] for row in rows if row["unit"] == "R$"} >= {"close_price", "adj_close_price"}


def test_the_account_lists_its_tables_from_its_catalog(
    real_athena: AthenaBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": "tech_challenge2_dev"})
    for name in ("mine", "br_rates"):
        columns = [{"Name": "day", "Type": "date"}]
        table = {"Name": name, "StorageDescriptor": {"Columns": columns}, "PartitionKeys": []}
        glue.create_table(DatabaseName="tech_challenge2_dev", TableInput=table)
    assert run_command("ask", ["--tables"]) == 0
    lines = [[cell.strip() for cell in line.split("│")[1:3]] for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if len(line) == 2] == [["br_rates", "a rate on a day"], ["mine", ""]]
    assert real_athena.executions == {}


@pytest.mark.slow
def test_months_by_tickers(here: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("ask", ["monthly_returns", "--ticker", "PETR4,VALE3", "--pivot"]) == 0
    out = capsys.readouterr().out
    assert [line.split("│")[1].strip() for line in out.splitlines() if line.startswith("│")] == [
        "11/2023",
        "12/2023",
        "01/2024",
        "02/2024",
    ]
    assert run_command("ask", ["monthly_returns", "--ticker", "PETR4", "--pivot", "sessions", "--csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == '"month_start","PETR4"'


def test_every_option_says_what_it_is_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Word by word: whoever changes an option changes it here too."""
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("LC_ALL", "C")
    with pytest.raises(SystemExit) as ended:
        run_command("ask", ["--help"])
    told = (Path(__file__).parent / "help" / "ask.txt").read_text("utf-8")
    assert (ended.value.code, capsys.readouterr().out) == (0, told)


def test_list_names_every_query(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("ask", ["--list", "--json"]) == 0
    assert {row["query"]: row["answers"] for row in json.loads(capsys.readouterr().out)} == list_queries()


@pytest.mark.parametrize("name", ["Dev", "a", "dev-1", "x" * 13, "1dev", "dev\n"])
def test_an_impossible_environment_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="LAKE_ENV"):
        read_settings({"LAKE_ENV": name})


def test_settings_come_from_the_environment() -> None:
    assert read_settings({}) == Settings("dev", None)
    prod = read_settings({"LAKE_ENV": "prod", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert (prod.database, prod.workgroup) == ("tech_challenge2_prod", "tech_challenge2_prod_wg")
    assert prod.endpoint_url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([1.5, None, -1234.25], ["1,50", "-", "-1.234,25"]),
        ([0.123456, 2.0], ["0,1235", "2,0000"]),
        ([float("nan"), 1.0], ["nan", "1,00"]),
        ([2023, 2024], ["2023", "2024"]),
        ([2023, 1_000_000], ["2.023", "1.000.000"]),
        ([True, False, None], ["true", "false", "-"]),
        ([Decimal("1.25")], ["1,25"]),
        ([dt.date(2024, 1, 2)], ["02/01/2024"]),
        (["[bold]x"], ["[bold]x"]),
    ],
)
def test_cells_are_written_as_in_brazil(values: list[object], cells: list[str]) -> None:
    assert format_column(values) == cells


def test_a_table_has_numbers_on_the_right_and_units_below_their_names() -> None:
    sink = io.StringIO()
    rows = {"ticker": ["PETR4", "B3SA3"], "close_price": [1234.5, 7.0], "n": [1, 20]}
    print_table(pa.table(rows), Console(file=sink, width=80), 2)
    assert [line.rstrip() for line in sink.getvalue().splitlines()] == [
        "┏━━━━━━━━┳━━━━━━━━━━━━━┳━━━━┓",
        "┃ ticker ┃ close_price ┃  n ┃",
        "┃        ┃          R$ ┃    ┃",
        "┡━━━━━━━━╇━━━━━━━━━━━━━╇━━━━┩",
        "│ PETR4  │    1.234,50 │  1 │",
        "│ B3SA3  │        7,00 │ 20 │",
        "└────────┴─────────────┴────┘",
        "2 rows",
    ]


def test_a_long_table_is_cut_and_says_so() -> None:
    sink = io.StringIO()
    print_table(pa.table({"[red]n": list(range(5))}), Console(file=sink, width=80), 2)
    assert sink.getvalue().splitlines()[-1] == "5 rows, the first 2 shown: --rows shows more"
    assert "[red]n" in sink.getvalue(), "text from data is no markup"


def test_messages_become_one_line() -> None:
    drawn = "Parser Error: syntax error\n\nLINE 1: SELEC 1\n        ^"
    assert one_line(drawn) == "Parser Error: syntax error"
    assert one_line("") == "Athena refused the query and gave no reason."


@pytest.fixture
def real_athena() -> Iterator[AthenaBackend]:
    """moto in place of the real AWS, with a workgroup that keeps its results in a bucket."""
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="its-results")
        configuration = {"ResultConfiguration": {"OutputLocation": "s3://its-results/results/"}}
        boto3.client("athena").create_work_group(Name="tech_challenge2_dev_wg", Configuration=configuration)
        yield athena_backends["123456789012"]["us-east-1"]


def test_the_real_athena_is_asked_through_awswrangler(real_athena: AthenaBackend, tmp_path: Path) -> None:
    kinds = {"ts": "timestamp", "day": "date", "ticker": "varchar", "close": "double", "mean": "double", "n": "bigint"}
    rows = [list(kinds), ["2024-01-02 13:00:00.000", "2024-01-02", "PETR4", "38.2", None, "4000000000"]]
    data = [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows]
    columns = [{"Name": name, "Type": kind} for name, kind in kinds.items()]
    real_athena.query_results_queue.append(QueryResults(rows=data, column_info=columns))
    assert run_command("ask", ["--sql", "SELECT something", "--parquet", str(tmp_path / "answer")]) == 0
    answer = pq.read_table(tmp_path / "answer")
    assert [str(kind) for kind in answer.schema.types] == [
        "timestamp[us]",
        "date32[day]",
        "string",
        "double",
        "double",
        "int64",
    ]
    moment = dt.datetime(2024, 1, 2, 13)  # noqa: DTZ001 - Athena's timestamp has no zone
    assert list(answer.to_pylist()[0].values()) == [moment, moment.date(), "PETR4", 38.2, None, 4_000_000_000]
    [execution] = real_athena.executions.values()
    assert execution.query == "SELECT something"
    assert execution.context == {"Database": "tech_challenge2_dev"}
    assert execution.workgroup.name == "tech_challenge2_dev_wg"


def test_the_real_athena_refuses_in_one_line(
    real_athena: AthenaBackend, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = "SYNTAX_ERROR: line 1:8: nope"

    def refuse(*_arguments: object, **_options: object) -> None:
        raise QueryFailed(message)

    monkeypatch.setattr("awswrangler.athena.read_sql_query", refuse)
    assert run_command("ask", ["--sql", "SELECT nope"]) == 1
    assert capsys.readouterr().err == f"b3lake ask: {message}\n"


def test_a_query_that_the_workgroup_cancels_is_told_the_limit(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is that of an account's: the emulator has no limit."""

    def cancel(*_arguments: object, **_options: object) -> None:
        raise QueryCancelled("Bytes scanned limit was exceeded")

    monkeypatch.setattr("awswrangler.athena.read_sql_query", cancel)
    assert run_command("ask", ["--sql", "SELECT * FROM b3_daily_quotes"]) == 1
    assert capsys.readouterr().err == (
        "b3lake ask: The query would read more than the workgroup tech_challenge2_dev_wg allows in one: bound dt or "
        "year by a constant, name fewer columns, or raise athena_bytes_scanned_cutoff in Terraform.\n"
    )


def test_missing_credentials_are_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would remember those of an earlier test
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert run_command("ask", ["--sql", "SELECT 1"]) == 1
    assert capsys.readouterr().err.startswith("b3lake ask: No AWS credentials were found: set AWS_ACCESS_KEY_ID ")


def test_expired_credentials_are_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"Error": {"Code": "ExpiredTokenException", "Message": "The security token included is expired"}}

    def refuse(*_arguments: object, **_options: object) -> None:
        raise ClientError(answer, "StartQueryExecution")

    monkeypatch.setattr("awswrangler.athena.read_sql_query", refuse)
    assert run_command("ask", ["--sql", "SELECT 1"]) == 1
    assert capsys.readouterr().err.startswith("b3lake ask: The AWS credentials have expired: in a lab, start it again")


WIDE = pa.table({f"a_long_column_{n}": [1234567.891 + n, 7654321.1] for n in range(6)})


def test_what_is_wider_than_the_terminal_is_a_field_a_line() -> None:
    shown = io.StringIO()
    print_table(WIDE, Console(file=shown, width=80), 1)
    lines = shown.getvalue().splitlines()
    assert lines[:2] == ["a_long_column_0  1.234.567,89", "a_long_column_1  1.234.568,89"]
    assert lines[6:] == ["", "2 rows, the first 1 shown: --rows shows more"]


def test_a_table_just_as_wide_as_the_terminal_stays_one() -> None:
    exact = pa.table({"a" * 73: ["x"], "b": ["y"]})  # 73 + 1, three for each of the two columns: 80 and the last line
    for width, lines in ((81, 6), (80, 4)):
        shown = io.StringIO()
        print_table(exact, Console(file=shown, width=width), 10**20)
        assert len(shown.getvalue().splitlines()) == lines


def test_json_keeps_columns_of_one_name() -> None:
    twice = pa.Table.from_arrays([pa.array([n]) for n in range(4)], names=["n", "n", "n_2", "n"])
    assert json.loads(to_json(twice)) == [{"n": 0, "n_3": 1, "n_2": 2, "n_4": 3}]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_an_answer_that_cannot_be_written_leaves_the_file_that_was_there(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "answer"
    target.write_text("of yesterday")

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    request = AskRequest(None, read_settings({}), form=form, target=str(target))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(B3LakeError, match="No space left on device"):
            run(request)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("answer", "of yesterday")]
    assert run(request) == 0
    assert target.read_bytes() != b"of yesterday"
