"""Fetch quotes of B3 tickers and write them to the lake: `python ec2/fetch_b3_data.py --help`."""

import datetime as dt
import os
import sys
from contextlib import suppress
from typing import NoReturn

from ingest.config import parse_config
from ingest.errors import IngestError
from ingest.run import run

EXIT_INTERRUPTED = 130


def main() -> int:
    try:
        return run(parse_config(sys.argv[1:], os.environ, dt.datetime.now(dt.timezone.utc)))
    except IngestError as error:
        print(f"fetch_b3_data: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("fetch_b3_data: interrupted; run it again and it goes on where it was.", file=sys.stderr)
        return EXIT_INTERRUPTED


def leave(code: int) -> NoReturn:
    """End the process with `code`, and without taking the interpreter down.

    obstore's threads may still be letting go of the last Python objects; with the interpreter gone from under them the
    process would abort, after all its work was done.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it may have stopped
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
