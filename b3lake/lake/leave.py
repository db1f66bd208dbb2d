"""Ends a process that used obstore."""

import os
import sys
from contextlib import suppress
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End the process with `code`, and without taking the interpreter down.

    obstore's threads may still be letting go of the last Python objects; with the interpreter gone from under them the
    process would abort, after all its work was done.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it may have stopped
            stream.flush()
    os._exit(code)
