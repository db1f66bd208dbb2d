"""Ctrl-C: a program that only imports says one line and ends; later it raises KeyboardInterrupt.

An interrupted import would show where it was, or make something else of the interruption, or swallow it; and there is
nothing to tidy yet.
"""

import os
import signal
from types import FrameType

EXIT_INTERRUPTED = 130
INTERRUPTED = "interrupted; run it again."
"""The sentence about a program that had not begun."""


class _End:
    """A handler that says a line and ends the process, whatever it is at."""

    def __init__(self, line: str) -> None:
        self._line = line

    def __call__(self, _signum: int, _frame: FrameType | None) -> None:
        os.write(2, f"{self._line}\n".encode())
        os._exit(EXIT_INTERRUPTED)


def end_at_once(line: str) -> None:
    """Let SIGINT say `line` on standard error and end the process with EXIT_INTERRUPTED, unless it is ignored."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler or isinstance(before, _End):
        signal.signal(signal.SIGINT, _End(line))


def end_in_order() -> None:
    """Let SIGINT raise KeyboardInterrupt again after `end_at_once`."""
    if isinstance(signal.getsignal(signal.SIGINT), _End):
        signal.signal(signal.SIGINT, signal.default_int_handler)
