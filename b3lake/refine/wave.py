"""One wave of a plan: read, transform, publish."""

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from b3lake.refine.config import Job
from b3lake.refine.publish import REPORT, publish_task
from b3lake.refine.read import BARS_ROW, read_task
from b3lake.refine.spark import collect, parts_of, spread, tasks
from b3lake.refine.transform import daily, with_moving_columns


def refine(spark: SparkSession, job: Job, reads: pa.Table) -> pa.Table:
    """Read, transform and publish one wave (READS); what became of every target and unreadable object (REPORT)."""
    slots = spark.sparkContext.defaultParallelism
    bars = parts_of(spark, reads).mapInArrow(read_task(job), BARS_ROW)
    days = with_moving_columns(daily(spread(bars, tasks(len(reads), slots), "ticker")))
    targets = int(pc.sum(reads["target"].cast(pa.int64())).as_py())
    wanted = spread(days.where("target or error is not null"), tasks(targets, slots), "ticker", "day")
    return collect(wanted, publish_task(job), REPORT)
