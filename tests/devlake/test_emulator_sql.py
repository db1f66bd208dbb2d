"""SQL reads the objects of the tables that it names, and no file of the machine."""

import time
from pathlib import Path

import pytest

from devlake.emulator import Emulator

pytestmark = pytest.mark.slow


def _asked(aws: Emulator, sql: str) -> tuple[str, str, list[list[str]]]:
    """How the query ended, why, and its rows with the header."""
    athena = aws.client("athena")
    aws.client("s3").create_bucket(Bucket="results-of-files")
    results = {"OutputLocation": "s3://results-of-files/"}
    query = athena.start_query_execution(QueryString=sql, ResultConfiguration=results)["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] in {"SUCCEEDED", "FAILED"}:
            break
        time.sleep(0.02)
    if status["State"] == "FAILED":
        return "FAILED", status["StateChangeReason"], []
    rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return "SUCCEEDED", "", [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{folder}/secret.csv')",
        "SELECT * FROM read_text('{folder}/secret.csv')",
        "SELECT * FROM read_blob('{folder}/../*/secret.csv')",
        "SELECT * FROM '{folder}/secret.csv'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT content FROM read_text('/etc/passwd')",
        "SELECT content FROM read_text('/proc/self/environ')",
        "COPY (SELECT 1) TO '{folder}/written.csv'",
        "COPY (SELECT 1) TO '{folder}/secret.csv'",
        "CREATE TABLE t AS SELECT 1 AS a; EXPORT DATABASE '{folder}/written'",
        "ATTACH '{folder}/written.db' AS theirs",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{folder}/own.duckdb_extension'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
        "RESET enable_external_access",
        "SELECT * FROM s3_table_buckets",
    ],
)
def test_no_statement_reaches_a_file(emulator: Emulator, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nsesame\n")
    assert _asked(emulator, "SELECT 1 AS one") == ("SUCCEEDED", "", [["one"], ["1"]])
    state, why, rows = _asked(emulator, sql.format(folder=tmp_path))
    assert (state, rows) == ("FAILED", [])
    assert any(mark in why for mark in ("Permission Error", "configuration has been locked", "does not exist!")), why
    assert [file.name for file in tmp_path.iterdir()] == ["secret.csv"]
    assert secret.read_text() == "word\nsesame\n"


def test_a_table_is_read_and_numbers_that_are_none_are_null(emulator: Emulator) -> None:
    """The last is what ministack sets a connection to, which can no longer be set when it comes to that."""
    s3, glue = emulator.client("s3"), emulator.client("glue")
    s3.create_bucket(Bucket="files-of-a-table")
    s3.put_object(Bucket="files-of-a-table", Key="t/dt=2024-01-02/a.csv", Body=b"1,x\nno number,y\n")
    glue.create_database(DatabaseInput={"Name": "files"})
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"}
    columns = [{"Name": "n", "Type": "int"}, {"Name": "word", "Type": "string"}]
    storage = {"Columns": columns, "Location": "s3://files-of-a-table/t/", "SerdeInfo": serde}
    table = {"Name": "t", "StorageDescriptor": storage, "PartitionKeys": [{"Name": "dt", "Type": "date"}]}
    glue.create_table(DatabaseName="files", TableInput=table)
    state, why, rows = _asked(emulator, "SELECT word, dt, n FROM files.t WHERE n IS NULL OR n > 0 ORDER BY word")
    assert (state, why) == ("SUCCEEDED", "")
    assert [row[:2] for row in rows[1:]] == [["x", "2024-01-02"], ["y", "2024-01-02"]]
    assert rows[1][2] == "1"
