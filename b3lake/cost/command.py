"""`b3lake cost`: what a lake costs in a month."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from b3lake.cost.bill import Bill, draw_up
from b3lake.cost.model import Lake
from b3lake.cost.prices import read_prices
from b3lake.lake.errors import UsageError
from b3lake.options import Parser, whole
from b3lake.texts.told import ENGLISH, LANGUAGES, language_of

PROGRAM = "b3lake cost"
GLUE_VERSIONS = ("4.0", "5.0", "5.1", "6.0")


@dataclass(frozen=True)
class CostRequest:
    """The bill of which lake, in `language` (en or pt), as a table for people or in Markdown."""

    lake: Lake
    language: str = ENGLISH
    markdown: bool = False


def parse(arguments: Sequence[str], environ: Mapping[str, str], program: str = PROGRAM) -> CostRequest:
    """The checked request. Raises UsageError; exits 0 on `--help`."""
    options = _parser(program, language_of(environ)).read(arguments, environ).options
    for name in ("tickers", "years"):
        if getattr(options, name) < 1:
            raise UsageError(f"--{name} {getattr(options, name)} is none: give 1 or more.")
    if options.questions < 0:
        raise UsageError(f"--questions {options.questions} is no number of questions: give 0 or more.")
    lake = Lake(options.tickers, options.years, options.questions, options.host == "on", options.glue)
    return CostRequest(lake, options.language, options.markdown)


def _parser(program: str, language: str) -> Parser:
    parser = Parser(
        program,
        "Compute what a lake costs in a month, from the requests that it makes and AWS's list prices in us-east-1.",
        "Prices are in b3lake/cost/prices.toml, with their date. Nothing is asked of AWS.",
    )
    parser.add_argument(
        "--tickers", type=whole, default=10, metavar="N", help="so many (default 10; the market has 450)"
    )
    parser.add_argument("--years", type=whole, default=10, metavar="N", help="of daily bars (default 10)")
    parser.add_argument("--questions", type=whole, default=100, metavar="N", help="to Athena, a month (default 100)")
    parser.add_argument("--host", choices=("stopped", "on"), default="stopped", help="between runs (default stopped)")
    parser.add_argument("--glue", choices=GLUE_VERSIONS, default="4.0", help="GlueVersion of the stack (default 4.0)")
    parser.add_argument("--language", choices=LANGUAGES, default=language, help="of the table; else LANG's, or en")
    parser.add_argument("--markdown", action="store_true", help="as a table for a document")
    return parser


def run(request: CostRequest) -> int:
    """Print the bill; 0."""
    bill = draw_up(request.lake, read_prices(), request.language)
    if request.markdown:
        print(bill.markdown())
    else:
        _show(bill)
    return 0


def _show(bill: Bill) -> None:
    table = Table(*bill.heads, box=None, pad_edge=False)
    table.columns[-1].justify = "right"
    for row in bill.rows:
        table.add_row(*row)
    for text, usd in bill.totals:
        table.add_row(text, "", usd, style="bold")
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print(bill.title)
    console.print(table)
    for note in bill.notes:
        console.print(note)


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Print one bill; the exit code."""
    return run(parse(arguments, os.environ, program))
