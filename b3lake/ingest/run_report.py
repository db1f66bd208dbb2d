"""Tells a person or a machine, on standard output, how a run ended."""

import datetime as dt
import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import cast

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from b3lake.ingest.beside_quotes import TableOutcome
from b3lake.ingest.doctor.examine import Examination
from b3lake.ingest.outcome import Outcome
from b3lake.ingest.verify import Comparison
from b3lake.lake.words import counted, printable
from b3lake.texts.told import told

_SHOWN = 5
_WIDE = 120
"""Columns of a terminal that gaps and causes need beside the counts."""


def write_outcomes(
    outcomes: Sequence[Outcome],
    tables: Sequence[TableOutcome],
    totals: dict[str, object],
    *,
    json_lines: bool,
    only_failed: bool = False,
) -> None:
    """The report of a run on standard output.

    A line a ticker (or one that something is said of), one a table beside the quotes, and one of totals.
    """
    if json_lines:
        write_records([outcome.as_record() for outcome in outcomes], totals | {"tables": _records(tables)})
        return
    shown = [one for one in outcomes if not (only_failed and one.status.succeeded and not one.cause)]
    console = _stdout()
    print_outcomes(shown, console)
    verb = "would be written" if totals["dry_run"] else "written"
    for one in tables:
        parts = (verb if one.written else "unchanged", *one.causes)
        console.print(f"{one.table}: {'; '.join(map(told, parts))}", markup=False, highlight=False)
    written, gaps, count = (cast("int", totals[name]) for name in ("written", "gaps", "tickers"))
    partitions, sessions, tickers = counted(written, "partition"), counted(gaps, "session"), counted(count, "ticker")
    done = f"{partitions} would be written" if totals["dry_run"] else f"{partitions} written"
    failed, seconds = totals["failed_tickers"], totals["seconds"]
    rest = f"{totals['unchanged']} unchanged, {sessions} missing; {failed} of {tickers} failed; {seconds} s."
    console.print(f"{told(done)}, {told(rest)}", highlight=False)


def print_outcomes(outcomes: Sequence[Outcome], console: Console) -> None:
    """A line a ticker; where the console is too narrow for gaps and causes beside it, these follow line by line."""
    beside = console.width >= _WIDE
    table = Table(told("ticker"), told("status"), box=None, pad_edge=False)
    for name in (told("requested"), told("received"), told("written"), told("unchanged")):
        table.add_column(name, justify="right", no_wrap=True)
    if beside:
        table.add_column(told("gaps"))
        table.add_column(told("cause"), overflow="fold")
    for one in outcomes:
        counts = map(str, (one.requested, one.received, one.written, one.unchanged))
        more = (days(one.gaps), escape(_causes(one.cause))) if beside else ()
        table.add_row(escape(one.ticker), told(one.status.value), *counts, *more)
    console.print(table)
    for one in () if beside else outcomes:
        if one.gaps:
            console.print(f"{one.ticker}: {told('gaps')} {days(one.gaps)}", markup=False, highlight=False)
        if one.cause:
            console.print(f"{one.ticker}: {_causes(one.cause)}", markup=False, highlight=False)


def _records(tables: Sequence[TableOutcome]) -> list[dict[str, object]]:
    return [table.as_record() for table in tables]


def write_examination(seen: Examination, repaired: int, *, json_lines: bool) -> None:
    """The doctor's findings (or those that are left) on standard output: a line a kind, or as JSON a line a finding."""
    kinds = Counter(finding.kind for finding in seen.findings)
    totals: dict[str, object] = {
        "objects": seen.objects,
        "rows": seen.rows,
        "tickers": len(seen.days),
        "findings": len(seen.findings),
        "repaired": repaired,
    }
    if json_lines:
        write_records([finding.as_record() for finding in seen.findings], totals)
        return
    table = Table(told("finding"), box=None, pad_edge=False)
    table.add_column(told("count"), justify="right")
    table.add_column(told("where"), overflow="fold")
    for kind, count in sorted(kinds.items()):
        found = [finding for finding in seen.findings if finding.kind is kind]
        where = [" ".join(filter(None, (f.ticker, str(f.day or ""), _causes(f.detail)))) for f in found[:_SHOWN]]
        table.add_row(kind, str(count), escape(printable("; ".join(where))) + ("; …" if count > _SHOWN else ""))
    console = _stdout()
    if kinds:
        console.print(table)
    health = counted(len(seen.findings), "finding") if kinds else "nothing is wrong"
    objects, rows = counted(seen.objects, "object"), counted(seen.rows, "row")
    read = f"{objects}, {rows}, {counted(len(seen.days), 'ticker')}"
    console.print(told(f"{read} read: {health}; {repaired} repaired."), highlight=False)


def write_comparison(compared: Comparison, *, json_lines: bool) -> None:
    """How Yahoo's quotes differ from B3's, on standard output."""
    totals: dict[str, object] = {
        "days_compared": compared.days,
        "differences": len(compared.differences),
        "not_compared": compared.not_compared,
    }
    if json_lines:
        write_records([difference.as_record() for difference in compared.differences], totals)
        return
    table = Table(told("ticker"), told("first day"), told("last day"), box=None, pad_edge=False)
    table.add_column(told("days"), justify="right")
    for name in (told("difference"), told("worst price"), "Yahoo", "B3"):
        table.add_column(name)
    for found in compared.differences:
        how = f"factor {found.factor:g}, unexplained" if found.factor else "prices differ"
        prices = (f"{found.yahoo:.4f}", f"{found.b3:.4f}")
        table.add_row(found.ticker, str(found.start), str(found.end), str(found.days), told(how), found.column, *prices)
    console = _stdout()
    if compared.differences:
        console.print(table)
    for ticker, why in compared.not_compared.items():
        console.print(told(f"{ticker} could not be compared: {why}"), markup=False, highlight=False)
    differing = sum(found.days for found in compared.differences)
    console.print(told(f"{counted(compared.days, 'day')} compared, {differing} with differences."), highlight=False)


def write_records(records: Sequence[dict[str, object]], totals: dict[str, object]) -> None:
    """JSON lines on standard output: one a record, and last `{"summary": …}`."""
    for record in [*records, {"summary": totals}]:
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def days(listed: Sequence[dt.date]) -> str:
    """A few of the `listed` days, and how many more there are."""
    shown = " ".join(day.isoformat() for day in listed[:_SHOWN])
    more = len(listed) - _SHOWN
    return told(f"{shown} and {more} more") if more > 0 else shown


def _causes(text: str) -> str:
    """Causes that are joined by semicolons, each in the language of the terminal."""
    pieces = [(piece, told(piece)) for piece in text.split("; ")]
    # A sentence may have a semicolon of its own: then a piece of it is none.
    if all(english != here for english, here in pieces):
        return "; ".join(here for _, here in pieces)
    return told(text)


def _stdout() -> Console:
    console = Console()
    # Elsewhere than on a terminal a line is a line, however long.
    return console if console.is_terminal else Console(width=240, soft_wrap=True)
