"""`b3lake verify`: compares Yahoo's quotes with B3's own."""

import asyncio
import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b3lake.ingest import options
from b3lake.ingest.outcome import EXIT_ALL, EXIT_NOTHING, EXIT_SOME_FAILED
from b3lake.ingest.progress import progress
from b3lake.ingest.run_report import write_comparison
from b3lake.ingest.sources.settings import read_source_settings
from b3lake.ingest.sources.source import Selection, Source
from b3lake.ingest.verify import compare_sources
from b3lake.lake.calendar import last_final_session
from b3lake.lake.errors import B3LakeError, UsageError
from b3lake.lake.indexes import MEMBERS_MARK
from b3lake.options import Parser

PROGRAM = "b3lake verify"


@dataclass(frozen=True)
class VerifyRequest:
    """One comparison: of which bars, and between which two sources."""

    wanted: Selection
    yahoo: Source
    b3: Source
    json_lines: bool = False


def parse(
    arguments: Sequence[str], environ: Mapping[str, str], now: dt.datetime, program: str = PROGRAM
) -> VerifyRequest:
    """The checked request of a run at `now` (aware). Raises UsageError; exits 0 on `--help`."""
    given = _parser(program).read(arguments, environ)
    tickers = options.read_tickers(given, environ, options.default_tickers(of_b3=True))
    if tickers is None:
        raise UsageError("TICKERS=* cannot be compared, for Yahoo is asked for each ticker: list them.")
    if any(name.startswith(MEMBERS_MARK) for name in tickers):
        raise UsageError("TICKERS=@… are the members that a lake knows, and this reads no lake: list them.")
    last = last_final_session(now)
    start, end = options.read_range(given, last, options.read_sessions(given))
    settings = read_source_settings(environ)
    wanted = Selection(tickers, start, min(end, last), now)
    return VerifyRequest(wanted, settings.yahoo(), settings.b3(options.read_b3_files(given)), given.flag("json"))


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        "Compare Yahoo's daily quotes with B3's own files over a range of days; write nothing.",
        "Exit codes: 0 nothing differs; 3 something does, or a ticker could not be compared; 1 none could; "
        "2 wrong usage.",
    )
    options.add_tickers(parser, ",".join(options.default_tickers(of_b3=True)))
    options.add_range(parser, "that of --sessions")
    options.add_sessions(parser)
    options.add_b3_files(parser)
    options.add_json(parser)
    return parser


def run(request: VerifyRequest) -> int:
    """Compare, report, and return the exit code. Raises B3LakeError."""
    wanted = request.wanted
    if not wanted.sessions:
        raise B3LakeError(f"B3 has no final session from {wanted.start} to {wanted.end}: choose other days.")
    with progress("tickers and files", None) as steps:
        compared = asyncio.run(compare_sources(wanted, request.yahoo, request.b3, steps))
    write_comparison(compared, json_lines=request.json_lines)
    if not compared.days:
        return EXIT_NOTHING
    return EXIT_SOME_FAILED if compared.differences or compared.not_compared else EXIT_ALL


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Carry out one comparison; its exit code."""
    return run(parse(arguments, os.environ, dt.datetime.now(dt.timezone.utc), program))
