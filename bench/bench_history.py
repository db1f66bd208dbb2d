"""A whole-history aggregate on the refined table and on its history: `python -m bench.bench_history`.

The same 25,000 rows, put there by the refine job, are read from the same object server: what an engine does for
`SELECT ticker, avg(close_price), sum(total_volume) … GROUP BY ticker`, namely list the objects, and get those columns
of each, 64 requests at a time. Objects, bytes and seconds are of the reading; both answers must be equal.
"""

import argparse
import asyncio
import logging
import time

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import S3Store

from b3lake.lake.keys import HISTORY_PREFIX, RAW_PREFIX, REFINED_PREFIX
from bench.bench_refine import BUCKET, Bench, bench, job

COLUMNS = ["close_price", "total_volume"]
IN_FLIGHT = 64


def aggregate(bench: Bench, prefix: str) -> dict[str, tuple[float, int]]:
    """Mean close and total volume of each ticker."""
    store = S3Store(
        BUCKET,
        endpoint=bench.environment["AWS_ENDPOINT_URL_S3"],
        region="us-east-1",
        access_key_id=bench.environment["AWS_ACCESS_KEY_ID"],
        secret_access_key=bench.environment["AWS_SECRET_ACCESS_KEY"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    paths = [item["path"] for page in obstore.list(store, prefix, chunk_size=1000) for item in page]
    read = asyncio.run(_read_all(store, paths))
    table = pa.concat_tables(read).group_by("ticker").aggregate([("close_price", "mean"), ("total_volume", "sum")])
    rows = table.to_pylist()
    print(f"{prefix:<12} {len(paths):>8,} objects", end=" ")
    return {row["ticker"]: (round(row["close_price_mean"], 9), row["total_volume_sum"]) for row in rows}


async def _read_all(store: S3Store, paths: list[str]) -> list[pa.Table]:
    gate = asyncio.Semaphore(IN_FLIGHT)
    total = 0

    async def one(path: str) -> pa.Table:
        nonlocal total
        async with gate:
            data = (await (await obstore.get_async(store, path)).bytes_async()).to_bytes()
        total += len(data)
        file = pq.ParquetFile(pa.BufferReader(data))
        if "ticker" in file.schema_arrow.names:
            return file.read(columns=["ticker", *COLUMNS])
        table = file.read(columns=COLUMNS, use_threads=False)
        ticker = path.split("ticker=")[1].split("/", maxsplit=1)[0]
        return table.add_column(0, "ticker", pa.array([ticker] * len(table), pa.string()))

    tables = await asyncio.gather(*(one(path) for path in paths))
    print(f"{total:>12,} bytes", end=" ")
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tickers", type=int, default=100)
    parser.add_argument("--days", type=int, default=250)
    parser.add_argument("--latency", type=float, default=30, help="milliseconds added to each request")
    options = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with bench(options.latency) as lake:
        lake.fill(RAW_PREFIX, options.tickers, range(options.days))
        job(lake)
        answers, seconds, requests = [], [], []
        for prefix in (REFINED_PREFIX, HISTORY_PREFIX):
            lake.proxy.requests.clear()
            started = time.perf_counter()
            answers.append(aggregate(lake, prefix))
            seconds.append(time.perf_counter() - started)
            requests.append(len(lake.proxy.requests))
            print(f"{requests[-1]:>8,} requests {seconds[-1]:>8.2f} s", flush=True)
        if answers[0] != answers[1]:
            raise SystemExit("the history gives another answer")
        fewer, faster = requests[0] / requests[1], seconds[0] / seconds[1]
        print(f"history: {fewer:,.0f} times fewer requests, {faster:,.0f} times faster")


if __name__ == "__main__":
    main()
