"""Bad arguments of the refine job, and raw objects that it cannot use."""

import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b3lake.refine.arguments import parse_arguments
from b3lake.refine.bars import read_bars
from b3lake.refine.errors import RefineError
from tests.bad_input.tried import Tried

SOUND = ["--raw_uri", "s3://b/raw/b3", "--refined_uri", "s3://b/refined/b3", "--database", "d", "--table", "t"]
ARGUMENTS = [
    [],
    ["--raw_uri", "raw/b3", *SOUND[2:]],
    ["--raw_uri", "s3://b", *SOUND[2:]],
    [*SOUND, "--refine_mode", "fast"],
    [*SOUND, "--start_date", "01/02/2024"],
    [*SOUND, "--start_date", "2024-02-02", "--end_date", "2024-02-01"],
    [*SOUND, "--tickers", ","],
    [*SOUND, "--history_uri", "nowhere"],
]


def try_arguments() -> Iterator[Tried]:
    for arguments in ARGUMENTS:
        with pytest.raises(RefineError) as caught:
            parse_arguments(arguments, {})
        shown = [word for word in arguments if word not in SOUND[2:]] if arguments else []
        yield Tried(
            f"`{' '.join(shown)}`" if shown else "no arguments", str(caught.value), "nothing: no request is made"
        )


def _object(rows_kept: int = 1, twice: str = "", **columns: pa.Array) -> bytes:
    rows: dict[str, Any] = {
        name: pa.array([1.0]) for name in ("open", "high", "low", "close", "turnover", "dividends", "stock_splits")
    }
    rows |= {
        "ts": pa.array([datetime.fromisoformat("2024-01-02T13:00:00")], pa.timestamp("us")),
        "volume": pa.array([100]),
        "trades": pa.array([3]),
    }
    sink = io.BytesIO()
    table = pa.table({name: array for name, array in (rows | columns).items() if array is not None})
    if twice:
        table = table.append_column(twice, table[twice])
    pq.write_table(table.slice(0, rows_kept), sink)
    return sink.getvalue()


OBJECTS = {
    "an empty object": b"",
    "text in place of Parquet": b"ts,open,high,low,close\n",
    "Parquet cut in half": _object()[:400],
    "no column close": _object(close=None),
    "a column twice": _object(twice="close"),
    "no rows": _object(0),
    "text in the column close": _object(close=pa.array(["ten"])),
    "halves of shares": _object(volume=pa.array([0.5])),
    "a bar without its moment": _object(ts=pa.array([None], pa.timestamp("us"))),
}


def try_raw_objects() -> Iterator[Tried]:
    for given, body in OBJECTS.items():
        with pytest.raises(RefineError) as caught:
            read_bars(body)
        told = f"{caught.value}; told in `unreadable.json`, and to an alarm"
        yield Tried(given, told, "no row of it, all others")
