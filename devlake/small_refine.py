"""Runs what the refine job has Spark do, on a few made-up bars: no S3, no catalog, no network.

`python -m devlake.small_refine FOLDER` works in FOLDER. class_archive.py lists the classes that it loads.
"""

import os
import sys
from collections.abc import Iterable

import pyarrow as pa
from pyspark.sql import SparkSession

from b3lake.refine.bars import BARS
from b3lake.refine.plan import READS
from b3lake.refine.read import BAR_ROWS, Found, bar_rows
from b3lake.refine.rule import CURRENT_RULE
from b3lake.refine.spark import collect, parts_of, spark_columns, spark_session, spread, unpacked
from b3lake.refine.transform import transform

TICKERS, DAYS = 2, 8
TOLD = pa.schema([READS.field("ticker"), READS.field("day")])


def small_refine(spark: SparkSession) -> pa.Table:
    """The ticker and day (TOLD) of every row that came through all that wave.py has Spark do."""
    bars = parts_of(spark, reads()).mapInArrow(made_up_bars, spark_columns(BAR_ROWS))
    days = transform(spread(bars, 2, "ticker"), CURRENT_RULE)  # by a shuffle here, and without one below
    told = days.where("target or error is not null or failure is not null")
    return collect(spread(told, 1, "ticker", "day"), tell, TOLD)


def reads() -> pa.Table:
    """Reads as the job would plan them: a few days of a few tickers (READS)."""
    rows = [(f"TICK{ticker}", day) for ticker in range(TICKERS) for day in range(DAYS)]
    return pa.Table.from_pylist([{"ticker": name, "day": day, "target": True} for name, day in rows], READS)


def made_up_bars(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    """In place of the task that reads raw objects: a bar of ones for each (BAR_ROWS)."""
    bar = pa.table([pa.array([1]).cast(field.type) for field in BARS], BARS)
    for some in unpacked(batches):
        yield from bar_rows(some, [Found(1, bar)] * len(some)).to_batches()


def tell(rows: pa.Table) -> pa.Table:
    """In place of the task that publishes."""
    return rows.select(TOLD.names)


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    with spark_session() as session:
        print(f"{len(small_refine(session))} rows")
