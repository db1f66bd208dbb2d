"""Takes a source's bars to the lake: fetched, validated and loaded piece by piece, each ticker judged by itself."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from b3lake.ingest.catch_up import phrase as phrase_missing
from b3lake.ingest.errors import MissingSessionsError, NoDataError, Status, TickerError
from b3lake.ingest.events.ask import EventsWanted
from b3lake.ingest.events.bring import bring_events
from b3lake.ingest.events.known import KnownEvents, read_known
from b3lake.ingest.events.report import EventsReport
from b3lake.ingest.instruments import MarketCount
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import load_all
from b3lake.ingest.outcome import Outcome
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources.b3_events import B3Events
from b3lake.ingest.sources.source import Delivery, Failure, Notice, Selection, Source
from b3lake.ingest.steps import Step
from b3lake.ingest.steps import phrase as phrase_steps
from b3lake.ingest.validate import (
    DOUBTFUL,
    Validated,
    causes,
    count_days,
    disagreeing,
    gaps,
    pairs_of,
    strange,
    validate,
)
from b3lake.lake.errors import B3LakeError
from b3lake.lake.tickers import ALL_TICKERS
from b3lake.lake.words import counted


@dataclass
class _Received:
    """The source's answers so far: days and steps by ticker, refusals and doubts by ticker and day, and the rest.

    `known` are the events for bars that come without; `market` counts the papers of whole days.
    """

    known: KnownEvents | None
    market: MarketCount | None = None
    days: Counter[str] = field(default_factory=Counter)
    refused: defaultdict[str, dict[dt.date, str]] = field(default_factory=lambda: defaultdict(dict))
    doubts: defaultdict[str, dict[dt.date, str]] = field(default_factory=lambda: defaultdict(dict))
    steps: dict[str, Sequence[Step]] = field(default_factory=dict)
    had: defaultdict[str, set[dt.date]] = field(default_factory=lambda: defaultdict(set))
    listed_since: dict[str, dt.date] = field(default_factory=dict)
    there: set[dt.date] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)

    def note_delivery(self, delivery: Delivery) -> None:
        """Note what a delivery says beside its bars."""
        self.listed_since |= delivery.listed_since
        self.steps |= delivery.steps
        self.there |= delivery.days
        if self.known:
            self.known.note_seen(delivery.seen)
        if self.market and delivery.market is not None:
            self.market.note(delivery.market)
        for told, kept in ((delivery.refused, self.refused), (delivery.doubts, self.doubts)):
            for ticker, reasons in told.items():
                kept[ticker] |= reasons

    def entered(self, bars: pa.Table) -> pa.Table:
        """`bars` with the known events, where they come without."""
        return self.known.enter(bars) if self.known else bars

    def note(self, validated: Validated, *, keep_days: bool) -> None:
        """Note one batch; its days are kept only of tickers that are asked for by name, whose gaps are reported."""
        self.days.update(count_days(validated.bars))
        for i, words in disagreeing(validated.bars).items():
            ticker, day = (validated.bars[name][i].as_py() for name in ("ticker", "day"))
            self.doubts[ticker][day] = words
        reasons_of = strange(validated.bars, adjusted=False)
        for i in np.flatnonzero(reasons_of != "").tolist():  # of the exchange's own: they entered
            ticker, day = (validated.bars[name][i].as_py() for name in ("ticker", "day"))
            self.doubts[ticker][day] = str(reasons_of[i])
        for ticker, reasons in validated.refused.items():
            self.refused[ticker] |= reasons
        if keep_days:
            for day, ticker in pairs_of(validated.bars):
                self.had[ticker].add(day)


async def ingest(
    wanted: Selection,
    source: Source,
    lake: Lake,
    steps: Steps,
    *,
    ask: B3Events | None = None,
    market: MarketCount | None = None,
    before: Mapping[str, list[dt.date]] | None = None,
    dry_run: bool,
) -> list[Outcome]:
    """Fetch and load the bars of `wanted`; one outcome a ticker.

    Of the whole market there is one outcome for each ticker that came, and one for `*` when anything failed. Bars that
    come without events get those that the lake knows, and what `ask` (None: nobody) says now. `market` counts the
    papers of the files that are read; `before` are the sessions that the lake lacks before what is wanted.
    Raises AwsError, UsageError when the source cannot have such bars, and MixedLakeError when it would mix invented
    prices with others.
    """
    await lake.check_kind(source.label)
    known = None if source.has_events else await read_known(lake.store, wanted.tickers)
    received = _Received(known, market)
    loader = lake.loader(dry_run=dry_run)
    await load_all(loader, _batches(wanted, source, lake, steps, received))
    told = EventsReport()
    if known:
        about = EventsWanted(ask, wanted.tickers, wanted.now)
        told = await bring_events(lake, source.label, known, about, steps, dry_run=dry_run)
    outcomes = [_outcome(ticker, wanted, received) for ticker in _listed(wanted, received)]
    for outcome in outcomes:
        if outcome.received:
            outcome.note_tally(loader.tally, dry_run=dry_run)
        elif not outcome.refused:
            _note_absence(outcome, wanted, source)
        _note_failures(outcome, wanted, received.failures)
        outcome.note_events(told, dry_run=dry_run)
    for ticker, missing in (before or {}).items():
        _note_missing_before(outcomes, ticker, missing)
    return outcomes


async def _batches(
    wanted: Selection, source: Source, lake: Lake, steps: Steps, received: _Received
) -> AsyncIterator[tuple[pa.Table, Inventory]]:
    by_name = wanted.tickers is not None
    # Of days that nobody named, each file tells which they are.
    at_once = wanted.tickers if not wanted.whatever else None
    whole = await lake.survey(at_once, wanted.earliest, wanted.end) if at_once else None
    async for part, answer in _answers(wanted, source):
        if isinstance(answer, Failure):
            received.failures.append(answer)
            steps.advance(str(answer.error))
            continue
        if isinstance(answer, Notice):
            steps.tell(answer.text)
            continue
        received.note_delivery(answer)
        inventory = await lake.survey(answer.tickers, answer.start, answer.end) if whole is None else whole
        rows = 0
        for bars in answer.batches:
            validated = validate(bars, start=part.start, end=part.end, official=answer.official)
            received.note(validated, keep_days=by_name)
            rows += len(validated.bars)
            yield received.entered(validated.bars), inventory
        steps.advance(f"{answer.name}: {counted(rows, 'bar')}")


async def _answers(wanted: Selection, source: Source) -> AsyncIterator[tuple[Selection, Delivery | Failure | Notice]]:
    """The source's answers, each with the part of `wanted` that it is about."""
    for part in wanted.parts:
        async for answer in source.fetch(part):
            yield part, answer


def _listed(wanted: Selection, received: _Received) -> list[str]:
    if wanted.tickers is not None:
        return list(wanted.tickers)
    return sorted(received.days.keys() | received.refused.keys()) + ([ALL_TICKERS] if received.failures else [])


def _outcome(ticker: str, wanted: Selection, received: _Received) -> Outcome:
    """One ticker's outcome as far as the source decides it."""
    expected = sorted(received.there) if wanted.whatever else wanted.sessions_of(ticker)
    refused = received.refused.get(ticker, {})
    outcome = Outcome(ticker, Status.INVALID if refused else Status.NO_DATA, requested=len(expected))
    doubts = received.doubts.get(ticker, {})
    outcome.received, outcome.refused, outcome.doubtful = received.days[ticker], len(refused), len(doubts)
    outcome.steps = list(received.steps.get(ticker, ()))
    outcome.cause = "; ".join(filter(None, (causes(refused), causes(doubts, DOUBTFUL), phrase_steps(outcome.steps))))
    if wanted.tickers is not None:
        outcome.gaps = gaps(expected, received.had[ticker], received.listed_since.get(ticker))
    return outcome


def _note_absence(outcome: Outcome, wanted: Selection, source: Source) -> None:
    """Say why nothing came, though nothing failed."""
    if wanted.sessions:
        outcome.cause = source.why_no_bars(outcome.ticker)
    else:
        outcome.status, outcome.cause = Status.UNCHANGED, no_session(wanted)


def _note_missing_before(outcomes: list[Outcome], ticker: str, missing: list[dt.date]) -> None:
    """Tell of sessions before the range; it is no failure, for nobody asked for them."""
    its = next((outcome for outcome in outcomes if outcome.ticker == ticker), None)
    if its is None:  # of the whole market
        its = Outcome(ticker, Status.UNCHANGED)
        outcomes.append(its)
    its.gaps = [*missing, *its.gaps]
    its.add_cause(phrase_missing(missing))


def no_session(wanted: Selection) -> str:
    """Why there is nothing to fetch in a range without a session."""
    return f"B3 has no final session from {wanted.start} to {wanted.end}"


def _note_failures(outcome: Outcome, wanted: Selection, failures: list[Failure]) -> None:
    """Whatever the source could not give fails each ticker that lacks a day by it, and the whole market's outcome."""
    of_market = outcome.ticker == ALL_TICKERS
    concerned = of_market or (wanted.whatever and wanted.tickers is not None)
    its = [one for one in failures if concerned or one.concerns(outcome.ticker, outcome.gaps)]
    if not wanted.sessions:  # then having nothing is no failure; not being answered is
        its = [one for one in failures if one.ticker in {None, outcome.ticker}]
        its = [one for one in its if not isinstance(one.error, NoDataError)]
    if not its:
        return
    statuses = [_status(one.error) for one in its]
    outcome.status = next((status for status in statuses if status is not Status.INCOMPLETE), Status.INCOMPLETE)
    first = its[statuses.index(outcome.status)].error
    cause = first.cause if isinstance(first, TickerError) else str(first)
    outcome.cause = f"{cause} (and {len(its) - 1} more)" if len(its) > 1 else cause
    if of_market:
        outcome.gaps = sorted({day for one in its for day in one.days or ()})


def _status(error: B3LakeError) -> Status:
    return error.status if isinstance(error, (TickerError, MissingSessionsError)) else Status.FAILED
