"""Fetch quotes of B3 tickers and write them to the lake: `python ec2/fetch_b3_data.py --help`."""

import asyncio
import datetime as dt
import os
import sys
import time

from ingest.config import Config, parse_config
from ingest.errors import IngestError
from ingest.outcome import exit_code, summary
from ingest.report import progress, write_outcomes
from ingest.run import ingest_yahoo, open_lake

EXIT_INTERRUPTED = 130


def run(config: Config) -> int:
    """Do what `config` asks and report it; returns the exit code. Raises IngestError."""
    started = time.monotonic()
    lake = open_lake(config)
    with progress("tickers", len(config.tickers)) as steps:
        outcomes = asyncio.run(ingest_yahoo(config, lake, steps))
    totals = summary(outcomes, time.monotonic() - started, dry_run=config.dry_run)
    write_outcomes(outcomes, totals, json_lines=config.json_lines)
    return exit_code(outcomes)


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
