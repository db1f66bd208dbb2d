"""Holds a query to one statement that reads.

>>> one_reading("DROP TABLE b3_daily_history")
Traceback (most recent call last):
b3lake.lake.errors.UsageError: Only one statement that reads is asked, and this is DROP: begin with SELECT or WITH.
"""

import re
from collections.abc import Iterator

from b3lake.lake.errors import UsageError

READING = ("SELECT", "WITH", "VALUES", "SHOW", "DESCRIBE", "DESC", "EXPLAIN")
_WRITING = ("INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "ALTER", "COPY", "UNLOAD")
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[();])", re.DOTALL
)


def one_reading(sql: str) -> str:
    """`sql` without a semicolon at its end. Raises UsageError for two statements, and for one that writes.

    An empty text is left to whoever is asked.
    """
    words = list(_words(sql))
    if ";" in words[:-1]:
        raise UsageError("Only one statement is asked at a time: ask them one by one.")
    if words[-1:] == [";"]:
        sql, words = sql[: sql.rindex(";")], words[:-1]
    first = next(iter(words), "")
    writes = next((word for word in words if word in _WRITING), None)
    what = first if first and first not in (*READING, "(") else writes if first in {"WITH", "EXPLAIN"} else None
    if what:
        raise UsageError(f"Only one statement that reads is asked, and this is {what}: begin with SELECT or WITH.")
    return sql


def _words(sql: str) -> Iterator[str]:
    """The words at no depth of parentheses, in capitals, and semicolons; texts and comments are left out."""
    depth = 0
    for token in _TOKEN.finditer(sql):
        mark, word = token["mark"], token["word"]
        if mark == "(":
            if depth == 0:
                yield mark
            depth += 1
        elif mark == ")":
            depth = max(0, depth - 1)
        elif mark == ";":
            yield mark
        elif word and depth == 0:
            yield word.upper()
