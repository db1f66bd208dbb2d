"""`b3lake fetch`: fetches quotes of B3 tickers and writes those that changed to the lake."""

import asyncio
import dataclasses
import datetime as dt
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b3lake.ingest import options
from b3lake.ingest.beside_quotes import BesideQuotes, TableOutcome, with_members
from b3lake.ingest.catch_up import CatchUp, catch_up
from b3lake.ingest.errors import Status
from b3lake.ingest.ingest import ingest, no_session
from b3lake.ingest.lake import Lake, open_lake
from b3lake.ingest.outcome import Outcome, exit_code, summary
from b3lake.ingest.progress import Steps, progress
from b3lake.ingest.run_report import write_outcomes
from b3lake.ingest.sources.b3 import B3Source
from b3lake.ingest.sources.b3_events import B3Events
from b3lake.ingest.sources.beside import BesideSources
from b3lake.ingest.sources.source import Selection, Source
from b3lake.lake.calendar import B3_ZONE, last_final_day, last_final_session
from b3lake.lake.errors import UsageError
from b3lake.lake.indexes import MEMBERS_MARK
from b3lake.lake.keys import FIRST_DAY
from b3lake.lake.settings import LakePlace
from b3lake.lake.tickers import ALL_TICKERS, CASH, in_market
from b3lake.options import Parser

PROGRAM = "b3lake fetch"


@dataclass(frozen=True)
class FetchRequest:
    """One run: which bars, from where, to where; `last` is the newest day whose bar may be taken.

    `ask` is who tells the events of bars that come without (None: nobody is asked), and `beside` who tells what is kept
    beside the quotes (None: nothing is). With `catches_up` no first day was named: then what the lake lacks before is
    fetched too.
    """

    wanted: Selection
    last: dt.date
    source: Source
    place: LakePlace
    ask: B3Events | None = None
    beside: BesideSources | None = None
    market: str = CASH
    catches_up: bool = False
    dry_run: bool = False
    json_lines: bool = False


def parse(
    arguments: Sequence[str], environ: Mapping[str, str], now: dt.datetime, program: str = PROGRAM
) -> FetchRequest:
    """The checked request of a run at `now` (aware). Raises UsageError; exits 0 on `--help`."""
    given = _parser(program).read(arguments, environ)
    chosen = options.read_source(given, environ)
    tickers = options.read_tickers(given, environ, options.default_tickers(of_b3=chosen.is_b3))
    if tickers is None and not chosen.is_b3:
        raise UsageError("TICKERS=* takes the whole market, which only --source b3 can list.")
    today = now.astimezone(B3_ZONE).date()
    partial = given.flag("include_partial")
    # Files that somebody has are taken whole, unless days are named.
    whatever = chosen.has_files and not options.names_days(given)
    final = today if partial else last_final_session(now)
    start, end = (FIRST_DAY, today) if whatever else options.read_range(given, final, options.read_sessions(given))
    # What B3 publishes is final: today's session is asked for by whoever names it.
    last = today if partial or chosen.is_b3 else last_final_day(now)
    return FetchRequest(
        Selection(tickers, start, end, now, chosen.interval, whatever),
        last,
        chosen.source,
        options.read_lake(given, environ),
        options.read_b3_events(given, environ, chosen),
        options.read_beside(given, environ, chosen),
        chosen.market,
        catches_up=not given.text("start_date"),
        dry_run=given.flag("dry_run"),
        json_lines=given.flag("json"),
    )


def _parser(program: str) -> Parser:
    parser = Parser(
        program,
        "Fetch daily quotes of B3 tickers and write those that changed to the lake's bronze table.",
        "Exit codes: 0 every ticker succeeded; 3 some failed, or their events were asked for in vain; 1 nothing could "
        "be done; 2 wrong usage. b3lake verify compares the two sources; b3lake doctor examines what the lake has.",
    )
    options.add_tickers(parser, f"{','.join(options.DEFAULT_TICKERS)} (* only with --source b3)")
    options.add_range(parser, "that of --sessions, or with --b3-files all that is there")
    options.add_sessions(parser)
    options.add_source(parser)
    options.add_b3_events(parser)
    options.add_beside(parser)
    options.add_lake(parser)
    parser.add_argument("--include-partial", action="store_true", help="also take today's bar before it is final")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written; write nothing")
    options.add_json(parser)
    return parser


def run(request: FetchRequest) -> int:
    """Fetch and load, report every ticker, and return the exit code. Raises B3LakeError."""
    started = time.monotonic()
    wanted = dataclasses.replace(request.wanted, end=min(request.wanted.end, request.last))
    worthwhile = wanted.start <= wanted.end and request.source.may_have(wanted)
    outcomes, tables = _ingest(request, wanted) if worthwhile else (_nothing_to_do(request), [])
    totals = summary(outcomes, time.monotonic() - started, dry_run=request.dry_run)
    write_outcomes(outcomes, tables, totals, json_lines=request.json_lines, only_failed=wanted.tickers is None)
    return exit_code(outcomes)


def _ingest(request: FetchRequest, wanted: Selection) -> tuple[list[Outcome], list[TableOutcome]]:
    """The quotes' outcomes, and those of the tables beside them."""
    lake = open_lake(request.place, create_table=not request.dry_run)
    wanted = _by_ticker(request, wanted, lake)
    label, total = ("tickers", len(wanted.tickers)) if wanted.tickers else ("files", None)
    with progress(label, total) as steps:
        return asyncio.run(_quotes_and_beside(request, wanted, lake, steps))


async def _quotes_and_beside(
    request: FetchRequest, wanted: Selection, lake: Lake, steps: Steps
) -> tuple[list[Outcome], list[TableOutcome]]:
    beside = BesideQuotes(lake, request.beside, steps, wanted.now, dry_run=request.dry_run)
    market = await beside.begin()
    caught = CatchUp(wanted)
    if not wanted.whatever:
        together = isinstance(request.source, B3Source)
        caught = await catch_up(lake.store, wanted, extend=request.catches_up, together=together)
    if caught.told:
        steps.tell(caught.told)
    outcomes = await ingest(
        caught.wanted,
        request.source,
        lake,
        steps,
        ask=request.ask,
        market=market,
        before=caught.missing,
        dry_run=request.dry_run,
    )
    return outcomes, await beside.bring()


def _by_ticker(request: FetchRequest, wanted: Selection, lake: Lake) -> Selection:
    """`wanted` with the members of indexes, all as codes of the market that is read."""
    wanted = asyncio.run(with_members(lake.store, wanted))
    if not wanted.tickers:
        return wanted
    codes = dict.fromkeys(in_market(ticker, request.market) for ticker in wanted.tickers)
    return dataclasses.replace(wanted, tickers=tuple(codes))


def _nothing_to_do(request: FetchRequest) -> list[Outcome]:
    wanted = request.wanted
    cause = no_session(wanted)
    if any(name.startswith(MEMBERS_MARK) for name in wanted.tickers or ()):
        wanted = _by_ticker(request, wanted, open_lake(request.place, create_table=False))
    return [Outcome(ticker, Status.UNCHANGED, cause=cause) for ticker in wanted.tickers or (ALL_TICKERS,)]


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Carry out one run; its exit code."""
    return run(parse(arguments, os.environ, dt.datetime.now(dt.timezone.utc), program))
