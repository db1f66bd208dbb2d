"""One run from configuration to outcomes: opens the lake, takes the source's bars there, judges each ticker."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pyarrow as pa
from obstore.store import S3Store

from ingest import yahoo
from ingest.bars import Sifted, count_days, gaps, sift
from ingest.catalog import Catalog
from ingest.config import Config
from ingest.errors import Status, TickerError
from ingest.load import Loader, Tally, load_all, survey
from ingest.objects import default_bucket, open_store
from ingest.outcome import Outcome, judge
from ingest.present import Present
from ingest.report import Steps
from ingest.sessions import last_final_session, sessions_between

FETCHERS = 4
"""Requests to Yahoo at a time: more are refused sooner."""


@dataclass(frozen=True)
class Lake:
    """The bucket and the catalog of one lake."""

    bucket: str
    store: S3Store
    catalog: Catalog


def open_lake(config: Config) -> Lake:
    """The lake of `config`. Raises LakeError, also for credentials that are missing or have expired."""
    bucket = config.bucket or default_bucket(config.lake_env)
    return Lake(bucket, open_store(bucket), Catalog(config.database, bucket))


def last_wanted(config: Config) -> dt.date:
    """The last day that may be taken: of a session that is not final only when asked."""
    return config.end if config.include_partial else min(config.end, last_final_session(config.now))


async def ingest_yahoo(config: Config, lake: Lake, steps: Steps) -> list[Outcome]:
    """Fetch, sift and load every ticker; outcomes in the order of `config.tickers`. Raises LakeError."""
    end = last_wanted(config)
    expected = sessions_between(config.start, end)
    if not expected:
        return [Outcome(ticker, Status.UNCHANGED, cause="no session in this range") for ticker in config.tickers]
    has_table = await asyncio.to_thread(lake.catalog.ensure_table, create=not config.dry_run)
    catalog = lake.catalog if has_table or not config.dry_run else None
    present = await survey(lake.store, catalog, config.tickers, config.start, end)
    loader = Loader(lake.store, catalog, dry_run=config.dry_run)
    outcomes = {ticker: Outcome(ticker, Status.FAILED, requested=len(expected)) for ticker in config.tickers}

    async def batches() -> AsyncIterator[tuple[pa.Table, Present]]:
        async for ticker, answer in _fetch_all(config, end):
            sifted = _note_answer(outcomes[ticker], answer, expected)
            steps.advance(_line(outcomes[ticker]))
            if sifted:
                yield sifted.bars, present

    tally = await load_all(loader, batches())
    for outcome in outcomes.values():
        _note_tally(outcome, tally, dry_run=config.dry_run)
    return list(outcomes.values())


async def _fetch_all(
    config: Config, end: dt.date
) -> AsyncIterator[tuple[str, tuple[yahoo.YahooQuotes, Sifted] | TickerError]]:
    yahoo.prepare()
    pace = yahoo.Pace()
    free = asyncio.Semaphore(FETCHERS)

    async def fetch(ticker: str) -> tuple[str, tuple[yahoo.YahooQuotes, Sifted] | TickerError]:
        async with free:
            try:
                quotes = await asyncio.to_thread(yahoo.fetch, ticker, config.start, end, config.interval, pace)
            except TickerError as error:
                return ticker, error
        return ticker, (quotes, sift(quotes.bars, start=config.start, end=end))

    tasks = [asyncio.create_task(fetch(ticker)) for ticker in config.tickers]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()


def _note_answer(
    outcome: Outcome, answer: tuple[yahoo.YahooQuotes, Sifted] | TickerError, expected: list[dt.date]
) -> Sifted | None:
    if isinstance(answer, TickerError):
        outcome.status, outcome.cause, outcome.gaps = answer.status, answer.cause, list(expected)
        return None
    quotes, sifted = answer
    outcome.received = count_days(sifted.bars)[outcome.ticker]
    outcome.refused = len(sifted.refused)
    outcome.cause = sifted.causes()
    outcome.gaps = gaps(expected, sifted.bars, quotes.listed_since)
    if not outcome.received:
        outcome.status = Status.INVALID if sifted.refused else Status.NO_DATA
        outcome.cause = outcome.cause or "Yahoo answered without any bars for this range"
        return None
    return sifted


def _note_tally(outcome: Outcome, tally: Tally, *, dry_run: bool) -> None:
    if not outcome.received:
        return
    ticker = outcome.ticker
    outcome.written, outcome.unchanged = tally.written[ticker], tally.unchanged[ticker]
    outcome.status = judge(
        written=outcome.written, unchanged=outcome.unchanged, failed=tally.failed[ticker], dry_run=dry_run
    )
    outcome.cause = "; ".join(text for text in (tally.causes.get(ticker, ""), outcome.cause) if text)


def _line(outcome: Outcome) -> str:
    cause = f": {outcome.cause}" if outcome.cause else ""
    return f"{outcome.ticker}: {outcome.received} of {outcome.requested} sessions received{cause}"
