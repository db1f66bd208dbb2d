"""Ends a process: one that used obstore, and one whose output cannot be written."""

import errno
import os
import sys
from contextlib import suppress
from typing import NoReturn

_OF_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF}


def trouble_of_output(error: OSError) -> str:
    """A sentence, if `error` says that what a command printed cannot be written; else an empty text."""
    if error.filename is not None or error.errno not in _OF_OUTPUT:
        return ""
    return f"What it printed cannot be written ({error.strerror}): make room, or let it print elsewhere."


def closed_output() -> str:
    """A sentence, if there is nowhere to print; else an empty text."""
    return "" if sys.stdout else "Standard output is closed: let it print somewhere, to /dev/null if need be."


def flush_output() -> str:
    """Write what was printed; a sentence if that cannot be done. A reader that has read enough is no trouble."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return ""
    except OSError as error:
        return trouble_of_output(error)
    return ""


def leave(code: int) -> NoReturn:
    """End the process with `code`, and without taking the interpreter down.

    obstore's threads may still be letting go of the last Python objects; with the interpreter gone from under them the
    process would abort, after all its work was done.
    """
    for stream in (sys.stdout, sys.stderr):
        # Whoever read it may have stopped; there may be none, or the program has closed it.
        with suppress(OSError, AttributeError, ValueError):
            stream.flush()
    os._exit(code)
