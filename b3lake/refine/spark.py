"""Arrow tables through Spark: parts of a plan out to the tasks, their answers back."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from b3lake.lake.errors import B3LakeError
from b3lake.lake.schemas import glue_types
from b3lake.refine.errors import RefineError, last_words

OBJECTS_PER_TASK = 1_000
WORTH_A_TASK = 500
"""A task's own processes take about as long to start as this many objects take."""

PART = pa.schema([("part", pa.binary())])
"""A table on its way through Spark: packed, as one value, for a row per row would be slow."""
ANSWER = pa.schema([("answer", pa.binary()), ("failure", pa.string())])
"""A task's answer: a packed table, or why it could not: raised there, it would come back within Java's trace."""

Task = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]
"""A function for Spark's `mapInArrow`."""


def spark_session() -> SparkSession:
    """Spark as it is on Glue, or as the environment says on a laptop: its master is never set here.

    Raises RefineError when it does not start.
    """
    try:
        spark = SparkSession.builder.appName("b3-refine").getOrCreate()
    except Exception as error:  # pyspark raises many unrelated classes here
        raise RefineError(
            f"Spark does not start ({last_words(error).rstrip('.')}): install Java 17, and set JAVA_HOME to it."
        ) from error
    if (spark.sparkContext.master or "").startswith("local") and "PYSPARK_PYTHON" not in os.environ:
        spark.sparkContext.pythonExec = sys.executable  # else `python3`, which may be another, without the libraries
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # it joins small shuffles into one slow task
    spark.conf.set("spark.sql.codegen.wholeStage", "false")  # compiling costs seconds, and these rows are few
    return spark


def pack(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpack(blob: bytes) -> pa.Table:
    return pa.ipc.open_stream(blob).read_all()


def unpacked(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The tables in a task's rows of PART."""
    for batch in batches:
        yield from map(unpack, batch.column(0).to_pylist())


def spark_columns(schema: pa.Schema) -> str:
    """A schema as Spark writes it, whose names of types are Glue's."""
    return ", ".join(f"{name} {kind}" for name, kind in glue_types(schema).items())


def parts_of(spark: SparkSession, partitions: pa.Table) -> DataFrame:
    """A part of the partitions for each task (PART)."""
    number = tasks(len(partitions), spark.sparkContext.defaultParallelism)
    size = -(-len(partitions) // number)
    blobs = [(pack(partitions.slice(start, size)),) for start in range(0, len(partitions), size)]
    return spark.createDataFrame(spark.sparkContext.parallelize(blobs, len(blobs)), spark_columns(PART))


def tasks(objects: int, slots: int) -> int:
    """Enough tasks for all slots, few enough that each is worth its start, and none too large for its memory."""
    return max(-(-objects // OBJECTS_PER_TASK), min(slots, objects // WORTH_A_TASK), 1)


def spread(rows: DataFrame, number: int, *columns: str) -> DataFrame:
    """The rows over so many tasks, those of one value of `columns` together; one task needs no shuffle."""
    return rows.repartition(number, *columns) if number > 1 else rows.coalesce(1)


def answering(work: Callable[[pa.Table], pa.Table]) -> Task:
    """A task that answers a table with a table (ANSWER)."""

    def answer(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                told: tuple[bytes | None, str | None]
                try:
                    told = pack(work(pa.Table.from_batches([batch]))), None
                except B3LakeError as error:
                    told = None, str(error)
                yield pa.RecordBatch.from_arrays(
                    [pa.array([v], f.type) for v, f in zip(told, ANSWER, strict=True)], schema=ANSWER
                )

    return answer


def collect(rows: DataFrame, work: Callable[[pa.Table], pa.Table], schema: pa.Schema) -> pa.Table:
    """Let `work` make tables of this schema of the rows, in executors; all of them as one. Raises RefineError for one
    that it could not make."""
    try:
        answers = rows.mapInArrow(answering(work), spark_columns(ANSWER)).collect()
    except Exception as error:  # Spark's own, and those of Python's processes, in many wrappings
        raise RefineError(f"Spark gave up ({last_words(error)}): its own words are above; run again.") from error
    failures = [answer["failure"] for answer in answers if answer["failure"] is not None]
    if failures:
        raise RefineError(failures[0])
    return pa.concat_tables([schema.empty_table(), *(unpack(bytes(answer["answer"])) for answer in answers)])
