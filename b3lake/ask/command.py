"""`b3lake ask`: asks the lake, and prints or keeps the answer."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console

from b3lake.ask.athena import ask
from b3lake.ask.errors import QueryError
from b3lake.ask.questions import list_queries, read_query
from b3lake.ask.show_rows import print_table, to_csv, to_json, write_parquet
from b3lake.lake.errors import B3LakeError
from b3lake.lake.settings import read_settings

STDOUT = "-"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="b3lake ask",
        description="Ask the lake in SQL, as Athena understands it.",
        epilog="The environment says which lake: LAKE_ENV (default dev), AWS_ENDPOINT_URL for an AWS emulator, "
        "else the account of your AWS credentials. Exit code: 0 answered, 1 not answered, 2 wrong usage.",
    )
    question = parser.add_mutually_exclusive_group(required=True)
    question.add_argument("query", nargs="?", help="the name of a query that --list shows")
    question.add_argument("--sql", help="the query itself")
    question.add_argument("--file", help="a .sql file")
    question.add_argument("--list", action="store_true", help="show the queries that come with the lake")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", nargs="?", const=STDOUT, metavar="FILE", help="CSV, to a file or to standard output")
    form.add_argument("--json", nargs="?", const=STDOUT, metavar="FILE", help="a JSON array, likewise")
    form.add_argument("--parquet", metavar="FILE", help="a Parquet file")
    parser.add_argument("--rows", type=int, default=200, metavar="N", help="print at most N rows (default 200)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(sys.argv[1:] if arguments is None else arguments)
    messages = Console(stderr=True)
    try:
        if options.list:
            answer = pa.table(dict(zip(("query", "answers"), zip(*list_queries().items(), strict=True), strict=True)))
        else:
            sql = options.sql if options.sql is not None else read_query(options.file or options.query)
            with _waiting(messages):
                answer = ask(sql, read_settings(os.environ))
        _give(answer, options)
    except B3LakeError as error:
        messages.print(f"Error: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    return 0


def _waiting(messages: Console) -> AbstractContextManager[Any]:
    return messages.status("Asking Athena…") if messages.is_terminal else nullcontext()


def _give(answer: pa.Table, options: argparse.Namespace) -> None:
    target = options.csv or options.json or options.parquet
    try:
        if options.parquet:
            write_parquet(answer, Path(options.parquet))
        elif target:
            text = to_csv(answer) if options.csv else to_json(answer)
            if target == STDOUT:
                sys.stdout.buffer.write(text)
                sys.stdout.flush()
            else:
                Path(target).write_bytes(text)
        else:
            # Rich folds a table to the terminal's width; in a file or a pipe there is none.
            width = None if sys.stdout.isatty() else 10_000
            print_table(answer, Console(width=width), options.rows)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` has read enough
    except OSError as error:
        raise QueryError(f"Cannot write {target}: {error.strerror}.") from error
