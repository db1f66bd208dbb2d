"""Says which tables and columns a lake has, as the Glue catalog has them: the same on every Athena.

>>> wanted_listing("show tables"), wanted_listing("DESCRIBE b3_daily_history"), wanted_listing("SELECT 1")
('', 'b3_daily_history', None)
"""

import re
from typing import Any

import boto3
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from b3lake.ask.athena import explain
from b3lake.ask.errors import QueryError
from b3lake.ask.units import unit_of
from b3lake.ask.wrong_names import no_such_table
from b3lake.lake.settings import Settings
from b3lake.lake.tables import TABLES

_SHOW = re.compile(r"\s*SHOW\s+TABLES(\s+IN\s+\w+)?\s*", re.IGNORECASE)
_DESCRIBE = re.compile(r"\s*DESC(?:RIBE)?\s+(?:\w+\.)?[\"`]?(\w+)[\"`]?\s*", re.IGNORECASE)


def wanted_listing(sql: str) -> str | None:
    """The table that `sql` describes, "" where it shows the tables; None for any other statement."""
    if _SHOW.fullmatch(sql):
        return ""
    found = _DESCRIBE.fullmatch(sql)
    return found[1].lower() if found else None


def list_tables(settings: Settings) -> pa.Table:
    """The tables of the lake's database, those first that are asked most, with the meaning of a row ("" if unknown).

    Raises QueryError when the catalog cannot be read.
    """
    there = {table["Name"] for table in _tables(settings)}
    names = [*(name for name in TABLES if name in there), *sorted(there - TABLES.keys())]
    about = [TABLES[name].about if name in TABLES else "" for name in names]
    return pa.table({"table": names, "a_row_is": about}, schema=_texts("table", "a_row_is"))


def describe_table(name: str, settings: Settings) -> pa.Table:
    """The columns of a table with their types and units, partitions last.

    Raises QueryError when there is no such table, or the catalog cannot be read.
    """
    table = next((table for table in _tables(settings) if table["Name"] == name), None)
    if table is None:
        raise QueryError(no_such_table(name))
    partitions = {column["Name"] for column in table.get("PartitionKeys", [])}
    columns = [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])]
    rows = [
        (column["Name"], column["Type"], unit_of(column["Name"]), "partition" * (column["Name"] in partitions))
        for column in columns
    ]
    schema = _texts("column", "type", "unit", "note")
    return pa.table(dict(zip(schema.names, map(list, zip(*rows, strict=True)), strict=True)), schema=schema)


def _tables(settings: Settings) -> list[dict[str, Any]]:
    try:
        glue: Any = boto3.client("glue", endpoint_url=settings.endpoint_url)
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=settings.database)
        return [table for page in pages for table in page["TableList"]]
    except (ClientError, BotoCoreError) as error:
        raise QueryError(explain(error, settings)) from error


def _texts(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])
