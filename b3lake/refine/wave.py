"""One wave of a plan: read, transform, publish."""

from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from b3lake.refine.config import Job
from b3lake.refine.publish import publish, report_schema
from b3lake.refine.read import BAR_ROWS, read_task
from b3lake.refine.spark import collect, parts_of, spark_columns, spread, tasks
from b3lake.refine.transform import transform


def refine(spark: SparkSession, job: Job, reads: pa.Table) -> pa.Table:
    """Read, transform and publish one wave (READS); what became of every target and unreadable object (report_schema).

    Raises RefineError.
    """
    slots = spark.sparkContext.defaultParallelism
    bars = parts_of(spark, reads).mapInArrow(read_task(job), spark_columns(BAR_ROWS))
    days = transform(spread(bars, tasks(len(reads), slots), "ticker"), job.rule)
    targets = int(pc.sum(reads["target"].cast(pa.int64())).as_py())
    told = days.where("target or error is not null or failure is not null")
    return collect(spread(told, tasks(targets, slots), "ticker", "day"), partial(publish, job), report_schema(job.rule))
