"""Shows the rows of an answer: as a table for people (or a field a line), or as CSV, JSON or Parquet for programs."""

import datetime as dt
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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

from b3lake.ask.pivot import OF, are_months
from b3lake.ask.units import PER_CENT, REAIS, REAIS_OR_POINTS, unit_of
from b3lake.lake.tickers import INDEX_TICKER
from b3lake.lake.words import counted
from b3lake.texts.told import told

MOST_DECIMALS = 4
GROUPED_FROM = 10_000  # smaller whole numbers, such as years and counts, read better without separators


def print_table(answer: pa.Table, console: Console, most_rows: int, *, in_pieces: bool = False) -> None:
    """Print `answer` on `console`, numbers and dates as written in Brazil, and say when rows were left out.

    What is wider than the console is a field a line; `in_pieces`, as many columns as fit at a time beside the first.
    """
    shown = answer.slice(0, min(most_rows, answer.num_rows))
    columns = [_column(shown, number) for number in range(shown.num_columns)]
    if _width(columns) <= console.width:
        _print_columns(columns, console)
    elif in_pieces:
        for piece in _pieces(columns, console.width):
            _print_columns(piece, console)
    else:
        _print_fields(columns, console)
    left_out = "" if shown.num_rows == answer.num_rows else f", the first {shown.num_rows} shown: --rows shows more"
    console.print(told(counted(answer.num_rows, "row")) + told(left_out), highlight=False)


@dataclass(frozen=True)
class _Column:
    """A column as it is shown: its name, the unit of its values or "", a text for each row."""

    name: str
    unit: str
    cells: list[str]
    is_number: bool

    @property
    def width(self) -> int:
        """Of the column in a table, with a blank on both sides and a line."""
        return max(map(cell_len, (self.name, self.unit, *self.cells))) + 3


def _column(answer: pa.Table, number: int) -> _Column:
    field, values = answer.schema.field(number), answer.column(number)
    of = (field.metadata or {}).get(OF, field.name.encode()).decode()
    is_number = _is_number(field.type)
    unit = unit_of(of) if is_number else ""
    if unit == REAIS and _has_an_index(answer, field.name):
        unit = REAIS_OR_POINTS
    if pa.types.is_date(field.type) and are_months(values):
        cells = [f"{day:%m/%Y}" for day in values.to_pylist()]
    else:
        cells = format_column(values.to_pylist(), 2 if unit == PER_CENT else None)
    return _Column(field.name, told(unit), cells, is_number)


def _has_an_index(answer: pa.Table, name: str) -> bool:
    """Whether values of the column `name` are an index's, which are points."""
    if name == INDEX_TICKER:
        return True
    return "ticker" in answer.schema.names and INDEX_TICKER in answer["ticker"].to_pylist()


def _width(columns: Sequence[_Column]) -> int:
    return sum(column.width for column in columns) + 1


def _pieces(columns: list[_Column], width: int) -> Iterator[list[_Column]]:
    """The columns in as many pieces as `width` needs, the first column in each of them."""
    first, piece = columns[0], columns[:1]
    for column in columns[1:]:
        if len(piece) > 1 and _width([*piece, column]) > width:
            yield piece
            piece = [first]
        piece.append(column)
    yield piece


def _print_columns(columns: Sequence[_Column], console: Console) -> None:
    """A table; where a column has a unit, the headings have a second line."""
    table = Table(header_style="bold", row_styles=["", "dim"] if console.is_terminal else None)
    have_units = any(column.unit for column in columns)
    for column in columns:
        heading = f"{column.name}\n{column.unit}" if have_units else column.name
        table.add_column(Text(heading), justify="right" if column.is_number else "left", no_wrap=True)
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _print_fields(columns: Sequence[_Column], console: Console) -> None:
    """A field a line and an empty line after each row: what is wider than the console is not cut in its middle."""
    names = [f"{column.name} ({column.unit})" if column.unit else column.name for column in columns]
    widest = max(map(cell_len, names))
    for row in zip(*(column.cells for column in columns), strict=True):
        for name, cell in zip(names, row, strict=True):
            line = Text.assemble((name, "bold"), " " * (widest - cell_len(name) + 2), cell)
            console.print(line, soft_wrap=True)
        console.print()


def format_column(values: list[Any], decimals: int | None = None) -> list[str]:
    """One cell of text per value; fractions of a column have `decimals`, or as many as the finest needs.

    So commas line up.
    """
    fractions = [value for value in values if isinstance(value, float | Decimal)]
    if decimals is None:
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
