"""Fetches quotes of B3 tickers and writes them to the lake."""

import datetime as dt
import os
import sys
from collections.abc import Sequence

from b3lake.ingest.config import parse_config
from b3lake.ingest.run import run
from b3lake.lake.errors import B3LakeError

EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one run; its exit code."""
    try:
        given = sys.argv[1:] if arguments is None else arguments
        return run(parse_config(given, os.environ, dt.datetime.now(dt.timezone.utc)))
    except B3LakeError as error:
        print(f"fetch_b3_data: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("fetch_b3_data: interrupted; run it again and it goes on where it was.", file=sys.stderr)
        return EXIT_INTERRUPTED
