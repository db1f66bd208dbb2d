"""`b3lake export`: writes a table, or a part of it, as one Parquet, CSV or DuckDB file."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from b3lake.analysis.errors import AnalysisError
from b3lake.analysis.lake import AnalysisLake, open_lake, sentence_of
from b3lake.analysis.tables import find_table
from b3lake.lake.errors import UsageError
from b3lake.lake.names import HISTORY_TABLE
from b3lake.lake.tables import TABLES
from b3lake.lake.tickers import split_list
from b3lake.lake.words import counted, first_line, sized
from b3lake.options import Parser
from b3lake.texts.told import told

PROGRAM = "b3lake export"


@dataclass(frozen=True)
class ExportRequest:
    """Which rows of which table (tickers None: of all), to which file; its ending says of what form."""

    output: Path
    table: str = HISTORY_TABLE
    tickers: tuple[str, ...] | None = None
    since: str | None = None
    until: str | None = None
    place: str | None = None


def parse(arguments: Sequence[str], environ: Mapping[str, str], program: str = PROGRAM) -> ExportRequest:
    """The checked request. Raises UsageError, and AnalysisError for a table that there is not; exits 0 on `--help`."""
    given = _parser(program).read(arguments, environ).options
    output: Path = given.output
    if output.suffix.lower() not in WRITERS:
        raise UsageError(f"{output} has none of the endings {', '.join(WRITERS)}: one says of what form the file is.")
    tickers = None if given.ticker is None else tuple(split_list(given.ticker))
    if tickers == ():
        raise UsageError("--ticker names none: list tickers, like --ticker PETR4,VALE3.")
    table = find_table(given.table)
    if tickers and "ticker" not in table.columns.names:
        raise UsageError(f"{table.name} has no tickers: leave --ticker out.")
    return ExportRequest(output, table.name, tickers, given.since, given.until, given.lake)


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        "Write a table of the lake, or a part of it, as one file: whole, or not at all.",
        "Without --lake it is the lake that `make up` keeps here, running or not, or the one that LAKE_ENV and "
        "AWS_ENDPOINT_URL name. Exit codes: 0 written; 1 not; 2 wrong usage.",
    )
    parser.add_argument("output", type=Path, metavar="FILE", help=f"ends in {', '.join(WRITERS)}")
    parser.add_argument("--table", default=HISTORY_TABLE, help=f"one of {', '.join(TABLES)}; default {HISTORY_TABLE}")
    parser.add_argument("--ticker", metavar="LIST", help="only these; @IBOV are the index's members")
    parser.add_argument("--since", metavar="DAY", help="only from this day on, YYYY-MM-DD")
    parser.add_argument("--until", metavar="DAY", help="only up to this day")
    parser.add_argument("--lake", metavar="PLACE", help="a folder of objects, or s3://bucket")
    return parser


def run(request: ExportRequest, lake: AnalysisLake) -> int:
    """Write the file; 0. Raises B3LakeError when the lake cannot be read, has no such rows, or the file not written."""
    rows = lake.table(request.table, tickers=request.tickers, since=request.since, until=request.until)
    if not rows.num_rows:
        raise AnalysisError(f"{request.table} has no such rows in {lake.place}: nothing was written.")
    if request.tickers and request.table == HISTORY_TABLE and (left_out := lake.left_out(request.tickers, rows)):
        print(told(sentence_of(left_out)), file=sys.stderr)
    _write_whole(request.output, rows, request.table)
    size = sized(request.output.stat().st_size)
    print(told(f"{request.output} ({counted(rows.num_rows, 'row')} of {request.table}, {size})"))
    return 0


def _write_whole(output: Path, rows: pa.Table, name: str) -> None:
    """Write beside the file, and put it in its place when it is whole: one that was there stays until then."""
    unfinished = output.with_name(f"{output.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        WRITERS[output.suffix.lower()](rows, unfinished, name)
        unfinished.replace(output)
    except OSError as error:
        raise AnalysisError(f"Cannot write {output}: {error.strerror or error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _write_parquet(rows: pa.Table, file: Path, _name: str) -> None:
    with file.open("wb") as sink:
        pa.parquet.write_table(rows, sink, compression="zstd")


def _write_csv(rows: pa.Table, file: Path, _name: str) -> None:
    with file.open("wb") as sink:
        pa.csv.write_csv(rows, sink)


def _write_duckdb(rows: pa.Table, file: Path, name: str) -> None:
    try:
        import duckdb  # noqa: PLC0415 - it is no package of the host
    except ImportError as error:
        raise AnalysisError("DuckDB is not installed: `pip install duckdb`, or take .parquet or .csv.") from error
    try:
        with duckdb.connect(str(file)) as connection:
            connection.register("rows", rows)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")  # noqa: S608 - a name of TABLES
    except duckdb.IOException as error:
        raise OSError(None, first_line(error)) from error


WRITERS: dict[str, Callable[[pa.Table, Path, str], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".duckdb": _write_duckdb,
}
"""Ending of the file to what writes it."""


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Export once; the exit code."""
    request = parse(arguments, os.environ, program)
    return run(request, open_lake(request.place))
