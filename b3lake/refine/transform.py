"""The business rule, in Spark: one row per ticker and trade date from its bars, compared with the dates before it."""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812

from b3lake.refine.fingerprint import MOVING_AVERAGE_DATES


def daily(bars: DataFrame) -> DataFrame:
    """One row per ticker and day from its bars. Nulls are passed over: the first bar that has an open, and so on."""

    def known(column: str, pick: Callable[..., Column]) -> Column:
        # `first` and `last` after a shuffle follow its order; the file's own order parts bars of one moment.
        return pick(column, F.when(F.col(column).isNotNull(), F.struct("ts", "position")))

    return bars.groupBy("ticker", "day").agg(
        *(F.max(c).alias(c) for c in ("target", "registered", "published", "raw_tag", "error", "gone")),
        known("open", F.min_by).alias("open_price"),
        F.max("high").alias("high_price"),
        F.min("low").alias("low_price"),
        known("close", F.max_by).alias("close_price"),
        known("adj_close", F.max_by).alias("adj_close_price"),
        F.sum("volume").alias("total_volume"),
        F.count("ts").cast("int").alias("bar_count"),
    )


def with_moving_columns(days: DataFrame) -> DataFrame:
    """Adds `close_ma_5` and `close_delta`, the tags of the window, and whether a raw object in it is gone.

    The close of an unreadable object is not known, so what it takes part in is null.
    """
    by_date = Window.partitionBy("ticker").orderBy("day")
    lags = range(1, MOVING_AVERAGE_DATES)
    total = F.col("close_price")
    unsettled = F.col("gone")
    for steps in lags:  # a fixed order of addition: the same sum whatever else is in the run
        total = total + F.lag("close_price", steps).over(by_date)
        unsettled = unsettled | F.coalesce(F.lag("gone", steps).over(by_date), F.lit(False))
    return days.select(
        *days.columns,
        (total / MOVING_AVERAGE_DATES).alias("close_ma_5"),
        (F.col("close_price") - F.lag("close_price").over(by_date)).alias("close_delta"),
        *(F.coalesce(F.lag("raw_tag", steps).over(by_date), F.lit(0)).alias(f"raw_tag_{steps}") for steps in lags),
        unsettled.alias("unsettled"),
    )
