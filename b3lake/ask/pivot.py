"""Turns an answer so that each ticker has a column: a row is a day, a month or a year.

ticker  month_start  return_pct          month_start  PETR4  VALE3
PETR4   2024-01-01          3.1    ->     2024-01-01    3.1   -2.0
VALE3   2024-01-01         -2.0
"""

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ask.errors import QueryError

TICKER = "ticker"
OF = b"of"
"""In a field's metadata: the column whose values a ticker's column has."""
_YEAR_OR_MONTH = re.compile(r"(.+_)?(year|month)")


def pivot(answer: pa.Table, value: str | None = None) -> pa.Table:
    """`answer` with a row a day (month, year), oldest first, and a column a ticker, in their order of the alphabet.

    `value` names the column that is shown, by default the last one of numbers. Raises QueryError where there is no
    ticker, no day or no number, and where one day has two rows of a ticker.
    """
    names = answer.schema.names
    if TICKER not in names:
        raise QueryError(f"--pivot needs a column {TICKER}, and this answer has {', '.join(names)}.")
    day = _last(answer, [name for name in names if _is_day(answer.schema.field(name))], "of days, months or years")
    numbers = [field.name for field in answer.schema if _is_number(field.type) and field.name != day]
    if value is not None and value not in numbers:
        raise QueryError(f"--pivot {value} is no column of numbers here: take one of {', '.join(numbers)}.")
    value = value or _last(answer, numbers, "of numbers")
    kind = answer.schema.field(value).type
    days = sorted(set(answer[day].to_pylist()) - {None})
    rows = {one: number for number, one in enumerate(days)}
    columns: dict[str, list[object]] = {}
    seen = set()
    for ticker, when, number in zip(*(answer[name].to_pylist() for name in (TICKER, day, value)), strict=True):
        if when is None or ticker is None:
            continue
        if (ticker, when) in seen:
            raise QueryError(f"--pivot has one cell for {ticker} in {when}, and the answer two rows: group them.")
        seen.add((ticker, when))
        columns.setdefault(ticker, [None] * len(days))[rows[when]] = number
    fields = [answer.schema.field(day)] + [
        pa.field(name, kind, metadata={OF: value.encode()}) for name in sorted(columns)
    ]
    arrays = [pa.array(days, fields[0].type), *(pa.array(columns[field.name], kind) for field in fields[1:])]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def are_months(column: pa.ChunkedArray) -> bool:
    """Whether every day of the column is the first of its month, and there are several."""
    return len(column) > 1 and column.null_count == 0 and pc.all(pc.equal(pc.day(column), 1)).as_py()


def _last(answer: pa.Table, names: Sequence[str], kind: str) -> str:
    if not names:
        raise QueryError(f"--pivot needs a column {kind}, and this answer has {', '.join(answer.schema.names)}.")
    return names[-1]


def _is_day(field: pa.Field) -> bool:
    if pa.types.is_integer(field.type):
        return bool(_YEAR_OR_MONTH.fullmatch(field.name))
    return bool(pa.types.is_date(field.type) or pa.types.is_timestamp(field.type))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
