"""Tells a person or a machine how a run goes (on standard error) and how it ended (on standard output)."""

import datetime as dt
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from ingest.outcome import Outcome

_SHOWN_GAPS = 5


class Steps:
    """The progress of a run, on standard error: a bar on a terminal, a line a step elsewhere."""

    def __init__(self, console: Console, bars: Progress | None = None, task: TaskID | None = None) -> None:
        self._console, self._bars, self._task = console, bars, task

    def advance(self, line: str, count: int = 1) -> None:
        """`count` more are done; `line` says what."""
        if self._bars is not None and self._task is not None:
            self._bars.advance(self._task, count)
        else:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Steps]:
    """Progress over `total` steps; None where their number is not known beforehand."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Steps(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield Steps(console, bars, bars.add_task(label, total=total))


def write_outcomes(
    outcomes: Sequence[Outcome], totals: dict[str, object], *, json_lines: bool, only_failed: bool = False
) -> None:
    """The report of a run on standard output: a line a ticker (or a failed one) and one of totals."""
    if json_lines:
        write_records([outcome.as_record() for outcome in outcomes], totals)
        return
    table = Table("ticker", "status", box=None, pad_edge=False)
    for name in ("requested", "received", "written", "unchanged"):
        table.add_column(name, justify="right")
    table.add_column("gaps")
    table.add_column("cause", overflow="fold")
    for outcome in outcomes:
        if only_failed and outcome.status.succeeded:
            continue
        counts = (outcome.requested, outcome.received, outcome.written, outcome.unchanged)
        table.add_row(outcome.ticker, outcome.status, *map(str, counts), days(outcome.gaps), outcome.cause)
    console = _stdout()
    console.print(table)
    verb = "would be written" if totals["dry_run"] else "written"
    console.print(
        f"{totals['written']} partitions {verb}, {totals['unchanged']} unchanged, {totals['gaps']} sessions missing; "
        f"{totals['failed_tickers']} of {totals['tickers']} tickers failed; {totals['seconds']} s.",
        highlight=False,
    )


def write_records(records: Sequence[dict[str, object]], totals: dict[str, object]) -> None:
    """JSON lines on standard output: one a record, and last `{"summary": …}`."""
    for record in [*records, {"summary": totals}]:
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def days(listed: Sequence[dt.date]) -> str:
    """A few of the `listed` days, and how many more there are."""
    shown = " ".join(day.isoformat() for day in listed[:_SHOWN_GAPS])
    more = len(listed) - _SHOWN_GAPS
    return f"{shown} and {more} more" if more > 0 else shown


def _stdout() -> Console:
    console = Console()
    # Elsewhere than on a terminal a line is a line, however long.
    return console if console.is_terminal else Console(width=240, soft_wrap=True)
