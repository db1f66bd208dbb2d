"""Fetch quotes of B3 tickers and write them to the lake: `python ec2/fetch_b3_data.py --help`."""

import sys

try:
    from b3lake.ingest.command import main
    from b3lake.lake.leave import leave
except ImportError as error:
    sys.exit(f"fetch_b3_data: {error.name} is not installed for this Python: run make setup.")

if __name__ == "__main__":
    leave(main())
