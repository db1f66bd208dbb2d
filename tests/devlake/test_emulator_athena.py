"""The emulator's Athena answers about a kept lake's objects as about a lake in memory, whatever their columns are."""

import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from devlake import emulator
from devlake.emulator import Emulator

pytestmark = pytest.mark.slow

BUCKET, DATABASE = "athena-where-it-lies", "lake"
DAYS = {"2024-01-02": 1.0, "2024-01-03": 2.0, "2024-01-04": 3.0}
WITHOUT_VOLUME = "2024-01-03"
QUESTIONS = {
    "SELECT count(*), sum(close), sum(volume) FROM quotes": [["3", "6.0", "20"]],
    "SELECT close FROM quotes WHERE dt = DATE '2024-01-04'": [["3.0"]],
    "SELECT CAST(dt AS varchar), volume FROM quotes ORDER BY dt": [
        ["2024-01-02", "10"],
        ["2024-01-03", None],
        ["2024-01-04", "10"],
    ],
    "SELECT count(*) FROM quotes WHERE ticker = 'OIBR3'": [["0"]],
}


def fill(aws: Emulator) -> None:
    """A table of three days, the second of which is a file from before its last column, and a hidden object."""
    s3, glue = aws.client("s3"), aws.client("glue")
    s3.create_bucket(Bucket=BUCKET)
    for day, close in DAYS.items():
        columns: dict[str, list[Any]] = {"close": [close]}
        if day != WITHOUT_VOLUME:
            columns["volume"] = [10]
        body = io.BytesIO()
        pq.write_table(pa.table(columns), body)
        s3.put_object(Bucket=BUCKET, Key=f"raw/dt={day}/ticker=PETR4/data.parquet", Body=body.getvalue())
    s3.put_object(Bucket=BUCKET, Key="raw/_state/note", Body=b"no Parquet")
    glue.create_database(DatabaseInput={"Name": DATABASE})
    names = {"close": "double", "volume": "bigint"}
    storage = {
        "Columns": [{"Name": name, "Type": kind} for name, kind in names.items()],
        "Location": f"s3://{BUCKET}/raw/",
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    }
    keys = [{"Name": "dt", "Type": "date"}, {"Name": "ticker", "Type": "string"}]
    table = {"Name": "quotes", "StorageDescriptor": storage, "PartitionKeys": keys}
    glue.create_table(DatabaseName=DATABASE, TableInput=table)


def ask(aws: Emulator, sql: str) -> list[list[str | None]]:
    athena = aws.client("athena")
    asked = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": DATABASE},
        ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/answers/"},
    )["QueryExecutionId"]
    while (status := athena.get_query_execution(QueryExecutionId=asked)["QueryExecution"]["Status"])["State"] not in {
        "SUCCEEDED",
        "FAILED",
    }:
        time.sleep(0.05)
    assert status["State"] == "SUCCEEDED", status
    rows = athena.get_query_results(QueryExecutionId=asked)["ResultSet"]["Rows"][1:]
    return [[datum.get("VarCharValue") for datum in row["Data"]] for row in rows]


@pytest.fixture(scope="module", params=["kept", "in memory"])
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    aws = emulator.start(tmp_path_factory.mktemp("emulator"), keep=request.param == "kept")
    try:
        fill(aws)
        yield aws
    finally:
        emulator.stop(aws)


@pytest.mark.parametrize("sql", QUESTIONS)
def test_the_answer_is_that_of_all_files(lake: Emulator, sql: str) -> None:
    assert ask(lake, sql) == QUESTIONS[sql]


def test_a_question_leaves_no_copies(lake: Emulator) -> None:
    ask(lake, "SELECT count(*), sum(volume) FROM quotes")
    assert list((lake.log.parent / "scratch").glob("ministack-athena-*")) == []


def test_a_kept_lake_is_not_copied_and_of_a_day_nothing_else_is_opened(tmp_path: Path) -> None:
    aws = emulator.start(tmp_path, keep=True)
    try:
        fill(aws)
        shutil.rmtree(tmp_path / "scratch")  # where copies would go
        other = next(tmp_path.rglob(f"dt={WITHOUT_VOLUME}/ticker=PETR4/data.parquet"))
        other.write_bytes(b"no Parquet")
        assert ask(aws, "SELECT close FROM quotes WHERE dt = DATE '2024-01-04'") == [["3.0"]]
    finally:
        emulator.stop(aws)
