"""Keeps the SQL of the emulator's Athena to the objects of the tables that it names.

The emulator asks DuckDB, which by itself reads and writes any file of the lake's owner: read_csv('/etc/passwd'),
COPY … TO, ATTACH, INSTALL. Here a query's connection may open the folders in which the objects of its tables lie, and
nothing else; and it cannot take that back.

It runs in the virtualenv of the emulator: the standard library, ministack and DuckDB alone.
"""

import os
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import duckdb
from ministack.services import athena

_connect = duckdb.connect
_of_query: ContextVar[tuple[str, ...]] = ContextVar("_of_query", default=())
"""The folders of the query at work, which is a task of its own; a thread that it is given to has them too."""


def _connect_confined(*arguments: Any, **options: Any) -> Any:
    connection = _connect(*arguments, **options)
    connection.execute("SET python_enable_replacements = false")  # else a table may be a variable of ministack's
    connection.execute("SET disabled_optimizers = 'type_pushdown'")  # as ministack does, which no longer can
    folders = ", ".join("'{}'".format(folder.replace("'", "''")) for folder in _of_query.get())
    connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def install() -> None:
    """Put these in the place of DuckDB's and of what finds a table's files, in this process."""
    find = athena._materialize_table_files

    def find_and_allow(location: str, workdirs: list[str]) -> Any:
        files = find(location, workdirs)
        if files:
            common = os.path.commonpath(files) if len(files) > 1 else str(Path(files[0]).parent)
            _of_query.set((*_of_query.get(), common))
        return files

    athena._materialize_table_files = find_and_allow
    duckdb.connect = _connect_confined
