"""Asks Athena one question and returns the answer as an Arrow table.

The real Athena is asked through awswrangler. The emulator's keeps its result files where awswrangler does not look,
so it is asked through boto3, whose answer has every value as text beside its column's type.
"""

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from b3lake.ask.errors import NoSuchTable, QueryError, one_line
from b3lake.ask.wrong_names import names_no_table, with_lake_names
from b3lake.lake.aws_errors import aws_sentence
from b3lake.lake.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

POLL_SECONDS = 0.05
WAIT_SECONDS = 300.0

_ARROW_TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def ask(sql: str, settings: Settings) -> pa.Table:
    """The rows that `sql` (Athena's dialect) answers with, columns typed as Athena types them.

    Raises QueryError with Athena's own message when the query is wrong, with the lake's names where it is a name that
    is (NoSuchTable for a table's), and a plain one when the lake is out of reach.
    """
    if not sql.strip():
        raise QueryError("The query is empty: write one, for example SELECT 1.")
    try:
        if settings.endpoint_url is None:
            # awswrangler takes seconds to import: only a real account pays for it.
            from b3lake.ask.account_athena import ask_awswrangler  # noqa: PLC0415

            return ask_awswrangler(sql, settings)
        return _ask_emulator(sql, settings)
    except QueryError as error:
        kind = NoSuchTable if names_no_table(str(error)) else QueryError
        raise kind(with_lake_names(str(error), sql)) from error
    except (ClientError, BotoCoreError) as error:
        raise QueryError(explain(error, settings)) from error


def explain(error: ClientError | BotoCoreError, settings: Settings) -> str:
    """Say in one line why AWS, or the way to it, refused, and what to do about it where that is known."""
    if isinstance(error, EndpointConnectionError):
        return f"{error}. A lake on this machine: make status says whether it is up."
    known = aws_sentence(error, f"Athena workgroup {settings.workgroup}", "LAKE_ENV")
    said = error.response["Error"] if isinstance(error, ClientError) else {}
    return known or one_line(said.get("Message") or str(error))


def _ask_emulator(sql: str, settings: Settings) -> pa.Table:
    athena = boto3.client("athena", endpoint_url=settings.endpoint_url)
    query_id = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": settings.database},
        WorkGroup=settings.workgroup,
        ResultConfiguration={"OutputLocation": _results_location(athena, settings)},
    )["QueryExecutionId"]
    is_select = _wait_for_answer(athena, query_id)
    return _read_answer(athena, query_id, has_header=is_select)


def _results_location(athena: "AthenaClient", settings: Settings) -> str:
    """Where the emulator's Athena is to write results: as the workgroup says, if anyone has made one there."""
    groups = {group["Name"] for group in athena.list_work_groups()["WorkGroups"]}
    if settings.workgroup in groups:
        group = athena.get_work_group(WorkGroup=settings.workgroup)["WorkGroup"]
        return group["Configuration"]["ResultConfiguration"]["OutputLocation"]
    bucket = f"{settings.names.prefix}-query-results"
    boto3.client("s3", endpoint_url=settings.endpoint_url, region_name="us-east-1").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/results/"


def _wait_for_answer(athena: "AthenaClient", query_id: str) -> bool:
    """Wait until the query ended; True when its answer begins with a row of column names, as a SELECT's does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        execution = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        status = execution["Status"]
        if status["State"] == "SUCCEEDED":
            return execution.get("StatementType") == "DML"
        if status["State"] in {"FAILED", "CANCELLED"}:
            raise QueryError(one_line(status.get("StateChangeReason", "")))
        time.sleep(POLL_SECONDS)
    raise QueryError(f"The query did not end within {WAIT_SECONDS:.0f} seconds: ask for fewer rows or days.")


def _read_answer(athena: "AthenaClient", query_id: str, *, has_header: bool) -> pa.Table:
    columns: list[tuple[str, str]] = []
    rows: list[list[str | None]] = []
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        answer = page["ResultSet"]
        columns = [(info["Name"], info["Type"]) for info in answer["ResultSetMetadata"]["ColumnInfo"]]
        rows += [[datum.get("VarCharValue") for datum in row["Data"]] for row in answer["Rows"]]
    values = zip(*rows[1 if has_header else 0 :], strict=True) if len(rows) > has_header else ([] for _ in columns)
    arrays = [_typed(list(texts), kind) for texts, (_, kind) in zip(values, columns, strict=True)]
    return pa.Table.from_arrays(arrays, names=[name for name, _ in columns])


def _typed(texts: list[str | None], kind: str) -> Any:
    if kind == "decimal":
        return pa.array([None if text is None else Decimal(text) for text in texts])
    return pa.array(texts, pa.string()).cast(_ARROW_TYPES.get(kind, pa.string()))
