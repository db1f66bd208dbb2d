"""Asks tables of many objects where they lie: the emulator's Athena copies each object of a table for each question.

- A kept lake's objects are files already, and DuckDB reads these.
- The columns are those of a table's first file where the table has the same ones, so that a question about some
  partitions opens these alone. Where a file turns out to lack one, it is asked as ministack asks.

It runs in the virtualenv of the emulator: the standard library, ministack and DuckDB alone.
"""

import contextvars
from typing import Any
from urllib.parse import urlsplit

import duckdb
from ministack.services import athena, s3

_copy_files = athena._materialize_table_files
_relation = athena._table_relation
_run = athena._run_duckdb
_quickly: contextvars.ContextVar[bool] = contextvars.ContextVar("quickly", default=True)
_OF_THE_QUERY = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
_UNION = "union_by_name = true, "


def files_of_table(location: str, workdirs: list[str]) -> Any:
    """The paths of the objects below `location`, in order of keys; copies of them where one is in no file of its name.

    Copies are in folders that are added to `workdirs`, for the caller to remove.
    """
    place = urlsplit(location)
    prefix = place.path.strip("/") + "/"
    bucket = s3._buckets.get(place.netloc)
    if not (_quickly.get() and s3.S3_PERSIST) or bucket is None or prefix == "/":
        return _copy_files(location, workdirs)
    there = bucket["objects"]
    keys = sorted(
        key
        for key in list(there)
        if key.startswith(prefix) and not key.endswith("/") and not athena._hidden(key[len(prefix) :])
    )
    root = s3._object_disk_path(place.netloc, "k")[: -len("k")]
    if any(there[key].get("body") is not None or not s3._plain_path_key(key) for key in keys if key in there):
        return _copy_files(location, workdirs)
    return [root + key for key in keys]


def relation(table: dict[str, Any], files: list[str]) -> Any:
    """A DuckDB relation of the table's files."""
    usual = _relation(table, files)
    if _quickly.get() and usual.startswith("read_parquet(") and _has_columns(files[0], table):
        return usual.replace(_UNION, "", 1)
    return usual


def _has_columns(file: str, table: dict[str, Any]) -> bool:
    stated = [column["Name"] for column in (table.get("StorageDescriptor") or {}).get("Columns") or []]
    try:
        with duckdb.connect() as connection:
            asked = "SELECT * FROM read_parquet($1, hive_partitioning = false) LIMIT 0"
            return [column[0] for column in connection.execute(asked, [file]).description or []] == stated
    except duckdb.Error:
        return False


async def run(query: str, database: str, catalog: str | None = None) -> Any:
    """ministack's own; once more from copies and with all files' columns, unless it is the query that is wrong."""
    try:
        return await _run(query, database, catalog)
    except _OF_THE_QUERY:
        raise
    except duckdb.Error:
        _quickly.set(False)  # in this question's task alone
        return await _run(query, database, catalog)


def install() -> None:
    """Put these in the place of ministack's."""
    athena._materialize_table_files = files_of_table
    athena._table_relation = relation
    athena._run_duckdb = run
