"""A row's values as one text in SQL, and back: Athena's answers cost by the cell, and the page asks for many rows.

>>> line_expression(["close_price", "turnover"])
"coalesce(CAST(close_price AS varchar), '') || ';' || coalesce(CAST(turnover AS varchar), '')"
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.csv

_MARK = ";"


def line_expression(columns: Sequence[str]) -> str:
    """The expression whose value is a row's `columns` (no texts), in this order; null is nothing."""
    return f" || '{_MARK}' || ".join(f"coalesce(CAST({column} AS varchar), '')" for column in columns)


def parse_lines(answer: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows of an answer with the columns `ticker` and `line`, as `schema`, whose first field is the ticker."""
    columns = schema.names[1:]
    if not answer.num_rows:
        return schema.empty_table()
    text = "\n".join(answer["line"].to_pylist()).encode()
    rows = pyarrow.csv.read_csv(
        pa.BufferReader(text),
        pyarrow.csv.ReadOptions(column_names=columns),
        pyarrow.csv.ParseOptions(delimiter=_MARK),
        pyarrow.csv.ConvertOptions(column_types={name: schema.field(name).type for name in columns}, null_values=[""]),
    )
    return rows.add_column(0, schema.field(0), answer["ticker"].cast(pa.string()))
