"""Takes a source's bars to the lake: fetched, validated and loaded piece by piece, each ticker judged by itself."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pyarrow as pa

from b3lake.ingest.errors import Status, TickerError
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import load_all
from b3lake.ingest.outcome import Outcome
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources.source import Failure, Selection, Source
from b3lake.ingest.validate import Validated, causes, count_days, gaps, pairs_of, validate
from b3lake.lake.tickers import ALL_TICKERS


@dataclass
class _Received:
    """The source's answers so far: days by ticker, refusals by ticker and day, first trades, and failures."""

    days: Counter[str] = field(default_factory=Counter)
    refused: defaultdict[str, dict[dt.date, str]] = field(default_factory=lambda: defaultdict(dict))
    had: defaultdict[str, set[dt.date]] = field(default_factory=lambda: defaultdict(set))
    listed_since: dict[str, dt.date] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def note(self, validated: Validated, *, keep_days: bool) -> None:
        """Note one batch; its days are kept only of tickers that are asked for by name, whose gaps are reported."""
        self.days.update(count_days(validated.bars))
        for ticker, reasons in validated.refused.items():
            self.refused[ticker] |= reasons
        if keep_days:
            for day, ticker in pairs_of(validated.bars):
                self.had[ticker].add(day)


async def ingest(wanted: Selection, source: Source, lake: Lake, steps: Steps, *, dry_run: bool) -> list[Outcome]:
    """Fetch and load the bars of `wanted`; one outcome a ticker.

    Of the whole market there is one outcome for each ticker that came, and one for `*` when anything failed.
    Raises AwsError, and UsageError when the source cannot have such bars.
    """
    received = _Received()
    loader = lake.loader(dry_run=dry_run)
    await load_all(loader, _batches(wanted, source, lake, steps, received))
    outcomes = [_outcome(ticker, wanted, received) for ticker in _listed(wanted, received)]
    for outcome in outcomes:
        if outcome.received:
            outcome.note_tally(loader.tally, dry_run=dry_run)
        elif not outcome.refused:
            outcome.cause = source.why_no_bars(outcome.ticker)
        _note_failures(outcome, received.failures)
    return outcomes


async def _batches(
    wanted: Selection, source: Source, lake: Lake, steps: Steps, received: _Received
) -> AsyncIterator[tuple[pa.Table, Inventory]]:
    whole = await lake.survey(wanted.tickers, wanted.start, wanted.end) if wanted.tickers else None
    async for answer in source.fetch(wanted):
        if isinstance(answer, Failure):
            received.failures.append(answer)
            steps.advance(str(answer.error))
            continue
        received.listed_since |= answer.listed_since
        inventory = await lake.survey(answer.tickers, answer.start, answer.end) if whole is None else whole
        rows = 0
        for bars in answer.batches:
            validated = validate(bars, start=wanted.start, end=wanted.end)
            received.note(validated, keep_days=whole is not None)
            rows += len(validated.bars)
            yield validated.bars, inventory
        steps.advance(f"{answer.name}: {rows} bars")


def _listed(wanted: Selection, received: _Received) -> list[str]:
    if wanted.tickers is not None:
        return list(wanted.tickers)
    return sorted(received.days | Counter(received.refused)) + ([ALL_TICKERS] if received.failures else [])


def _outcome(ticker: str, wanted: Selection, received: _Received) -> Outcome:
    """One ticker's outcome as far as the source decides it."""
    expected = wanted.sessions
    refused = received.refused.get(ticker, {})
    outcome = Outcome(ticker, Status.INVALID if refused else Status.NO_DATA, requested=len(expected))
    outcome.received, outcome.refused, outcome.cause = received.days[ticker], len(refused), causes(refused)
    if wanted.tickers is not None:
        outcome.gaps = gaps(expected, received.had[ticker], received.listed_since.get(ticker))
    return outcome


def _note_failures(outcome: Outcome, failures: list[Failure]) -> None:
    """Whatever the source could not give fails each ticker that lacks a day by it, and the whole market's outcome."""
    of_market = outcome.ticker == ALL_TICKERS
    errors = [one.error for one in failures if of_market or one.concerns(outcome.ticker, outcome.gaps)]
    if not errors:
        return
    first = errors[0]
    outcome.status = first.status if isinstance(first, TickerError) else Status.FAILED
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    outcome.cause = f"{first.cause if isinstance(first, TickerError) else first}{more}"
