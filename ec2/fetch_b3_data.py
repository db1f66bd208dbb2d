"""Fetch quotes of B3 tickers and write them to the lake: `b3lake fetch` under its old name, for the host."""

import sys

try:
    from b3lake.lake.interrupts import INTERRUPTED, end_at_once

    end_at_once(f"fetch_b3_data: {INTERRUPTED}")
    import b3lake.ingest.commands.fetch  # noqa: F401 - what is missing is said here, before anything is tried
    from b3lake.cli import run_command
    from b3lake.lake.leave import leave
except ImportError as error:
    sys.exit(f"fetch_b3_data: {error.name} is not installed for this Python: run make setup.")

if __name__ == "__main__":
    leave(run_command("fetch", sys.argv[1:], program="fetch_b3_data"))
