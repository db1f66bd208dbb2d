"""How long the refine job plans, and how much memory that takes: `python -m bench.bench_planner [PARTITIONS …]`.

A listing of so many partitions, all fresh but one more trade date of every ticker: listing and ledger are made up, the
plan is the job's own. Each size runs in a process of its own, so that its memory is its own.
"""

import resource
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa

from b3lake.refine.fingerprint import digest, tag_of
from b3lake.refine.partitions import LISTING, keys_of, names_in
from b3lake.refine.plan import LEDGER, plan, windows
from b3lake.refine.rule import CURRENT_RULE

TICKERS = 450


def listing(partitions: int, seed: int) -> pa.Table:
    """So many partitions, date after date as S3 lists them."""
    days = np.repeat(np.arange(-(-partitions // TICKERS), dtype=np.int32), TICKERS)[:partitions]
    names = pa.array([f"TICK{n:03}" for n in range(TICKERS)]).take(pa.array(np.arange(partitions) % TICKERS))
    etags = [f"{seed:016x}{n:016x}" for n in range(partitions)]
    return pa.table([names, days, [tag_of(e) for e in etags], etags], schema=LISTING)


def ledger(raw: pa.Table, refined: pa.Table) -> pa.Table:
    """The facts that make all of `refined` fresh."""
    names = names_in(raw)
    keys = keys_of(refined, names)
    order = np.argsort(keys)
    window = windows(keys[order], raw["tag"].to_numpy()[: len(refined)][order], CURRENT_RULE.dates)
    digests = digest(CURRENT_RULE.tag, window, refined["tag"].to_numpy()[order])
    columns = [refined["ticker"].take(pa.array(order)), refined["day"].take(pa.array(order)), digests]
    return pa.table(columns, schema=LEDGER)


def measure(partitions: int) -> None:
    """Print one line of figures."""
    started = time.perf_counter()
    raw, refined = listing(partitions + TICKERS, 1), listing(partitions, 2)
    told = ledger(raw, refined)
    made = time.perf_counter()
    found = plan(raw, refined, told, CURRENT_RULE)
    planned = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    targets = sum(found.reads["target"].to_pylist())
    seconds = f"{planned - made:>10.2f} {made - started:>18.2f}"
    print(f"{partitions:>10,} {seconds} {peak:>10.2f} {len(found.reads):>8,} {targets:>8,}")


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        measure(int(sys.argv[2]))
        return
    print(f"{'partitions':>10} {'plan s':>10} {'tables, tags s':>18} {'peak GiB':>10} {'reads':>8} {'targets':>8}")
    for partitions in sys.argv[1:] or ["2500", "25000", "250000", "1000000"]:
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "bench.bench_planner", "--one", partitions], check=True)


if __name__ == "__main__":
    main()
