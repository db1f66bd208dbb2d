"""The refine job against its rivals on the same objects: `make bench`, or `python -m bench.bench_refine [options]`.

For each latency: a fresh object server with one-row raw objects, then, one after the other: a full run of the job, a
run with nothing to do, a run after one more trade date of every ticker; then the rivals, on a sample where they are
slow. The catalog is moto's, without latency. Seconds are whole processes, Spark's start included, unless said so;
requests are counted on the way to the object server.
"""

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import obstore
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import S3Store

from b3lake.lake.keys import HISTORY_PREFIX, RAW_PREFIX, REFINED_PREFIX, partition_key
from b3lake.lake.names import REFINED_TABLE
from b3lake.lake.schemas import PARTITION_TYPES, RAW_SCHEMA
from bench import object_server
from devlake.aws_environment import REGION
from devlake.find_java import find_java
from devlake.moto_server import moto_server
from devlake.proxy import Proxy

BUCKET, DATABASE = "bench-lake", "bench"
PLACES = {"--raw_uri": RAW_PREFIX, "--refined_uri": REFINED_PREFIX, "--history_uri": HISTORY_PREFIX}
PLACE_ARGUMENTS = [word for name, prefix in PLACES.items() for word in (name, f"s3://{BUCKET}/{prefix}")]
SAMPLE_PREFIX = "sample/b3"
FIRST_DAY = date(2020, 1, 1)
JARS = Path.home() / ".cache" / "b3-lake" / "s3a"


def make_table(glue_url: str) -> None:
    """Make the refined table in a Glue catalog."""
    glue = boto3.Session("x", "x", region_name=REGION).client("glue", endpoint_url=glue_url)
    glue.create_database(DatabaseInput={"Name": DATABASE})
    glue.create_table(
        DatabaseName=DATABASE,
        TableInput={
            "Name": REFINED_TABLE,
            "PartitionKeys": [{"Name": name, "Type": kind} for name, kind in PARTITION_TYPES.items()],
        },
    )


@dataclass(frozen=True)
class Taken:
    """Of one program: seconds, seconds of processor time, requests by operation; and the last line that it printed."""

    seconds: float
    processor: float
    requests: Counter[str]
    said: str


@dataclass(frozen=True)
class Bench:
    """A server with a lake, the proxy on the way to it, and the environment in which programs reach it."""

    direct_url: str
    proxy: Proxy
    environment: dict[str, str]

    def store(self) -> S3Store:
        return S3Store(
            BUCKET,
            endpoint=self.direct_url,
            region=REGION,
            access_key_id=object_server.ACCESS_KEY,
            secret_access_key=object_server.SECRET_KEY,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def fill(self, prefix: str, tickers: int, days: range) -> None:
        """Put one-row raw objects, past the proxy."""
        store, gate = self.store(), asyncio.Semaphore(32)

        async def one(ticker: int, day: int) -> None:
            async with gate:
                key = partition_key(prefix, FIRST_DAY + timedelta(day), f"TICK{ticker}")
                await obstore.put_async(store, key, raw_object(ticker, day), use_multipart=False)

        async def everything() -> None:
            await asyncio.gather(*(one(ticker, day) for day in days for ticker in range(tickers)))

        asyncio.run(everything())

    def timed(self, command: list[str], **more: str) -> Taken:
        """Run a program, and say what it took."""
        self.proxy.requests.clear()
        started = time.perf_counter()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            child = subprocess.Popen(command, env=self.environment | more, stdout=out, stderr=err)
            processor = processor_seconds(child)
            seconds = time.perf_counter() - started
            out.seek(0), err.seek(0)
            if child.returncode:
                raise SystemExit(f"{' '.join(command[:4])} failed:\n{err.read()[-3000:]}")
            return Taken(seconds, processor, self.proxy.count(), out.read().strip().splitlines()[-1])


def processor_seconds(child: "subprocess.Popen[Any]") -> float:
    """Wait for a program; the processor time that it and its children took, within half a second for each of these."""
    used: dict[int, float] = {}
    while child.poll() is None:
        with suppress(psutil.Error):
            top = psutil.Process(child.pid)
            for process in (top, *top.children(recursive=True)):
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    used[process.pid] = times.user + times.system
        time.sleep(0.3)
    return sum(used.values())


def raw_object(ticker: int, day: int) -> bytes:
    """One bar, as the ingestion writes it."""
    moment = np.datetime64(FIRST_DAY + timedelta(day), "us")
    price = 10.0 + ticker % 50 + day * 7 % 13
    row = [moment, price, price + 1, price - 1, price + 0.5, price, 1000 + day, 0.0, 0.0, "bench"]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table([[value] for value in row], schema=RAW_SCHEMA), sink)
    return bytes(sink.getvalue())


def spark_arguments(*more: str) -> str:
    fixed = ["--master", "local[2]", "--driver-memory", "1g", "--conf", "spark.ui.enabled=false"]
    fixed += ["--conf", "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1"]  # the runs are short
    return " ".join([*fixed, *more, "pyspark-shell"])


@contextmanager
def bench(latency_ms: float) -> Iterator[Bench]:
    """An empty lake at this distance."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        object_server.serving(latency_ms, counted=True) as server,
        moto_server(Path(folder)) as glue,
    ):
        server.client().create_bucket(Bucket=BUCKET)
        make_table(glue)
        own = {"AWS_ENDPOINT_URL_GLUE": glue, "JAVA_HOME": str(find_java())}
        own |= {"PYSPARK_PYTHON": sys.executable, "PYSPARK_SUBMIT_ARGS": spark_arguments()}
        assert server.proxy  # noqa: S101 - counted requests were asked for
        yield Bench(server.direct_url, server.proxy, server.environment() | own)


def line(name: str, objects: int, seconds: float, taken: Taken | None = None) -> None:
    requests = ", ".join(f"{name} {number:,}" for name, number in sorted(taken.requests.items())) if taken else ""
    processor = f"{taken.processor:.1f}" if taken else ""
    print(
        f"{name:<44} {objects:>8,} {seconds:>8.1f} {seconds / max(objects, 1) * 1000:>8.2f} {processor:>8}  {requests}",
        flush=True,
    )


def job(bench: Bench, *more: str) -> tuple[Taken, dict[str, Any]]:
    names = ["--database", DATABASE, "--table", REFINED_TABLE]
    command = [sys.executable, "glue/refine_job.py", *PLACE_ARGUMENTS, *names, *more]
    taken = bench.timed(command)
    return taken, json.loads(taken.said)


def measure_job(bench: Bench, tickers: int, days: int, *, writing: bool) -> None:
    """A full run, a run with nothing to do, and one more trade date; with `writing`, what of the first was writing."""
    full, told = job(bench)
    line("refine job, everything", told["written_objects"], full.seconds, full)
    if writing:  # it reads, computes and registers as much, and puts none of the objects again
        again, told = job(bench, "--refine_mode", "full")
        line("refine job, everything again", told["refined_partitions"], again.seconds, again)
        line("so, of the first: writing", told["refined_partitions"], full.seconds - again.seconds)
    nothing, told = job(bench)
    line("refine job, nothing to do", told["written_objects"], nothing.seconds, nothing)
    bench.fill(RAW_PREFIX, tickers, range(days, days + 1))
    more, told = job(bench)
    line("refine job, one more trade date", told["written_objects"], more.seconds, more)
    ratios = (
        sum(full.requests.values()) / sum(more.requests.values()),
        full.seconds / more.seconds,
        full.processor / more.processor,
    )
    print(
        "one more date is {:.0f} times cheaper in requests, {:.1f} in seconds, {:.1f} in processor time".format(*ratios)
    )


def measure_plain_spark(bench: Bench) -> None:
    """Plain Spark over S3A, on the sample; written to local disk."""
    jars = sorted(JARS.glob("*.jar"))
    if not jars:
        print(f"plain Spark over S3A is left out: there are no jars in {JARS}, docs/benchmarks.md says where they are.")
        return
    conf = {
        "endpoint": bench.environment["AWS_ENDPOINT_URL_S3"], "path.style.access": "true",
        "connection.ssl.enabled": "false", "access.key": object_server.ACCESS_KEY,
        "secret.key": object_server.SECRET_KEY,
    }  # fmt: skip
    more = [word for name, value in conf.items() for word in ("--conf", f"spark.hadoop.fs.s3a.{name}={value}")]
    arguments = spark_arguments("--jars", ",".join(map(str, jars)), *more)
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "bench.plain_spark", f"s3a://{BUCKET}/{SAMPLE_PREFIX}", f"{out}/refined"]
        taken = bench.timed(command, PYSPARK_SUBMIT_ARGS=arguments)
    _, rows, read, written = taken.said.split()
    line("plain Spark, read over S3A (start left out)", int(rows), float(read), taken)
    line("plain Spark, partitionBy on local disk", int(rows), float(written))


WRANGLER = """
import time, os, sys, awswrangler as wr
wr.config.s3_endpoint_url = os.environ["AWS_ENDPOINT_URL_S3"]
started = time.perf_counter()
frame = wr.s3.read_parquet("s3://{bucket}/{sample}/", dataset=True, use_threads=32)
read = time.perf_counter()
wr.s3.to_parquet(frame, "s3://{bucket}/wrangler/b3/", dataset=True, partition_cols=["dt", "ticker"], use_threads=32)
print("wrangler", len(frame), read - started, time.perf_counter() - read)
"""


def measure_awswrangler(bench: Bench) -> None:
    """awswrangler and pandas on one node, on the same sample."""
    taken = bench.timed([sys.executable, "-c", WRANGLER.format(bucket=BUCKET, sample=SAMPLE_PREFIX)])
    _, rows, read, written = taken.said.split()
    line("awswrangler, read (and what follows)", int(rows), float(read), taken)
    line("awswrangler, write a dataset", int(rows), float(written))


def measure_duckdb(tickers: int, days: int) -> None:
    """DuckDB over the same files on local disk."""
    import duckdb  # noqa: PLC0415 - a rival only

    with tempfile.TemporaryDirectory() as folder:
        for day in range(days):
            for ticker in range(tickers):
                file = Path(folder, partition_key(RAW_PREFIX, FIRST_DAY + timedelta(day), f"TICK{ticker}"))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(raw_object(ticker, day))
        started = time.perf_counter()
        select = f"SELECT count(*), avg(close) FROM read_parquet('{folder}/**/*.parquet')"  # noqa: S608
        found = duckdb.execute(select).fetchall()
        line("DuckDB, read on local disk", found[0][0], time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tickers", type=int, default=100)
    parser.add_argument("--days", type=int, default=250)
    parser.add_argument("--latency", type=float, nargs="*", default=[0, 30], help="milliseconds added to each request")
    parser.add_argument("--sample", type=int, nargs=2, default=(10, 50), help="tickers and days of the slow rivals")
    parser.add_argument("--only-job", action="store_true", help="leave the rivals out")
    options = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':44} {'objects':>8} {'seconds':>8} {'s/1,000':>8} {'cpu s':>8}")
    for latency in options.latency:
        print(f"-- {latency:.0f} ms added to each request")
        with bench(latency) as lake:
            lake.fill(RAW_PREFIX, options.tickers, range(options.days))
            measure_job(lake, options.tickers, options.days, writing=not options.only_job)
            if not options.only_job:
                lake.fill(SAMPLE_PREFIX, options.sample[0], range(options.sample[1]))
                measure_plain_spark(lake)
                measure_awswrangler(lake)
    if not options.only_job:
        measure_duckdb(options.tickers, options.days)


if __name__ == "__main__":
    main()
