"""The refine job as a competent user would write it in plain Spark: the benchmark's yardstick.

`python -m bench.plain_spark RAW OUT`: read the whole table, aggregate, add the window columns, and write
with `partitionBy`. It prints the seconds of the read (to a count of rows in memory) and of the write.
"""

import sys
import time

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812


def main(raw: str, out: str) -> None:
    """Refine everything under `raw` into `out`."""
    spark = (
        SparkSession.builder.appName("plain")
        .config("spark.sql.sources.partitionOverwriteMode", "dynamic")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    started = time.perf_counter()
    bars = spark.read.parquet(raw).cache()
    files = bars.count()
    read = time.perf_counter()
    by_date = Window.partitionBy("ticker").orderBy("dt")
    days = bars.groupBy("dt", "ticker").agg(
        F.min_by("open", "ts").alias("open_price"),
        F.max("high").alias("high_price"),
        F.min("low").alias("low_price"),
        F.max_by("close", "ts").alias("close_price"),
        F.sum("volume").alias("total_volume"),
        F.count("*").cast("int").alias("bar_count"),
        F.sum("turnover").alias("turnover"),
        F.sum("trades").cast("int").alias("trades"),
        F.min_by("dividends", "ts").alias("dividends"),
        F.min_by("stock_splits", "ts").alias("stock_splits"),
    )
    refined = (
        days.withColumn("trade_date", F.col("dt"))
        .withColumn("close_ma_5", F.avg("close_price").over(by_date.rowsBetween(-4, 0)))
        .withColumn("close_delta", F.col("close_price") - F.lag("close_price").over(by_date))
    )
    refined.repartition("dt", "ticker").write.mode("overwrite").partitionBy("dt", "ticker").parquet(out)
    print(f"plain {files} {read - started:.2f} {time.perf_counter() - read:.2f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
