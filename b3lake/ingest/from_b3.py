"""Takes B3's own quotes to the lake, file after file: each is read whole and checked before any of it is loaded."""

import asyncio
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from b3lake.ingest.config import Config
from b3lake.ingest.errors import Status
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import load_all
from b3lake.ingest.outcome import Outcome
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources import b3
from b3lake.ingest.sources.b3_files import CotahistFile, at_hand, files_here, files_on_site
from b3lake.ingest.sources.cotahist import Quotes, read_quotes
from b3lake.ingest.validate import causes, validate
from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.errors import B3LakeError
from b3lake.lake.tickers import ALL_TICKERS, INDEX_TICKER


@dataclass
class _Received:
    """What the files gave: days by ticker, refusals by ticker and day, and the files that could not be used."""

    days: Counter[str] = field(default_factory=Counter)
    refused: defaultdict[str, dict[dt.date, str]] = field(default_factory=lambda: defaultdict(dict))
    had: defaultdict[str, set[dt.date]] = field(default_factory=lambda: defaultdict(set))
    unusable: list[tuple[CotahistFile, B3LakeError]] = field(default_factory=list)


async def ingest_b3(config: Config, lake: Lake, expected: list[dt.date], steps: Steps) -> list[Outcome]:
    """Read and load the files of the `expected` sessions; one outcome a ticker.

    With all tickers there is one outcome for each that traded, and one for `*` when a file could not be used.
    Raises AwsError, and UsageError when no file is there to read.
    """
    received = _Received()
    loader = lake.loader(dry_run=config.dry_run)

    async def batches() -> AsyncIterator[tuple[pa.Table, Inventory]]:
        async for name, quotes in read_files(config, expected, received.unusable):
            steps.advance(f"{name}: {len(quotes)} quotes")
            days = b3.days_of(quotes)
            inventory = await lake.survey(b3.tickers_of(quotes), min(days), max(days))
            for bars in b3.batches(quotes):
                validated = validate(bars, start=min(days), end=max(days))
                _note(received, validated.bars, validated.refused, keep_days=not config.takes_all_tickers)
                yield validated.bars, inventory

    await load_all(loader, batches())
    outcomes = [_outcome(ticker, received, expected, config) for ticker in _listed(config, received)]
    for outcome in outcomes:
        if outcome.received:
            outcome.note_tally(loader.tally, dry_run=config.dry_run)
        _note_unusable(outcome, received.unusable)
    return outcomes


async def read_files(
    config: Config, expected: Sequence[dt.date], unusable: list[tuple[CotahistFile, B3LakeError]]
) -> AsyncIterator[tuple[str, Quotes]]:
    """File by file, the quotes of the wanted tickers and of days that no earlier file had.

    A file that cannot be had or is damaged is added to `unusable`, and the others go on.
    """
    today = config.now.astimezone(B3_ZONE).date()
    days = list(expected)
    files = files_here(config.b3_files, days) if config.b3_files else files_on_site(days, today)
    tickers = None if config.takes_all_tickers else config.tickers
    seen: set[dt.date] = set()
    for file in files:
        if all(day in seen for day in days if file.covers(day)):
            continue
        try:
            quotes = await asyncio.to_thread(_read, file)
        except B3LakeError as error:
            unusable.append((file, error))
            continue
        wanted = b3.select(quotes, tickers, config.start, days[-1], seen)
        seen |= b3.days_of(quotes)
        if len(wanted):
            yield file.name, wanted


def _read(file: CotahistFile) -> Quotes:
    with at_hand(file) as path:
        return read_quotes(path, file.period)


def _note(received: _Received, bars: pa.Table, refused: dict[str, dict[dt.date, str]], *, keep_days: bool) -> None:
    pairs = list(zip(bars["ticker"].to_pylist(), bars["day"].to_pylist(), strict=True))
    received.days.update(str(ticker) for ticker, _ in pairs)
    for ticker, reasons in refused.items():
        received.refused[ticker] |= reasons
    if keep_days:
        for ticker, day in pairs:
            received.had[str(ticker)].add(day)


def _listed(config: Config, received: _Received) -> list[str]:
    if not config.takes_all_tickers:
        return list(config.tickers)
    return sorted(received.days | Counter(received.refused)) + ([ALL_TICKERS] if received.unusable else [])


def _outcome(ticker: str, received: _Received, expected: list[dt.date], config: Config) -> Outcome:
    refused = received.refused.get(ticker, {})
    outcome = Outcome(ticker, Status.INVALID if refused else Status.NO_DATA, requested=len(expected))
    outcome.received, outcome.refused, outcome.cause = received.days[ticker], len(refused), causes(refused)
    if not config.takes_all_tickers:
        outcome.gaps = [day for day in expected if day not in received.had[ticker]]
    if not outcome.received and not refused:
        index = ": B3's files hold shares, no index; take it from --source yahoo" if ticker == INDEX_TICKER else ""
        outcome.cause = f"no trade in the cash market in this range{index}"
    return outcome


def _note_unusable(outcome: Outcome, unusable: list[tuple[CotahistFile, B3LakeError]]) -> None:
    """A file that could not be used fails every ticker that lacks a day of it."""
    causes_of = [
        str(error)
        for file, error in unusable
        if outcome.ticker == ALL_TICKERS or any(file.covers(day) for day in outcome.gaps)
    ]
    if causes_of:
        outcome.status = Status.FAILED
        more = f" (and {len(causes_of) - 1} more files)" if len(causes_of) > 1 else ""
        outcome.cause = causes_of[0] + more
