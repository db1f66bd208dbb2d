"""One run: from a configuration to its report and exit code."""

import asyncio
import datetime as dt
import time

from ingest.config import Config
from ingest.errors import Status
from ingest.from_b3 import ingest_b3
from ingest.from_yahoo import ingest_yahoo
from ingest.lake import open_lake
from ingest.outcome import Outcome, exit_code, summary
from ingest.report import progress, write_outcomes
from ingest.sessions import last_final_session, sessions_between


def run(config: Config) -> int:
    """Do what `config` asks, report it, and return the exit code. Raises IngestError."""
    started = time.monotonic()
    expected = sessions_between(config.start, last_wanted(config))
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
