"""Prints the stages of a local run: a line each, live on a terminal, plain elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape

from b3lake.lake.errors import for_a_terminal
from b3lake.texts.told import told

console = Console(highlight=False, soft_wrap=not (sys.stdout and sys.stdout.isatty()))


@dataclass
class Stage:
    """One stage as it runs; `done` is what the person reads when it has ended."""

    name: str
    done: str = ""
    seconds: float = 0.0
    _live: object = field(default=None, repr=False)

    def tell(self, text: str) -> None:
        """Show `text` beside the stage's name while it runs (on a terminal only)."""
        if self._live is not None and text.strip():
            room = max(20, console.width - len(self.name) - 8)
            self._live.update(f"[bold]{self.name}[/bold] [dim]{escape(text.strip()[:room])}[/dim]")  # type: ignore[attr-defined]


@contextmanager
def stage(name: str, stages: list[Stage]) -> Iterator[Stage]:
    """A stage of the run: timed, shown while it runs, one line when it has ended, and added to `stages`."""
    current = Stage(told(name))
    started = time.monotonic()
    if console.is_terminal:
        with console.status(f"[bold]{current.name}[/bold]") as live:
            current._live = live
            yield current
            current._live = None
    else:
        console.print(f"{current.name} …")
        yield current
    current.seconds = time.monotonic() - started
    stages.append(current)
    done, seconds = escape(told(current.done)), told(f"{current.seconds:.1f} s")
    console.print(f"[green]✓[/green] [bold]{current.name}[/bold] {done} [dim]({seconds})[/dim]")


def say(text: str) -> None:
    """Say a sentence, which may have Rich's markup."""
    console.print(told(text))


def warn(text: str) -> None:
    """Say something that a person must not miss."""
    console.print(f"[bold black on yellow] ! [/] [bold yellow]{escape(told(text))}[/]")


def fail(text: str) -> None:
    """Say on standard error why the command ended without doing its work."""
    said = escape(for_a_terminal(told(text)))
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]{told('error:')}[/] {said}")
