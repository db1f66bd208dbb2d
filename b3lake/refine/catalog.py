"""The Glue catalog: the job's two tables and their partitions."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import awswrangler as wr
import boto3
import pyarrow as pa
from awswrangler.exceptions import ServiceApiError
from botocore.exceptions import BotoCoreError, ClientError

from b3lake.lake.schemas import COMPACT_SCHEMA, YEAR_PARTITION_TYPES, glue_types
from b3lake.refine.config import Connection, Job, Place
from b3lake.refine.errors import RefineError
from b3lake.refine.objects import cause_of

PARTITIONS_PER_CALL = 100
CATALOG_THREADS = 8


@contextmanager
def calling_glue(what: str) -> Iterator[None]:
    """Turns a refusal in a `with` block into a RefineError that says what could not be done, and why."""
    try:
        yield
    except (ClientError, BotoCoreError, ServiceApiError) as error:
        raise RefineError(f"{what}: {cause_of(error)}.") from error


def connect(connection: Connection) -> None:
    """Let boto3 and awswrangler ask where this run's catalog answers."""
    boto3.setup_default_session(region_name=connection.region)
    wr.config.glue_endpoint_url = connection.glue_endpoint


def created_at(job: Job, table: str) -> str:
    """When a table was created, which tells it from a later one of its name. Raises RefineError if there is none."""
    glue = boto3.client("glue", region_name=job.connection.region, endpoint_url=job.connection.glue_endpoint)
    with calling_glue(f"The table {job.database}.{table} cannot be used"):
        return str(glue.get_table(DatabaseName=job.database, Name=table)["Table"].get("CreateTime"))


def ensure_compact_table(job: Job, compact: Place) -> str:
    """As `created_at`, for the compact table, which is created if there is none."""
    try:
        return created_at(job, job.compact_table)
    except RefineError as error:
        if "EntityNotFound" not in str(error.__cause__):
            raise
    with calling_glue(f"The table {job.database}.{job.compact_table} cannot be created"):
        wr.catalog.create_parquet_table(
            database=job.database,
            table=job.compact_table,
            path=f"{compact.uri}/",
            columns_types=glue_types(COMPACT_SCHEMA),
            partitions_types=YEAR_PARTITION_TYPES,
            description="The refined rows in one object per year, for scans of the whole history.",
        )
    return created_at(job, job.compact_table)


def register(job: Job, table: str, schema: pa.Schema, partitions: dict[str, list[str]]) -> None:
    """Add partitions (location to values) to a table; those that are there stay as they are."""
    locations = list(partitions)
    calls = [
        {location: partitions[location] for location in locations[start : start + PARTITIONS_PER_CALL]}
        for start in range(0, len(locations), PARTITIONS_PER_CALL)
    ]
    own = threading.local()

    def call(values: dict[str, list[str]]) -> None:
        if not hasattr(own, "session"):  # boto3's sessions are not for sharing among threads
            own.session = boto3.session.Session(region_name=job.connection.region)
        with calling_glue(f"The partitions of {job.database}.{table} cannot be registered"):
            wr.catalog.add_parquet_partitions(
                job.database, table, values, columns_types=glue_types(schema), boto3_session=own.session
            )

    with ThreadPoolExecutor(min(CATALOG_THREADS, max(len(calls), 1))) as threads:
        for _ in threads.map(call, calls):
            pass


def unregister(job: Job, table: str, values: list[list[str]]) -> None:
    """Take partitions out of a table; those that are not there stay away."""
    with calling_glue(f"The partitions of {job.database}.{table} cannot be unregistered"):
        wr.catalog.delete_partitions(table, job.database, values)
