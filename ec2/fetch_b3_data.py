"""Fetch quotes of B3 tickers and write them to the lake: `python ec2/fetch_b3_data.py --help`."""

import datetime as dt
import os
import sys

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


if __name__ == "__main__":
    sys.exit(main())
