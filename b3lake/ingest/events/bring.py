"""Brings B3's events into a lake: asks, judges, writes the rows that change, and last the table.

So a run that is killed anywhere leaves a table that does not know yet what the run brought, and the next run looks at
the same rows again.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ingest import objects
from b3lake.ingest.events.ask import EventsWanted, answers_about
from b3lake.ingest.events.days import dates
from b3lake.ingest.events.enter import NO_EVENTS
from b3lake.ingest.events.event import Event, Share
from b3lake.ingest.events.known import KnownEvents
from b3lake.ingest.events.prices import dispute
from b3lake.ingest.events.report import EventsReport, Knowledge
from b3lake.ingest.events.restate import days_of_prices, due_of, quotes_of, read_rows, restated
from b3lake.ingest.events.rules import events_of
from b3lake.ingest.events.shares import merged, share_of
from b3lake.ingest.events.table import to_table
from b3lake.ingest.inventory import ReadInventory
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import Loader
from b3lake.ingest.progress import Steps
from b3lake.ingest.small_tables import EVENTS, SHARES, Destination, read_table, update_table
from b3lake.ingest.sources.b3_events import IssuerAnswers
from b3lake.lake.errors import B3LakeError
from b3lake.lake.keys import raw_key

_TOGETHER = 50
"""Tickers whose rows are in memory at a time."""

_KNOWLEDGE = {
    (True, True): Knowledge.KNOWN,
    (True, False): Knowledge.NO_CASH,
    (False, True): Knowledge.NO_RATIOS,
    (False, False): Knowledge.UNKNOWN,
}
"""By whether the supplement is known, and the cash."""


async def bring_events(
    lake: Lake, label: str, known: KnownEvents, wanted: EventsWanted, steps: Steps, *, dry_run: bool
) -> EventsReport:
    """Ask for the events of the run's tickers and bring table and rows (those from `label`) up to date.

    To be called when the run's own rows are in the lake. What fails is in the report: the quotes are there.
    """
    try:
        return await _bring(lake, label, known, wanted, steps, dry_run=dry_run)
    except B3LakeError as error:
        return EventsReport.of_failure(known.brought.tickers(), error)


async def _bring(
    lake: Lake, label: str, known: KnownEvents, wanted: EventsWanted, steps: Steps, *, dry_run: bool
) -> EventsReport:
    to = Destination(lake.store, label, dry_run)
    tickers = known.brought.tickers() if wanted.tickers is None else wanted.tickers
    shares = await _shares(to, known, tickers)
    listed = [share for share in shares if share.is_listed]
    answers = await answers_about(listed, wanted, lake.store, steps, dry_run=dry_run)
    report = _report(shares, answers, is_market=wanted.tickers is None)
    told = [(share, answers[share.issuer]) for share in listed if answers[share.issuer].bodies]
    loader = lake.loader(dry_run=dry_run)
    judged: dict[str, list[Event]] = {}
    try:
        for first in range(0, len(told), _TOGETHER):
            judged |= await _settle(lake, label, known, told[first : first + _TOGETHER], loader)
    finally:
        await loader.finish()
    report.tally = loader.tally
    good = {ticker: events for ticker, events in judged.items() if not loader.tally.failed[ticker]}
    await update_table(to, EVENTS, lambda rows: _replaced(rows, good))
    if not dry_run:
        await lake.ensure_small_table(EVENTS, steps)
    return report


async def _shares(to: Destination, known: KnownEvents, tickers: Iterable[str]) -> list[Share]:
    """As what the quotes of all runs know `tickers`, those first that were traded last; others are left out."""
    await update_table(to, SHARES, lambda rows: merged(rows, known.seen))
    seen = merged(await read_table(to.store, SHARES), known.seen)  # a dry run has not put them
    shares = [share for ticker in sorted(tickers) if (share := share_of(ticker, seen))]
    newest = {share.ticker: int(known.days(share.ticker)[-1:].sum()) for share in shares}
    return sorted(shares, key=lambda share: newest[share.ticker], reverse=True)


def _report(shares: Iterable[Share], answers: Mapping[str, IssuerAnswers], *, is_market: bool) -> EventsReport:
    """The known events of `shares`; of the whole market only faults are told, not whom B3 does not know."""
    report = EventsReport()
    for share in shares:
        report.knowledge[share.ticker] = Knowledge.UNKNOWN
        if not share.is_listed:
            continue
        told = answers[share.issuer]
        report.knowledge[share.ticker] = _KNOWLEDGE[told.supplement is not None, told.cash is not None]
        if told.problems and (told.missed or not is_market):
            report.problems[share.ticker] = f"events: {'; '.join(told.problems)}"
        if told.missed:
            report.missed.add(share.ticker)
    return report


async def _settle(
    lake: Lake, label: str, known: KnownEvents, told: Iterable[tuple[Share, IssuerAnswers]], loader: Loader
) -> dict[str, list[Event]]:
    """The events of some tickers, judged by the prices in the lake; rows that are to say something else are put."""
    found = {share.ticker: events_of(share, answers.supplement, answers.cash) for share, answers in told}
    days = {ticker: dates(known.days(ticker)) for ticker in found}
    priced = await _rows(lake, {ticker: days_of_prices(found[ticker], days[ticker]) for ticker in found})
    judged = {ticker: dispute(found[ticker], quotes_of(days[ticker], priced[ticker])) for ticker in found}
    due = {ticker: due_of(known, ticker, judged[ticker]) for ticker in found}
    checked = await _rows(lake, {ticker: each.to_check for ticker, each in due.items()})
    anew = [
        bars
        for ticker in sorted(checked)
        for day, rows in sorted(checked[ticker].items())
        if (bars := restated(ticker, day, rows, due[ticker].target.get(day, NO_EVENTS), label))
    ]
    if anew:
        await loader.load(pa.concat_tables(anew), ReadInventory())
    return judged


async def _rows(lake: Lake, wanted: Mapping[str, set[dt.date]]) -> dict[str, dict[dt.date, pa.Table]]:
    """The rows of the `wanted` days by ticker, without those that are not there or cannot be read. Raises AwsError."""
    keys = {raw_key(day, ticker): (ticker, day) for ticker, days in wanted.items() for day in days}
    found: dict[str, dict[dt.date, pa.Table]] = {ticker: {} for ticker in wanted}
    for key, body in (await objects.get_all(lake.store, keys)).items():
        ticker, day = keys[key]
        rows = read_rows(body)
        if rows is not None:
            found[ticker][day] = rows
    return found


def _replaced(rows: pa.Table, judged: Mapping[str, list[Event]]) -> pa.Table:
    """`rows` (EVENTS_SCHEMA) with the events of each ticker of `judged` in place of those it had."""
    kept = rows.replace_schema_metadata(None).filter(~pc.field("ticker").isin(pa.array(judged, pa.string())))
    new = to_table(event for events in judged.values() for event in events)
    return pa.concat_tables([kept, new]).sort_by("ticker").combine_chunks()
