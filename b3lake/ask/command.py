"""`b3lake ask`: asks the lake, and prints or keeps the answer."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console

from b3lake.ask.athena import ask
from b3lake.ask.errors import QueryError
from b3lake.ask.listing import describe_table, list_tables, wanted_listing
from b3lake.ask.narrow import EVERYTHING, Narrowing, members_query, narrowed, read_narrowing, with_members
from b3lake.ask.pivot import pivot
from b3lake.ask.questions import list_queries, read_query
from b3lake.ask.reading import one_reading
from b3lake.ask.show_rows import print_table, to_csv, to_json, write_parquet
from b3lake.lake.errors import UsageError
from b3lake.lake.renames import newest_code
from b3lake.lake.settings import Settings, read_settings
from b3lake.options import Parser, whole
from b3lake.texts.told import told

PROGRAM = "b3lake ask"
STDOUT = "-"
SHOW_TABLES = "SHOW TABLES"
TABLE, CSV, JSON, PARQUET = "table", "csv", "json", "parquet"


@dataclass(frozen=True)
class AskRequest:
    """One question: `sql` (None: list the queries) of which lake, and the answer's form and file (or STDOUT).

    With `pivoted` each ticker has a column, of the answer's column `value` (None: of its last numbers).
    """

    sql: str | None
    settings: Settings
    narrowing: Narrowing = EVERYTHING
    form: str = TABLE
    target: str = STDOUT
    most_rows: int = 200
    pivoted: bool = False
    value: str | None = None

    @property
    def is_listing(self) -> bool:
        """Whether it asks what there is: queries, tables or columns."""
        return self.sql is None or wanted_listing(self.sql) is not None


def parse(arguments: Sequence[str], environ: Mapping[str, str], program: str = PROGRAM) -> AskRequest:
    """The checked request. Raises UsageError, and QueryError for a query that is not there; exits 0 on `--help`."""
    options = _parser(program).read(arguments, environ).options
    forms = {CSV: options.csv, JSON: options.json, PARQUET: options.parquet}
    form, target = next(((form, target) for form, target in forms.items() if target), (TABLE, STDOUT))
    sql = None
    if options.tables:
        sql = SHOW_TABLES
    elif not options.list:
        sql = one_reading(options.sql if options.sql is not None else read_query(options.file or options.query))
    is_listing = sql is None or wanted_listing(sql) is not None
    if is_listing and (options.ticker or options.since or options.pivot is not None):
        raise UsageError("--ticker, --since and --pivot are of a query's rows, and a list has none.")
    if options.rows < 1:
        raise UsageError(f"--rows {options.rows} shows nothing: give 1 or more.")
    narrowing = read_narrowing(options.ticker, options.since, across_renames=options.lineage)
    pivoted, value = options.pivot is not None, options.pivot or None
    return AskRequest(sql, read_settings(environ), narrowing, form, target, options.rows, pivoted, value)


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        "Ask the lake in SQL, as Athena understands it.",
        "The environment says which lake: LAKE_ENV (default dev), AWS_ENDPOINT_URL for an AWS emulator, "
        "else the account of your AWS credentials. Exit code: 0 answered, 1 not answered, 2 wrong usage.",
    )
    question = parser.add_mutually_exclusive_group(required=True)
    question.add_argument("query", nargs="?", help="the name of a query that --list shows")
    question.add_argument("--sql", help="the query itself")
    question.add_argument("--file", help="a .sql file")
    question.add_argument("--list", action="store_true", help="show the queries that come with the lake")
    question.add_argument(
        "--tables", action="store_true", help="show the lake's tables; --sql 'DESCRIBE table' its columns"
    )
    only = "as though the lake had no others; @IBOV are the index's members"
    parser.add_argument("--ticker", metavar="LIST", help=f"only of these, {only}")
    parser.add_argument("--since", metavar="DAY", help="only from this day on, as though the lake began then")
    parser.add_argument("--lineage", action="store_true", help="with --ticker: its past under older codes is its own")
    pivot_help = "a row a day (month, year) and a column a ticker, of the answer's last numbers or those of COLUMN"
    parser.add_argument("--pivot", nargs="?", const="", metavar="COLUMN", help=pivot_help)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", nargs="?", const=STDOUT, metavar="FILE", help="CSV, to a file or to standard output")
    form.add_argument("--json", nargs="?", const=STDOUT, metavar="FILE", help="a JSON array, likewise")
    form.add_argument("--parquet", metavar="FILE", help="a Parquet file")
    parser.add_argument("--rows", type=whole, default=200, metavar="N", help="print at most N rows (default 200)")
    return parser


def run(request: AskRequest) -> int:
    """Ask, and print or write the answer; 0. Raises B3LakeError when there is none, or it cannot be written."""
    if request.sql is None:
        answer = pa.table(dict(zip(("query", "answers"), zip(*list_queries().items(), strict=True), strict=True)))
    else:
        with _waiting(Console(stderr=True)):
            answer = _answer(request.sql, request)
    try:
        _give(answer, request)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` has read enough
    except SystemExit:  # the same, of a table: Rich has done this, and would end the process with 1
        return 0
    except OSError as error:
        raise QueryError(f"Cannot write {request.target}: {error.strerror}.") from error
    return 0


def _answer(sql: str, request: AskRequest) -> pa.Table:
    settings = request.settings
    listed = wanted_listing(sql)
    if listed is not None:
        return describe_table(listed, settings) if listed else list_tables(settings)
    narrowing = with_members(request.narrowing, lambda index: ask(members_query(index), settings))
    for ticker in narrowing.tickers:
        if (newest := newest_code(ticker)) and not narrowing.across_renames:
            print(told(f"{ticker} is {newest} today: --ticker {newest} --lineage has both."), file=sys.stderr)
    answer = ask(narrowed(sql, settings.database, narrowing), settings)
    return pivot(answer, request.value) if request.pivoted else answer


def _waiting(messages: Console) -> AbstractContextManager[Any]:
    return messages.status(told("Asking Athena…")) if messages.is_terminal else nullcontext()


def _give(answer: pa.Table, request: AskRequest) -> None:
    if request.form == TABLE:
        # Rich folds a table to the terminal's width; in a file or a pipe there is none.
        width = None if sys.stdout.isatty() else 10_000
        answer = _for_people(answer) if request.is_listing else answer
        print_table(answer, Console(width=width), request.most_rows, in_pieces=request.pivoted)
    elif request.form == PARQUET:
        _write_whole(Path(request.target), lambda file: write_parquet(answer, file))
    else:
        text = to_csv(answer) if request.form == CSV else to_json(answer)
        if request.target == STDOUT:
            sys.stdout.buffer.write(text)
            sys.stdout.flush()
        else:
            _write_whole(Path(request.target), lambda file: file.write_bytes(text))


def _for_people(listing: pa.Table) -> pa.Table:
    """A list of what there is, its sentences in the language of the terminal."""
    columns = [[told(text) for text in column.to_pylist()] for column in listing.columns]
    return pa.Table.from_arrays([pa.array(texts, pa.string()) for texts in columns], schema=listing.schema)


def _write_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Write beside the file, and put it in its place when it is whole: one that was there stays until then."""
    if target.exists() and not target.is_file():  # a pipe, or /dev/stdout
        write(target)
        return
    unfinished = target.with_name(f"{target.name}.part")
    try:
        write(unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Ask one question; the exit code."""
    return run(parse(arguments, os.environ, program))
