"""The console command `b3lake`, and `python -m b3lake COMMAND` for where it is not on the PATH."""

from typing import NoReturn

from b3lake.lake.interrupts import INTERRUPTED, end_at_once


def main() -> NoReturn:
    """As b3lake.cli.main, of which a part is that it is imported: Ctrl-C ends that, too, with a line."""
    end_at_once(f"b3lake: {INTERRUPTED}")
    from b3lake import cli  # noqa: PLC0415 - it takes longer than this file

    cli.main()


if __name__ == "__main__":
    main()
