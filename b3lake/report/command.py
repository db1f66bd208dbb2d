"""`b3lake report`: writes the page about the lake."""

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from b3lake.ask.narrow import EVERYTHING, Narrowing, read_narrowing
from b3lake.lake.calendar import last_final_session, sessions_between
from b3lake.lake.errors import B3LakeError, UsageError
from b3lake.lake.settings import Settings, read_settings
from b3lake.options import Parser, whole
from b3lake.report.describe_lake import describe_lake, trade_dates
from b3lake.report.read_lake import read_lake
from b3lake.report.write_page import write_page
from b3lake.texts.told import told

PROGRAM = "b3lake report"
DEFAULT_OUTPUT = Path(".lake") / "report.html"


@dataclass(frozen=True)
class ReportRequest:
    """One page: about which tickers of which lake (`narrowing`, or the `most` traded), written where.

    `sessions`: the newest so many, None: the whole history. `language` (pt or en) is shown first.
    """

    settings: Settings
    output: Path = DEFAULT_OUTPUT
    narrowing: Narrowing = EVERYTHING
    most: int = 60
    sessions: int | None = None
    language: str = "pt"


class ReportError(B3LakeError):
    """The page cannot be written."""


def parse(arguments: Sequence[str], environ: Mapping[str, str], program: str = PROGRAM) -> ReportRequest:
    """The checked request. Raises UsageError; exits 0 on `--help`."""
    options = _parser(program).read(arguments, environ).options
    if options.sessions is not None and options.sessions < 1:
        raise UsageError(f"--sessions {options.sessions} is no number of sessions: give 1 or more.")
    if options.most < 1:
        raise UsageError(f"--most {options.most} is no number of tickers: give 1 or more.")
    narrowing = read_narrowing(options.ticker, None, across_renames=False)
    settings = read_settings(environ)
    return ReportRequest(settings, options.output, narrowing, options.most, options.sessions, options.language)


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        "Write one HTML file, which needs no network, about the quotes in the lake and its state.",
        "The environment says which lake, as for `b3lake ask`.",
    )
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, metavar="FILE", help=f"default {DEFAULT_OUTPUT}")
    parser.add_argument("--sessions", type=whole, metavar="N", help="only the newest N sessions (default: all)")
    parser.add_argument("--ticker", metavar="LIST", help="only these; @IBOV are the index's members")
    parser.add_argument(
        "--most", type=whole, default=60, metavar="N", help="without --ticker: the N most traded (default 60)"
    )
    parser.add_argument("--language", choices=("pt", "en"), default="pt", help="shown first (default pt)")
    return parser


def run(request: ReportRequest, now: dt.datetime) -> int:
    """Write the page as of `now` (aware); 0. Raises B3LakeError when the lake does not answer."""
    page = build_page(request, now)
    _write(request.output, page)
    print(told(f"{request.output} ({len(page.encode()) / 1e6:.1f} MB): open it in a browser."))
    return 0


def build_page(request: ReportRequest, now: dt.datetime) -> str:
    """The page about the lake at `now` (aware). Raises QueryError when the lake does not answer."""
    content = read_lake(request.settings, request.narrowing, request.most, now.date())
    days = trade_dates(content.quotes)
    calendar = sessions_between(min(days), last_final_session(now)) if days else []
    return write_page(describe_lake(content, calendar, now, request.sessions), request.language)


def _write(path: Path, page: str) -> None:
    """Write `page` whole or not at all: a reader may have the one before open."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(page, "utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise ReportError(f"Cannot write {path}: {error.strerror}.") from error


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Write one page; the exit code."""
    return run(parse(arguments, os.environ, program), dt.datetime.now(dt.timezone.utc))
