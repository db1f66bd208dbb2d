"""Athena's answers as they may come: pages, states, types, reasons, errors; scripted in front of moto's server."""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import boto3
import pyarrow as pa
import pytest

from b3lake.ask.athena import ask
from b3lake.ask.errors import QueryError
from b3lake.cli import run_command
from b3lake.lake.settings import Settings, read_settings
from devlake import paths
from devlake.aws_requests import AwsRequest
from devlake.proxy import Answer, Proxy, serving

COLUMNS = [("ticker", "varchar"), ("n", "bigint")]
RENEW = "in a lab, start it again and copy its credentials; elsewhere renew yours, and run again."


@dataclass
class ScriptedAthena:
    """Answers a query: its states in turn (the last one for good), then the pages of its rows; notes what was asked.

    `refusals` has an error's code and message by operation.
    """

    states: list[dict[str, str]] = field(default_factory=lambda: [{"State": "SUCCEEDED"}])
    statement: str = "DML"
    columns: list[tuple[str, str]] = field(default_factory=lambda: COLUMNS)
    pages: list[list[list[str | None]]] = field(default_factory=lambda: [[["ticker", "n"], ["PETR4", "7"]]])
    refusals: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    workgroup: str = ""

    def __call__(self, request: AwsRequest) -> Answer | None:
        if request.service != "athena":
            return None
        told = json.loads(request.body)
        self.asked.append((request.operation, told))
        if request.operation in self.refusals:
            code, message = self.refusals[request.operation]
            return Answer.of_json(400, {"__type": code, "message": message})
        found = self._answer(request.operation, told)
        return Answer.of_json(200, found) if found else None

    def _answer(self, operation: str, told: dict[str, Any]) -> dict[str, Any] | None:
        """None: moto answers."""
        match operation:
            case "ListWorkGroups" if self.workgroup:
                return {"WorkGroups": [{"Name": "primary"}, {"Name": self.workgroup}]}
            case "GetWorkGroup" if self.workgroup:
                results = {"ResultConfiguration": {"OutputLocation": f"s3://of-{told['WorkGroup']}/there/"}}
                return {"WorkGroup": {"Name": told["WorkGroup"], "Configuration": results}}
            case "StartQueryExecution":
                return {"QueryExecutionId": "q-1"}
            case "GetQueryExecution":
                state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
                execution = {"QueryExecutionId": "q-1", "StatementType": self.statement, "Status": state}
                return {"QueryExecution": execution}
            case "GetQueryResults":
                return self._page(int(told.get("NextToken", 0)))
        return None

    def _page(self, number: int) -> dict[str, Any]:
        rows = [
            {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in self.pages[number]
        ]
        info = [{"Name": name, "Type": kind} for name, kind in self.columns]
        more = {"NextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        return {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": info}}} | more

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]


@pytest.fixture
def athena(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedAthena]:
    made = ScriptedAthena()
    with serving(Proxy(moto_url, intercept=made)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("LAKE_ENV", "scripted")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield made


@pytest.fixture
def asked_at(athena: ScriptedAthena) -> Settings:
    """The lake that is asked, as long as `athena` answers for it."""
    return read_settings(os.environ)


def test_what_is_asked_and_where(athena: ScriptedAthena, asked_at: Settings) -> None:
    assert ask("SELECT ticker, n FROM t", asked_at).to_pylist() == [{"ticker": "PETR4", "n": 7}]
    ((_, started),) = [each for each in athena.asked if each[0] == "StartQueryExecution"]
    assert started["QueryString"] == "SELECT ticker, n FROM t"
    assert started["QueryExecutionContext"] == {"Database": "tech_challenge2_scripted"}
    assert started["WorkGroup"] == "tech_challenge2_scripted_wg"
    location = started["ResultConfiguration"]["OutputLocation"]
    assert location == "s3://tech-challenge2-scripted-query-results/results/"
    buckets = boto3.client("s3", endpoint_url=asked_at.endpoint_url).list_buckets()["Buckets"]
    assert "tech-challenge2-scripted-query-results" in {bucket["Name"] for bucket in buckets}
    ids = [told["QueryExecutionId"] for operation, told in athena.asked if operation.startswith("GetQuery")]
    assert ids == ["q-1", "q-1"]


def test_results_go_where_the_workgroup_says(athena: ScriptedAthena, asked_at: Settings) -> None:
    athena.workgroup = "tech_challenge2_scripted_wg"
    assert ask("SELECT ticker, n FROM t", asked_at).num_rows == 1
    ((_, started),) = [each for each in athena.asked if each[0] == "StartQueryExecution"]
    assert started["ResultConfiguration"] == {"OutputLocation": "s3://of-tech_challenge2_scripted_wg/there/"}


def test_of_a_code_that_is_another_today_the_newer_one_is_told(
    athena: ScriptedAthena, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT ticker FROM b3_daily_history"
    assert run_command("ask", ["--sql", sql, "--ticker", "VVAR3,PETR4"]) == 0
    assert capsys.readouterr().err == "VVAR3 is BHIA3 today: --ticker BHIA3 --lineage has both.\n"
    assert run_command("ask", ["--sql", sql, "--ticker", "BHIA3", "--lineage"]) == 0
    assert capsys.readouterr().err == ""


def test_that_it_waits_is_told_on_a_terminal_beside_the_answer(athena: ScriptedAthena) -> None:
    athena.states = [{"State": "RUNNING"}] * 3 + [{"State": "SUCCEEDED"}]
    terminal, its_end = os.openpty()
    command = [sys.executable, "-m", "b3lake", "ask", "--sql", "SELECT 1", "--csv"]
    environment = os.environ | {"TERM": "xterm", "PYTHONPATH": str(paths.ROOT)}
    asked = subprocess.run(command, stdout=subprocess.PIPE, stderr=its_end, env=environment, check=True, timeout=60)
    os.close(its_end)
    said = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    assert asked.stdout == b'"ticker","n"\n"PETR4",7\n'
    assert "Asking Athena…" in said


def test_it_waits_until_the_query_ended(athena: ScriptedAthena, asked_at: Settings) -> None:
    athena.states = [{"State": "QUEUED"}, {"State": "RUNNING"}, {"State": "RUNNING"}, {"State": "SUCCEEDED"}]
    assert ask("SELECT 1", asked_at).num_rows == 1
    assert athena.operations().count("GetQueryExecution") == 4
    assert athena.operations()[-1] == "GetQueryResults"


def test_a_query_that_does_not_end_is_given_up(
    athena: ScriptedAthena, asked_at: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("b3lake.ask.athena.WAIT_SECONDS", 0.3)
    athena.states = [{"State": "RUNNING"}]
    with pytest.raises(QueryError) as caught:
        ask("SELECT 1", asked_at)
    assert str(caught.value) == "The query did not end within 0 seconds: ask for fewer rows or days."
    assert "GetQueryResults" not in athena.operations()


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_query_that_did_not_succeed_is_told_with_its_reason(
    athena: ScriptedAthena, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    athena.states = [{"State": "RUNNING"}, {"State": state, "StateChangeReason": "DIVISION_BY_ZERO\n\nLINE 1: x\n  ^"}]
    assert run_command("ask", ["--sql", "SELECT 1/0"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "b3lake ask: DIVISION_BY_ZERO\n")
    assert "GetQueryResults" not in athena.operations()


def test_without_a_reason_it_is_told_too(athena: ScriptedAthena, asked_at: Settings) -> None:
    athena.states = [{"State": "FAILED"}]
    with pytest.raises(QueryError, match=r"^Athena refused the query and gave no reason\.$"):
        ask("SELECT 1", asked_at)


def test_all_pages_are_the_answer_and_only_the_first_has_names(athena: ScriptedAthena, asked_at: Settings) -> None:
    athena.pages = [[["ticker", "n"], ["A", "1"]], [["ticker", "2"], ["C", None]], [["D", "4"]]]
    assert ask("SELECT 1", asked_at).to_pylist() == [
        {"ticker": "A", "n": 1},
        {"ticker": "ticker", "n": 2},
        {"ticker": "C", "n": None},
        {"ticker": "D", "n": 4},
    ]


def test_what_is_no_select_has_no_row_of_names(athena: ScriptedAthena, asked_at: Settings) -> None:
    athena.statement, athena.columns = "UTILITY", [("tab_name", "string")]
    athena.pages = [[["b3_daily_history"], ["b3_daily_quotes"]]]
    assert ask("SHOW TABLES", asked_at).to_pylist() == [
        {"tab_name": "b3_daily_history"},
        {"tab_name": "b3_daily_quotes"},
    ]


@pytest.mark.parametrize(("statement", "rows"), [("DML", [["ticker", "n"]]), ("UTILITY", [])])
def test_no_row_has_the_columns(
    athena: ScriptedAthena, asked_at: Settings, statement: str, rows: list[list[str | None]]
) -> None:
    athena.statement, athena.pages = statement, [rows]
    answer = ask("SELECT 1", asked_at)
    assert answer.schema == pa.schema([("ticker", pa.string()), ("n", pa.int64())])
    assert answer.num_rows == 0


TYPES: list[tuple[str, str, pa.DataType, object]] = [
    ("boolean", "true", pa.bool_(), True),
    ("tinyint", "7", pa.int8(), 7),
    ("smallint", "700", pa.int16(), 700),
    ("integer", "70000", pa.int32(), 70_000),
    ("bigint", "7000000000", pa.int64(), 7_000_000_000),
    ("float", "0.5", pa.float32(), 0.5),
    ("double", "0.1", pa.float64(), 0.1),
    ("date", "2024-01-02", pa.date32(), dt.date(2024, 1, 2)),
    ("timestamp", "2024-01-02 10:30:00.000", pa.timestamp("us"), dt.datetime.fromisoformat("2024-01-02T10:30")),
    ("varchar", "x", pa.string(), "x"),
    ("array", "[1, 2]", pa.string(), "[1, 2]"),
    ("decimal", "1.50", pa.decimal128(3, 2), Decimal("1.50")),
]


@pytest.mark.parametrize("example", TYPES, ids=[kind for kind, *_ in TYPES])
def test_each_of_athena_s_types(
    athena: ScriptedAthena, asked_at: Settings, example: tuple[str, str, pa.DataType, object]
) -> None:
    kind, text, type_, value = example
    athena.columns, athena.pages = [("x", kind)], [[["x"], [text], [None]]]
    answer = ask("SELECT 1", asked_at)
    assert answer.schema.types == [type_]
    assert answer["x"].to_pylist() == [value, None]


@pytest.mark.parametrize("operation", ["ListWorkGroups", "StartQueryExecution", "GetQueryExecution", "GetQueryResults"])
@pytest.mark.parametrize(
    "refusal",
    [
        ("ExpiredTokenException", "The security token is expired", f"The AWS credentials have expired: {RENEW}"),
        ("UnrecognizedClientException", "It is invalid.", f"The AWS credentials are not accepted: {RENEW}"),
        (
            "AccessDeniedException",
            "You are not authorized",
            "AWS denies access to Athena workgroup tech_challenge2_scripted_wg: ask for the permissions that "
            "template.yaml and terraform/ grant.",
        ),
        ("InvalidRequestException", "line 1:8: mismatched input\nLINE 1: x", "line 1:8: mismatched input"),
    ],
)
def test_an_error_of_aws_behind_a_question_is_one_sentence(
    athena: ScriptedAthena, capsys: pytest.CaptureFixture[str], operation: str, refusal: tuple[str, str, str]
) -> None:
    code, message, said = refusal
    athena.refusals[operation] = (code, message)
    assert run_command("ask", ["--sql", "SELECT 1"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"b3lake ask: {said}\n")


def test_an_error_without_a_message_says_what_it_can(athena: ScriptedAthena, asked_at: Settings) -> None:
    athena.refusals["StartQueryExecution"] = ("InvalidRequestException", "")
    with pytest.raises(QueryError, match=r"^An error occurred \(InvalidRequestException\) when calling"):
        ask("SELECT 1", asked_at)
