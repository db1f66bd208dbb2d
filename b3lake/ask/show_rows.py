"""Shows the rows of an answer: as a table for people (or a field a line), or as CSV, JSON or Parquet for programs."""

import datetime as dt
import itertools
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from b3lake.lake.words import counted

MOST_DECIMALS = 4
GROUPED_FROM = 10_000  # smaller whole numbers, such as years and counts, read better without separators


def print_table(answer: pa.Table, console: Console, most_rows: int) -> None:
    """Print `answer` on `console`, numbers and dates as written in Brazil, and say when rows were left out."""
    shown = answer.slice(0, min(most_rows, answer.num_rows))
    columns = [format_column(column.to_pylist()) for column in shown.columns]
    names = answer.schema.names
    widths = [max(map(cell_len, (name, *cells))) for name, cells in zip(names, columns, strict=True)]
    if sum(widths) + 3 * len(widths) + 1 > console.width:  # each column has a space on both sides and a line
        _print_fields(names, columns, console)
    else:
        _print_columns(answer.schema, columns, console)
    left_out = "" if shown.num_rows == answer.num_rows else f", the first {shown.num_rows} shown: --rows shows more"
    console.print(f"{counted(answer.num_rows, 'row')}{left_out}", highlight=False)


def _print_columns(schema: pa.Schema, columns: list[list[str]], console: Console) -> None:
    table = Table(header_style="bold", row_styles=["", "dim"] if console.is_terminal else None)
    for field in schema:
        table.add_column(Text(field.name), justify="right" if _is_number(field.type) else "left", no_wrap=True)
    for row in zip(*columns, strict=True):
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _print_fields(names: list[str], columns: list[list[str]], console: Console) -> None:
    """A field a line and an empty line after each row: what is wider than the console is not cut in its middle."""
    widest = max(map(cell_len, names))
    for row in zip(*columns, strict=True):
        for name, cell in zip(names, row, strict=True):
            line = Text.assemble((name, "bold"), " " * (widest - cell_len(name) + 2), cell)
            console.print(line, soft_wrap=True)
        console.print()


def format_column(values: list[Any]) -> list[str]:
    """One cell of text per value; fractions of a column share their number of decimals, so that commas line up."""
    fractions = [value for value in values if isinstance(value, float | Decimal)]
    decimals = max((_decimals(value) for value in fractions), default=0)
    grouped = any(abs(value) >= GROUPED_FROM for value in values if isinstance(value, int))
    return [_format(value, decimals, grouped=grouped) for value in values]


def to_csv(answer: pa.Table) -> bytes:
    """`answer` as CSV with a header; null is an empty field."""
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(answer, sink, pyarrow.csv.WriteOptions(quoting_style="needed"))
    return bytes(sink.getvalue())


def to_json(answer: pa.Table) -> bytes:
    """`answer` as a JSON array of objects; dates in ISO format, null and not-a-number are null.

    An object has a key once: of columns of one name, `n`, the later ones are `n_2`, `n_3`.
    """
    answer = answer.rename_columns(_each_once(answer.schema.names))
    rows = [{name: _plain(value) for name, value in row.items()} for row in answer.to_pylist()]
    return (json.dumps(rows, ensure_ascii=False, indent=1) + "\n").encode()


def write_parquet(answer: pa.Table, path: Path) -> None:
    """Write `answer` to a Parquet file at `path`."""
    pyarrow.parquet.write_table(answer, path)


def _each_once(names: list[str]) -> list[str]:
    once: list[str] = []
    for name in names:
        others = (f"{name}_{number}" for number in itertools.count(2))
        once.append(name if name not in once else next(o for o in others if o not in once and o not in names))
    return once


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _decimals(value: float | Decimal) -> int:
    if not math.isfinite(value):
        return 0
    most = MOST_DECIMALS if abs(float(value)) < GROUPED_FROM else 2
    return max(2, len(f"{value:.{most}f}".split(".")[1].rstrip("0")))


def _format(value: Any, decimals: int, *, grouped: bool) -> str:
    match value:
        case None:
            text = "-"
        case bool():
            text = str(value).lower()
        case int():
            text = f"{value:,d}".replace(",", ".") if grouped else str(value)
        case float() | Decimal():
            text = f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,"))
        case dt.datetime():
            text = f"{value:%d/%m/%Y %H:%M:%S}"
        case dt.date():
            text = f"{value:%d/%m/%Y}"
        case _:
            text = str(value)
    return text


def _plain(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case dt.date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            return value
