"""Times the ingestion's hot path beside awswrangler and beside the ceiling, on one server, in one go.

`python -m bench.bench_ingest [--partitions 2000 20000] [--latencies 0 30] [--rounds 3] [--wrangler-partitions 500]`

- ceiling: the same bytes, encoded beforehand, put by a bare obstore loop;
- ingest: what a run does with fetched bars: list what is there, encode, compare, put (the table is in memory);
- repeat: the same again, when nothing has changed;
- wrangler: `awswrangler.s3.to_parquet(dataset=True, mode="overwrite_partitions")` of the same table, in its best
  configuration of those tried, over fewer partitions, since its time is proportional to them.

Each runs in a process of its own, on a bucket of its own, in turn, several times; the least time counts. No catalog
takes part on any side.
"""

import argparse
import asyncio
import datetime as dt
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator

import awswrangler as wr
import numpy as np
import pyarrow as pa

from b3lake.ingest import objects
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import load_all, prepare
from b3lake.ingest.objects import IN_FLIGHT
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import day_start_utc, sessions_between
from b3lake.lake.keys import RAW_PREFIX, raw_key
from b3lake.lake.session import open_session
from bench.object_server import ObjectServer, serving
from devlake import paths

TICKERS = [f"TICK{number}" for number in range(10)]
WRANGLER_THREADS = (True, 16, 32)


def make_bars(partitions: int) -> dict[str, pa.Table]:
    """For each of ten tickers a table (BARS_SCHEMA) of `partitions` / 10 daily bars."""
    days = sessions_between(dt.date(1990, 1, 1), dt.date(2025, 12, 31))[-(partitions // len(TICKERS)) :]
    starts = np.array([day_start_utc(day) for day in days], "datetime64[us]")
    tables = {}
    for seed, ticker in enumerate(TICKERS):
        chance = np.random.default_rng(seed)
        close = chance.uniform(10, 50, len(days)).round(2)
        columns = {
            "day": np.array(days, "datetime64[D]"),
            "ticker": [ticker] * len(days),
            "ts": starts,
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "turnover": pa.nulls(len(days), pa.float64()),
            "trades": pa.nulls(len(days), pa.int32()),
            "isin": pa.nulls(len(days), pa.string()),
            "volume": chance.integers(1, 10**8, len(days)),
            "dividends": np.zeros(len(days)),
            "stock_splits": np.zeros(len(days)),
            "source": ["yahoo"] * len(days),
        }
        tables[ticker] = pa.table(columns, schema=BARS_SCHEMA)
    return tables


async def put_bare(bucket: str, partitions: int) -> float:
    """Seconds of a bare obstore loop for bytes that are ready."""
    bodies = [
        (raw_key(one.day, one.ticker), one.body) for table in make_bars(partitions).values() for one in prepare(table)
    ]
    store = objects.open_store(bucket, open_session())
    work = iter(bodies)

    async def worker() -> None:
        for key, body in work:
            await objects.put(store, key, body)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return time.perf_counter() - started


async def ingest(bucket: str, partitions: int) -> float:
    """Seconds from bars to objects as a run has them."""
    tables = make_bars(partitions)
    days = [table["day"].to_pylist() for table in tables.values()]
    lake = Lake(bucket, objects.open_store(bucket, open_session()), None)
    started = time.perf_counter()
    inventory = await lake.survey(tables, days[0][0], days[0][-1])
    loader = lake.loader(dry_run=False)

    async def batches() -> AsyncIterator[tuple[pa.Table, Inventory]]:
        for table in tables.values():
            yield table, inventory

    tally = await load_all(loader, batches())
    seconds = time.perf_counter() - started
    done = tally.written + tally.unchanged
    if done.total() != partitions:
        raise RuntimeError(f"{done.total()} of {partitions} partitions were settled: {dict(tally.causes)}")
    return seconds


def write_with_wrangler(bucket: str, partitions: int, threads: bool | int) -> float:
    """Seconds of awswrangler's overwrite_partitions for the same rows."""
    table = pa.concat_tables(make_bars(partitions).values())
    frame = table.rename_columns({"day": "dt"}).to_pandas()
    started = time.perf_counter()
    wr.s3.to_parquet(
        frame,
        path=f"s3://{bucket}/{RAW_PREFIX}/",
        dataset=True,
        partition_cols=["dt", "ticker"],
        mode="overwrite_partitions",
        concurrent_partitioning=True,
        use_threads=threads,
        compression=None,
    )
    return time.perf_counter() - started


def run_contender(name: str, bucket: str, partitions: int) -> None:
    """Run one contender in this process and print its seconds and its peak memory as JSON."""
    if name == "ceiling":
        seconds = asyncio.run(put_bare(bucket, partitions))
    elif name in {"ingest", "repeat"}:
        seconds = asyncio.run(ingest(bucket, partitions))
    else:
        threads = name.removeprefix("wrangler-")
        seconds = write_with_wrangler(bucket, partitions, True if threads == "True" else int(threads))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}), flush=True)
    os._exit(0)  # as b3lake.lake.leave does, and for its reason


class Course:
    """Runs contenders against one server and keeps their best."""

    def __init__(self, server: ObjectServer) -> None:
        self._server = server
        self._buckets = 0

    def new_bucket(self) -> str:
        self._buckets += 1
        name = f"bench-{self._buckets:04d}"
        self._server.client().create_bucket(Bucket=name)
        return name

    def run(self, name: str, bucket: str, partitions: int) -> dict[str, float]:
        command = [
            sys.executable,
            "-X",
            "faulthandler",
            "-m",
            "bench.bench_ingest",
            "--contender",
            name,
            bucket,
            str(partitions),
        ]
        environment = self._server.environment()
        done = subprocess.run(command, env=environment, cwd=paths.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} failed ({done.returncode}):\n{done.stderr[-3000:]}")
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def measure(latency_ms: float, sizes: list[int], rounds: int, wrangler_partitions: int) -> None:
    """Run the whole course at one latency and print its lines."""
    with serving(latency_ms) as server:
        course = Course(server)
        course.run("ceiling", course.new_bucket(), 500)  # the server's first volumes
        per_thousand: dict[str, float] = {}
        for size in sizes:
            best: dict[str, dict[str, float]] = defaultdict(lambda: {"seconds": float("inf"), "peak_mib": 0.0})
            for _ in range(rounds):
                course_bucket = course.new_bucket()
                for name, bucket in (
                    ("ceiling", course.new_bucket()),
                    ("ingest", course_bucket),
                    ("repeat", course_bucket),
                ):
                    got = course.run(name, bucket, size)
                    best[name]["seconds"] = min(best[name]["seconds"], got["seconds"])
                    best[name]["peak_mib"] = max(best[name]["peak_mib"], got["peak_mib"])
            ceiling = best["ceiling"]["seconds"]
            for name, got in best.items():
                per_thousand[name] = got["seconds"] * 1000 / size
                print_line(latency_ms, size, name, got, ceiling / size)
        for threads in WRANGLER_THREADS:
            got = course.run(f"wrangler-{threads}", course.new_bucket(), wrangler_partitions)
            print_line(latency_ms, wrangler_partitions, f"wrangler, use_threads={threads}", got, ceiling / size)
            seconds = got["seconds"] * 1000 / wrangler_partitions
            per_thousand["wrangler"] = min(per_thousand.get("wrangler", seconds), seconds)
        ratio = per_thousand["wrangler"] / per_thousand["ingest"]
        print(f"{latency_ms:g} ms: awswrangler's best takes {ratio:.0f} times as long as this ingestion", flush=True)


def print_line(latency_ms: float, size: int, name: str, got: dict[str, float], ceiling: float) -> None:
    each = got["seconds"] / size
    print(
        f"{latency_ms:3g} ms {size:6d} partitions  {name:24s} {got['seconds']:8.2f} s  {each * 1000:7.2f} s/1000  "
        f"{each / ceiling:7.2f} x ceiling  peak {got['peak_mib']:4.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--partitions", type=int, nargs="+", default=[2000, 20_000])
    parser.add_argument("--latencies", type=float, nargs="+", default=[0, 30])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wrangler-partitions", type=int, default=500)
    parser.add_argument("--contender", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, bucket, partitions = options.contender
        run_contender(name, bucket, int(partitions))
        return
    for latency in options.latencies:
        measure(latency, options.partitions, options.rounds, options.wrangler_partitions)


if __name__ == "__main__":
    main()
