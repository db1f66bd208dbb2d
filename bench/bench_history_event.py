"""How long the history takes after a plain day and after an event: `python -m bench.bench_history_event`.

1,125,000 rows, of 450 tickers and 2,500 dates in about ten years, on an S3 and Glue server of this machine. Three
updates of the history, each as a run of the job makes it once refined is up to date: all of it from the run's own rows,
a new trade date, and a dividend of one ticker on the newest date. Refined objects are not read, and not even there.
Seconds, years written and the process's peak memory.
"""

import argparse
import os
import resource
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import NoReturn

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b3lake.lake.keys import HISTORY_PREFIX
from b3lake.lake.names import REFINED_TABLE
from b3lake.lake.schemas import REFINED_SCHEMA
from b3lake.refine.arguments import parse_arguments
from b3lake.refine.catalog import connect, ensure_history_table
from b3lake.refine.config import Place
from b3lake.refine.history import History, HistoryYear, Refined
from b3lake.refine.partitions import LISTING, day_number
from bench.bench_refine import BUCKET, DATABASE, PLACE_ARGUMENTS
from devlake.aws_environment import PROCESS_KEY, REGION, aws_environment
from devlake.moto_server import moto_server

FIRST = date(2016, 1, 4)


def refined_rows(rows_of: pa.Schema, tickers: int, dates: list[date], tag: int) -> pa.Table:
    """Plausible refined rows (Rule.rows) of so many tickers on these dates, each a 1,000th of them with a dividend."""
    chance = np.random.default_rng(tag)
    count = tickers * len(dates)
    close = np.round(chance.uniform(5, 90, count), 2)
    days = np.tile([day_number(day) for day in dates], tickers)
    columns = {field.name: pa.array(close) for field in REFINED_SCHEMA if field.type == pa.float64()} | {
        "ticker": pa.array(np.repeat([f"TICK{number}" for number in range(tickers)], len(dates))),
        "day": pa.array(days, pa.int32()),
        "tag": pa.array(np.full(count, tag)),
        "trade_date": pa.array(days, pa.int32()).cast(pa.date32()),
        "total_volume": pa.array(chance.integers(1, 10**8, count)),
        "bar_count": pa.array(np.ones(count, np.int32)),
        "trades": pa.array(chance.integers(1, 10**5, count).astype(np.int32)),
        "dividends": pa.array(np.where(chance.random(count) < 0.001, 0.2, 0.0)),
        "stock_splits": pa.array(np.zeros(count)),
    }
    return pa.table([columns[name] for name in rows_of.names], schema=rows_of)


def listing(rows: pa.Table) -> pa.Table:
    """The listing (LISTING) of the refined objects that these rows would be."""
    return pa.table(
        [*(rows[name] for name in ("ticker", "day", "tag")), pa.nulls(len(rows), pa.string())], LISTING.names
    )


def replaced(rows: pa.Table, others: pa.Table, newest: int) -> pa.Table:
    """`rows` with `others` in place of those of the same tickers on the day `newest`."""
    same = pc.and_(pc.equal(rows["day"], newest), pc.is_in(rows["ticker"], others["ticker"].combine_chunks()))
    return pa.concat_tables([rows.filter(pc.invert(same)), others])


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--tickers", type=int, default=450)
    parser.add_argument("--dates", type=int, default=2_500)
    options = parser.parse_args()
    weekdays = [day for n in range(options.dates * 2) if (day := FIRST + timedelta(days=n)).weekday() < 5]
    dates, one_more = weekdays[: options.dates], weekdays[options.dates : options.dates + 1]
    os.environ |= aws_environment(secret_key=PROCESS_KEY)
    with tempfile.TemporaryDirectory() as folder, moto_server(Path(folder)) as server:
        arguments = [*PLACE_ARGUMENTS, "--database", DATABASE, "--table", REFINED_TABLE]
        job = parse_arguments(arguments, {"AWS_ENDPOINT_URL": server, "AWS_DEFAULT_REGION": REGION})
        connect(job.connection)
        boto3.client("s3", endpoint_url=server).create_bucket(Bucket=BUCKET)
        boto3.client("glue", endpoint_url=server).create_database(DatabaseInput={"Name": DATABASE})
        place = Place.parse(f"s3://{BUCKET}/{HISTORY_PREFIX}")
        ensure_history_table(job, place)
        rows = refined_rows(job.rule.rows, options.tickers, dates, 1)
        day = refined_rows(job.rule.rows, options.tickers, one_more, 2)
        event = refined_rows(job.rule.rows, 1, one_more, 3)
        event = event.set_column(event.column_names.index("dividends"), "dividends", pa.array([0.5]))
        nothing, noted = job.rule.rows.empty_table(), dict[int, HistoryYear]()
        both, newest = pa.concat_tables([rows, day]), int(day["day"][0].as_py())
        steps = {
            "all anew": (nothing, rows, rows),
            "a plain day": (rows, both, day),
            "an event": (both, replaced(both, event, newest), event),
        }
        for name, (before, now, held) in steps.items():
            started = time.perf_counter()
            history = History(job, place, no_spark)
            noted = history.update(Refined(listing(now), listing(before), held), noted, again=False)
            seconds = time.perf_counter() - started
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            told = f"{len(now):>9,} rows {history.rewritten:>3} years written {seconds:>7.1f} s  peak {peak:.2f} GiB"
            print(f"{name:<12} {told}", flush=True)


def no_spark() -> NoReturn:
    raise AssertionError("the history is made without reading refined objects")


if __name__ == "__main__":
    main()
