"""`python -m devlake COMMAND`: what the Makefile's targets run."""

from b3lake.lake.interrupts import end_at_once, end_in_order

if __name__ == "__main__":
    end_at_once()

import argparse
import signal
import sys
from importlib import import_module
from types import FrameType

from b3lake.lake.errors import B3LakeError
from b3lake.lake.leave import closed_output, leave, trouble_of_output
from devlake.terminal import fail

_LAKE, _ASK = "devlake.lake_commands", "devlake.ask_commands"
COMMANDS = dict.fromkeys(("demo", "up", "ingest", "refine", "status", "down"), _LAKE)
COMMANDS |= dict.fromkeys(("query", "report", "tour"), _ASK)
"""Each command's module, whose function of that name it is; imported only when asked for."""


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run one command; returns its exit code (130 when it was interrupted)."""
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
        code = int(getattr(import_module(COMMANDS[command]), command)())
        sys.stdout.flush()
    except OSError as error:
        if not (trouble := trouble_of_output(error)):
            raise
        fail(trouble)
        return 1
    except B3LakeError as error:
        fail(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        fail("Interrupted: everything that was started has been ended.")
        return 130
    return code


if __name__ == "__main__":
    leave(main())
