"""One run: from a configuration to its report and exit code."""

import asyncio
import datetime as dt
import time

from b3lake.ingest.config import Config
from b3lake.ingest.doctor.examine import examine
from b3lake.ingest.doctor.repair import repair
from b3lake.ingest.errors import Status
from b3lake.ingest.from_b3 import ingest_b3
from b3lake.ingest.from_yahoo import ingest_yahoo
from b3lake.ingest.lake import open_lake
from b3lake.ingest.outcome import EXIT_ALL, EXIT_NOTHING, EXIT_SOME_FAILED, Outcome, exit_code, summary
from b3lake.ingest.progress import progress
from b3lake.ingest.report import write_comparison, write_examination, write_outcomes
from b3lake.ingest.verify import compare_sources
from b3lake.lake.calendar import last_final_session, sessions_between


def run(config: Config) -> int:
    """Do what `config` asks, report it, and return the exit code. Raises B3LakeError."""
    if config.doctor:
        return _run_doctor(config)
    expected = sessions_between(config.start, last_wanted(config))
    if config.verify and expected:
        return _run_verify(config, expected)
    started = time.monotonic()
    outcomes = _ingest(config, expected) if expected else _nothing_to_do(config)
    totals = summary(outcomes, time.monotonic() - started, dry_run=config.dry_run)
    write_outcomes(outcomes, totals, json_lines=config.json_lines, only_failed=config.takes_all_tickers)
    return exit_code(outcomes)


def last_wanted(config: Config) -> dt.date:
    """The last day that may be taken: one of a session that is not final only when asked."""
    return config.end if config.include_partial else min(config.end, last_final_session(config.now))


def _ingest(config: Config, expected: list[dt.date]) -> list[Outcome]:
    lake = open_lake(config)
    if config.source == "b3":
        with progress("files", None) as steps:
            return asyncio.run(ingest_b3(config, lake, expected, steps))
    with progress("tickers", len(config.tickers)) as steps:
        return asyncio.run(ingest_yahoo(config, lake, expected, steps))


def _nothing_to_do(config: Config) -> list[Outcome]:
    cause = f"B3 has no final session from {config.start} to {config.end}"
    return [Outcome(ticker, Status.UNCHANGED, cause=cause) for ticker in config.tickers]


def _run_verify(config: Config, expected: list[dt.date]) -> int:
    """0 when nothing differs, 3 when something does or a ticker could not be compared, 1 when none could."""
    with progress("tickers", len(config.tickers)) as steps:
        compared = asyncio.run(compare_sources(config, expected, steps))
    write_comparison(compared, json_lines=config.json_lines)
    if not compared.days:
        return EXIT_NOTHING
    return EXIT_SOME_FAILED if compared.differences or compared.not_compared else EXIT_ALL


def _run_doctor(config: Config) -> int:
    """0 when nothing is wrong, or no longer; 3 when something is."""
    lake = open_lake(config)
    tickers = None if config.takes_all_tickers else config.tickers
    with progress("objects", None) as steps:
        seen = asyncio.run(examine(lake, config.start, config.end, tickers, steps))
        repaired = 0
        if config.fix and not config.dry_run and seen.findings:
            before = set(seen.findings)
            asyncio.run(repair(lake, config, seen, steps))
            seen = asyncio.run(examine(lake, config.start, config.end, tickers, steps))
            repaired = len(before - set(seen.findings))
    write_examination(seen, repaired, json_lines=config.json_lines)
    return EXIT_SOME_FAILED if seen.findings else EXIT_ALL
