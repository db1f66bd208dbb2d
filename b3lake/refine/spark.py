"""Arrow tables through Spark: parts of a plan out to the tasks, packed tables back."""

import re
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from b3lake.refine.errors import RefineError, first_line

OBJECTS_PER_TASK = 1_000
WORTH_A_TASK = 500
"""A task's own processes take about as long to start as this many objects take."""

Task = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]
"""What Spark's `mapInArrow` takes."""


def spark_session() -> SparkSession:
    """Spark as it is on Glue, or as the environment says on a laptop: its master is never set here."""
    spark = SparkSession.builder.appName("b3-refine").getOrCreate()
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # it joins small shuffles into one slow task
    spark.conf.set("spark.sql.codegen.wholeStage", "false")  # compiling costs seconds, and these rows are few
    return spark


def pack(table: pa.Table) -> bytes:
    """A table as an Arrow stream: tables go through Spark as one binary value, not as a row per row."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpack(blob: bytes) -> pa.Table:
    return pa.ipc.open_stream(blob).read_all()


def unpacked(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The tables that came to a task packed."""
    for batch in batches:
        yield from map(unpack, batch.column(0).to_pylist())


def packed(table: pa.Table) -> pa.RecordBatch:
    """A table as the one row that a task answers with."""
    return pa.RecordBatch.from_arrays([pa.array([pack(table)], pa.binary())], ["packed"])


def parts_of(spark: SparkSession, partitions: pa.Table) -> DataFrame:
    """A packed part of the partitions for each task."""
    number = tasks(len(partitions), spark.sparkContext.defaultParallelism)
    size = -(-len(partitions) // number)
    blobs = [(pack(partitions.slice(start, size)),) for start in range(0, len(partitions), size)]
    return spark.createDataFrame(spark.sparkContext.parallelize(blobs, len(blobs)), "packed binary")


def tasks(objects: int, slots: int) -> int:
    """Enough tasks for all slots, few enough that each is worth its start, and none too large for its memory."""
    return max(-(-objects // OBJECTS_PER_TASK), min(slots, objects // WORTH_A_TASK), 1)


def spread(rows: DataFrame, number: int, *columns: str) -> DataFrame:
    """The rows over so many tasks, those of one value of `columns` together; one task needs no shuffle."""
    return rows.repartition(number, *columns) if number > 1 else rows.coalesce(1)


def collect(rows: DataFrame, task: Task, schema: pa.Schema) -> pa.Table:
    """The tables (of this schema) that `task` makes of the rows. Raises the RefineError that one of them raised."""
    try:
        answers = rows.mapInArrow(task, "packed binary").collect()
    except Exception as error:
        said = re.search(r"RefineError: (.+)", str(error))
        raise RefineError(said[1].strip() if said else f"Spark gave up: {first_line(error)}") from error
    return pa.concat_tables([schema.empty_table(), *(unpack(bytes(row[0])) for row in answers)])
