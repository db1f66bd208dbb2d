"""Shows on standard error how far a run is."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


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
