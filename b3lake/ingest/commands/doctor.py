"""`b3lake doctor`: reads the lake's quotes, says what is wrong with them, and repairs it when asked."""

import asyncio
import dataclasses
import datetime as dt
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b3lake.ingest import options
from b3lake.ingest.beside_quotes import with_members
from b3lake.ingest.doctor.examine import Examination, examine
from b3lake.ingest.doctor.figures import tell_figures
from b3lake.ingest.doctor.finding import NOTES
from b3lake.ingest.doctor.repair import repair
from b3lake.ingest.lake import Lake, open_lake
from b3lake.ingest.outcome import EXIT_ALL, EXIT_SOME_FAILED
from b3lake.ingest.progress import Steps, progress
from b3lake.ingest.run_report import write_examination
from b3lake.ingest.sources.source import Selection, Source
from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.errors import UsageError
from b3lake.lake.removal import MAX_REMOVED_SHARE, REMOVED_UNASKED
from b3lake.lake.session import open_session
from b3lake.lake.settings import LakePlace
from b3lake.lake.tickers import ALL_TICKERS
from b3lake.options import Parser, whole
from b3lake.texts.told import told

PROGRAM = "b3lake doctor"


@dataclass(frozen=True)
class DoctorRequest:
    """One examination: of which objects of which lake, and from where they are repaired with `fix`.

    From the first to the last day that a date can have, every key under the prefix is read.
    """

    examined: Selection
    source: Source
    place: LakePlace
    fix: bool = False
    json_lines: bool = False
    put_figures: bool = False
    may_remove: int | None = None


def parse(
    arguments: Sequence[str], environ: Mapping[str, str], now: dt.datetime, program: str = PROGRAM
) -> DoctorRequest:
    """The checked request of a run at `now` (aware). Raises UsageError; exits 0 on `--help`."""
    given = _parser(program).read(arguments, environ)
    chosen = options.read_source(given, environ)
    tickers = options.read_tickers(given, environ, (ALL_TICKERS,))
    start, end = options.read_days(given)
    recent = given.options.recent
    if recent is not None:
        if start or recent < 1:
            raise UsageError("--recent takes a number of days, 1 or more, and no --start-date beside it.")
        start = now.astimezone(B3_ZONE).date() - dt.timedelta(days=recent)
    return DoctorRequest(
        Selection(tickers, start or dt.date.min, end or dt.date.max, now, chosen.interval),
        chosen.source,
        options.read_lake(given, environ),
        fix=given.flag("fix"),
        json_lines=given.flag("json"),
        put_figures=given.flag("put_figures"),
        may_remove=given.options.allow_removal,
    )


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        "Read the lake's bronze objects and report what is wrong with them; with --fix, repair what can be.",
        "Exit codes: 0 nothing is wrong, or no longer; 3 something is; 1 the lake cannot be read; 2 wrong usage.",
    )
    parser.add_argument("--fix", action="store_true", help="repair what can be repaired")
    unasked = f"{REMOVED_UNASKED}, or {MAX_REMOVED_SHARE * 100:g} per cent"
    removal = f"with --fix, remove up to N partitions; without it, {unasked} of what is there"
    parser.add_argument("--allow-removal", type=whole, metavar="N", help=removal)
    options.add_tickers(parser, "all that the lake has")
    options.add_range(parser, "the first that there is", "the last that there is")
    parser.add_argument("--recent", type=whole, metavar="DAYS", help="examine so many days up to today only")
    parser.add_argument(
        "--put-figures", action="store_true", help="put the number of faults, and of gaps, to CloudWatch"
    )
    options.add_source(parser)
    options.add_lake(parser)
    options.add_json(parser)
    return parser


def run(request: DoctorRequest) -> int:
    """Examine, repair if asked, report, and return the exit code. Raises B3LakeError."""
    lake = open_lake(request.place, create_table=request.fix)
    examined = asyncio.run(with_members(lake.store, request.examined))
    request = dataclasses.replace(request, examined=examined)
    with progress("objects", None) as steps:
        seen, repaired = asyncio.run(_treat(request, lake, steps))
    write_examination(seen, repaired, json_lines=request.json_lines)
    if request.put_figures:
        trouble = tell_figures(seen, request.place.env, open_session().region_name)
        if trouble:
            print(told(f"The figures could not be put to CloudWatch: {trouble}"), file=sys.stderr)
    return EXIT_SOME_FAILED if any(found.kind not in NOTES for found in seen.findings) else EXIT_ALL


async def _treat(request: DoctorRequest, lake: Lake, steps: Steps) -> tuple[Examination, int]:
    """Examine, and with `fix` repair and examine again; also how many findings were repaired."""
    seen = await examine(lake, request.examined, steps)
    if not request.fix or not seen.findings:
        return seen, 0
    before = set(seen.findings)
    await repair(lake, request.source, request.examined, seen, steps, may_remove=request.may_remove)
    left = await examine(lake, request.examined, steps)
    return left, len(before - set(left.findings))


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Carry out one examination; its exit code."""
    return run(parse(arguments, os.environ, dt.datetime.now(dt.timezone.utc), program))
