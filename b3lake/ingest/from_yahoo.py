"""Takes Yahoo's quotes to the lake: fetched some tickers at a time, validated, loaded, each ticker judged by itself."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pyarrow as pa

from b3lake.ingest.config import Config
from b3lake.ingest.errors import Status, TickerError
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import load_all
from b3lake.ingest.outcome import Outcome
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources import yahoo
from b3lake.ingest.validate import Validated, causes, count_days, gaps, validate

FETCHERS = 4
"""Requests to Yahoo at a time: more are refused sooner."""

Answer = tuple[yahoo.YahooQuotes, Validated] | TickerError


async def ingest_yahoo(config: Config, lake: Lake, expected: list[dt.date], steps: Steps) -> list[Outcome]:
    """Fetch and load every ticker over the `expected` sessions; outcomes as `config.tickers`. Raises AwsError."""
    inventory = await lake.survey(config.tickers, config.start, expected[-1])
    loader = lake.loader(dry_run=config.dry_run)
    outcomes = {ticker: Outcome(ticker, Status.FAILED, requested=len(expected)) for ticker in config.tickers}

    async def batches() -> AsyncIterator[tuple[pa.Table, Inventory]]:
        async for ticker, answer in fetch_all(config, expected[-1], yahoo.BackOff()):
            bars = _note_answer(outcomes[ticker], answer, expected)
            steps.advance(outcomes[ticker].line())
            if bars is not None:
                yield bars, inventory

    await load_all(loader, batches())
    for outcome in outcomes.values():
        if outcome.received:
            outcome.note_tally(loader.tally, dry_run=config.dry_run)
    return list(outcomes.values())


async def fetch_all(config: Config, end: dt.date, back_off: yahoo.BackOff) -> AsyncIterator[tuple[str, Answer]]:
    """Each ticker's validated bars, or why there are none, in the order in which they arrive."""
    yahoo.prepare()
    free = asyncio.Semaphore(FETCHERS)

    async def fetch(ticker: str) -> tuple[str, Answer]:
        async with free:
            try:
                quotes = await asyncio.to_thread(yahoo.fetch, ticker, config.start, end, config.interval, back_off)
            except TickerError as error:
                return ticker, error
        return ticker, (quotes, validate(quotes.bars, start=config.start, end=end))

    tasks = [asyncio.create_task(fetch(ticker)) for ticker in config.tickers]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        back_off.stop()
        for task in tasks:
            task.cancel()


def _note_answer(outcome: Outcome, answer: Answer, expected: list[dt.date]) -> pa.Table | None:
    """Note what Yahoo gave of one ticker; returns the bars that are to be loaded, if any."""
    if isinstance(answer, TickerError):
        outcome.status, outcome.cause, outcome.gaps = answer.status, answer.cause, list(expected)
        return None
    quotes, validated = answer
    refused = validated.refused.get(outcome.ticker, {})
    outcome.received = count_days(validated.bars)[outcome.ticker]
    outcome.refused, outcome.cause = len(refused), causes(refused)
    outcome.gaps = gaps(expected, validated.bars, quotes.listed_since)
    if outcome.received:
        return validated.bars
    outcome.status = Status.INVALID if refused else Status.NO_DATA
    outcome.cause = outcome.cause or "Yahoo answered without any bars for this range"
    return None
