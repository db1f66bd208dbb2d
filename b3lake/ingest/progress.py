"""Shows on standard error how far a run is."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from b3lake.ingest import sources
from b3lake.texts.told import told


class Steps:
    """The progress of a run, on standard error: a bar on a terminal, a line a step elsewhere."""

    def __init__(self, console: Console, bars: Progress | None = None, task: TaskID | None = None) -> None:
        self._console, self._bars, self._task = console, bars, task

    def advance(self, line: str, count: int = 1) -> None:
        """`count` more are done; `line` says what."""
        if self._bars is not None and self._task is not None:
            self._bars.advance(self._task, count)
        else:
            self.tell(line)

    def tell(self, line: str) -> None:
        """A line that a person wants to read, above the bar where there is one."""
        self._console.print(told(line), markup=False, highlight=False, soft_wrap=True)


class _Waits(logging.Handler):
    """Tells what the sources log: that they wait for somebody, and for how long."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    def emit(self, record: logging.LogRecord) -> None:
        self._steps.tell(record.getMessage())


@contextmanager
def _telling_waits(steps: Steps) -> Iterator[Steps]:
    logger, handler = logging.getLogger(sources.__name__), _Waits(steps)
    logger.addHandler(handler)
    try:
        yield steps
    finally:
        logger.removeHandler(handler)


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Steps]:
    """Progress over `total` steps; None where their number is not known beforehand."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with _telling_waits(Steps(console)) as steps:
            yield steps
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bars = Progress(*columns, console=console, transient=True)
    with bars, _telling_waits(Steps(console, bars, bars.add_task(told(label), total=total))) as steps:
        yield steps
