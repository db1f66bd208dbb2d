"""Says which of the lake's names was meant, where an engine does not know a table or a column.

>>> with_lake_names("Table with name b3_dayly_history does not exist!", "SELECT 1 FROM b3_dayly_history")
"There is no table 'b3_dayly_history': did you mean b3_daily_history? `b3lake ask --tables` lists them."
"""

import difflib
import re

from b3lake.lake.tables import TABLES

_LIST = "`b3lake ask --tables` lists them."
_NO_TABLE = (
    re.compile(r"Table with name \"?(\w+)\"? does not exist"),  # the emulator's
    re.compile(r"TABLE_NOT_FOUND.*Table '[^']*?(\w+)' does not exist"),  # the account's
)
_NO_COLUMN = (
    re.compile(r'Referenced column "(\w+)" not found'),
    re.compile(r'does not have a column named "(\w+)"'),
    re.compile(r"COLUMN_NOT_FOUND.*Column '(?:[^']*\.)?(\w+)'"),
)


def with_lake_names(message: str, sql: str) -> str:
    """The engine's `message` about `sql`; where it knows no such table or column, a sentence with the lake's names."""
    if found := _first(_NO_TABLE, message):
        return no_such_table(found)
    if found := _first(_NO_COLUMN, message):
        return _no_such_column(found, sql) or message
    return message


def names_no_table(message: str) -> bool:
    """Whether the engine's `message` is that it knows no such table."""
    return bool(_first(_NO_TABLE, message))


def no_such_table(name: str) -> str:
    """The sentence that the lake has no table of that name."""
    if name in TABLES:
        return f"The lake has no table {name} yet: an ingestion makes it, `make ingest` or `b3lake fetch`."
    near = difflib.get_close_matches(name.lower(), TABLES, 3)
    if near:
        return f"There is no table {name!r}: did you mean {' or '.join(near)}? {_LIST}"
    return f"There is no table {name!r}: the lake's are {', '.join(TABLES)}."


def _no_such_column(name: str, sql: str) -> str:
    """The sentence that the tables of `sql` have no such column; "" where it asks none of the lake's."""
    asked = [table for table in TABLES if re.search(rf"\b{table}\b", sql, re.IGNORECASE)]
    there = {column: table for table in asked[::-1] for column in TABLES[table].columns.names}
    if near := difflib.get_close_matches(name.lower(), there, 3):
        meant = " or ".join(near)
        return f"There is no column {name!r}: did you mean {meant}? {_describing(there[near[0]])}"
    elsewhere = [table for table in TABLES if name.lower() in TABLES[table].columns.names]
    if elsewhere:
        return f"There is no column {name!r} there: {' and '.join(elsewhere)} have it."
    return f"There is no column {name!r}: {_describing(asked[0])}" if asked else ""


def _describing(table: str) -> str:
    return f'`b3lake ask --sql "DESCRIBE {table}"` lists those of {table}.'


def _first(patterns: tuple[re.Pattern[str], ...], message: str) -> str:
    return next((found[1] for pattern in patterns if (found := pattern.search(message))), "")
