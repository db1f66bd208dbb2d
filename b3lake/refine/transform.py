"""The business rule, in Spark: one row per ticker and trade date from its bars, compared with the dates before it.

A refined column is one expression here and one field of REFINED_SCHEMA. A bronze column that is not read yet is added
to BARS too.
"""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812

from b3lake.lake.schemas import glue_types
from b3lake.refine.rule import Rule

_INT = (-(2**31), 2**31 - 1)


def columns_of_the_day() -> dict[str, Column]:
    """The refined columns that a day's own bars give. Nulls are passed over: the first bar that has an open, etc."""
    return {
        "open_price": _known("open", F.min_by),
        "high_price": F.max("high"),
        "low_price": F.min("low"),
        "close_price": _known("close", F.max_by),
        "total_volume": F.expr("try_sum(volume)"),  # null where the sum has no room
        "bar_count": F.count("ts"),
        "turnover": F.sum("turnover"),
        "trades": F.sum("trades"),
        "dividends": _of_first_bar("dividends"),
        "stock_splits": _of_first_bar("stock_splits"),
    }


def _known(column: str, pick: Callable[..., Column]) -> Column:
    # `first` and `last` after a shuffle follow its order; the file's own order parts bars of one moment.
    return pick(column, F.when(F.col(column).isNotNull(), F.struct("ts", "position")))


def _of_first_bar(column: str) -> Column:
    # An event is of the day's first bar. A sum would hide that it is not known.
    return F.min_by(column, F.struct("ts", "position"))


def columns_of_the_dates_before(dates: int) -> dict[str, Column]:
    """The refined columns that compare a trade date with those before it, from the columns of the day.

    Closes before are in this day's shares: divided by the split ratios between. The close of an unreadable object is
    not known, so what it takes part in is null.
    """
    ratio = F.when(F.col("stock_splits") > 0, F.col("stock_splits")).otherwise(1.0)
    total, ratios = F.col("close_price"), ratio
    for steps in range(1, dates):  # a fixed order of addition: the same sum whatever else is in the run
        total = total + _before("close_price", steps) / ratios
        ratios = ratios * _before(ratio, steps)
    return {
        f"close_ma_{dates}": total / dates,
        "close_delta": F.col("close_price") - _before("close_price", 1) / ratio,
    }


def _before(column: str | Column, steps: int) -> Column:
    """The value so many trade dates before, as far as the ticker has them."""
    return F.lag(column, steps).over(Window.partitionBy("ticker").orderBy("day"))


def transform(bars: DataFrame, rule: Rule) -> DataFrame:
    """The refined columns of each ticker and day, from bars (BAR_ROWS), and beside them what publishing needs to know:
    the tags of the raw objects that they are of (`raw_tags`), and whether one of these is gone (`unsettled`)."""
    carried = ("target", "registered", "published", "raw_tag", "error", "failure", "gone")
    days = bars.groupBy("ticker", "day").agg(
        *(F.max(name).alias(name) for name in carried),
        *(column.alias(name) for name, column in columns_of_the_day().items()),
    )
    earlier = range(1, rule.dates)
    tags = [F.col("raw_tag"), *(F.coalesce(_before("raw_tag", steps), F.lit(0)) for steps in earlier)]
    unsettled = F.col("gone")
    for steps in earlier:
        unsettled = unsettled | F.coalesce(_before("gone", steps), F.lit(False))
    refined = {name: F.col(name) for name in days.columns} | columns_of_the_dates_before(rule.dates)
    refined["trade_date"] = F.expr("date_from_unix_date(day)")
    return days.select(
        *("ticker", "day", *carried),
        F.array(*tags).alias("raw_tags"),
        unsettled.alias("unsettled"),
        *(_that_fits(refined[name], kind).alias(name) for name, kind in glue_types(rule.schema).items()),
    )


def _that_fits(column: Column, kind: str) -> Column:
    """`column` as `kind`; null, not another number, where that has no room for it."""
    if kind == "int":
        column = F.when(column.between(*_INT), column)
    if kind == "double":
        column = F.when(F.abs(column) < float("inf"), column)
    return column.cast(kind)
