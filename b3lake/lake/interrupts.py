"""Ctrl-C: a process that only imports ends without a word; later it raises KeyboardInterrupt.

An interrupted import would show where it was, or make something else of the interruption; there is nothing to tidy yet.
"""

import signal


def end_at_once() -> None:
    """Let SIGINT end the process, unless it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_in_order() -> None:
    """Let SIGINT raise KeyboardInterrupt again after `end_at_once`."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
