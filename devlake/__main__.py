"""`python -m devlake COMMAND`: what the Makefile's targets run."""

from b3lake.lake.interrupts import EXIT_INTERRUPTED, INTERRUPTED, end_at_once, end_in_order

if __name__ == "__main__":
    end_at_once(f"error: {INTERRUPTED}")

import argparse
import datetime as dt
import signal
import sys
from importlib import import_module
from types import FrameType

from b3lake.cli import known_trouble
from b3lake.lake.errors import B3LakeError
from b3lake.lake.leave import closed_output, leave
from b3lake.lake.surroundings import check_clock
from devlake.terminal import fail

_LAKE, _ASK = "devlake.lake_commands", "devlake.ask_commands"
COMMANDS = dict.fromkeys(("demo", "up", "ingest", "refine", "status", "down"), _LAKE)
COMMANDS |= dict.fromkeys(("query", "report", "tour"), _ASK) | {"invoke": "devlake.invoke"}
"""Each command's module, whose function of that name it is; imported only when asked for."""


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _in_the_way(error: Exception) -> str:
    """A sentence for a file or folder that cannot be used as what it is for; else an empty text."""
    if not isinstance(error, OSError) or not error.filename:
        return ""
    return f"{error.filename} cannot be used ({error.strerror}): move it away, and run again."


def main() -> int:
    """Run one command; returns its exit code. Whatever ends it early is one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m devlake", description="The B3 lake on one machine.")
    parser.add_argument("command", choices=tuple(COMMANDS))
    command = parser.parse_args().command
    if closed := closed_output():
        fail(closed)
        return 1
    end_in_order()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        if command != "down":  # a lake can be ended whatever the clock says
            check_clock(dt.datetime.now(dt.timezone.utc))
        code = int(getattr(import_module(COMMANDS[command]), command)())
        sys.stdout.flush()
    except B3LakeError as error:
        fail(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        fail("Interrupted: everything that was started has been ended.")
        return EXIT_INTERRUPTED
    except Exception as error:
        if not (trouble := known_trouble(error) or _in_the_way(error)):
            raise
        fail(trouble)
        return 1
    return code


if __name__ == "__main__":
    leave(main())
