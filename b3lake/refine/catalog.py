"""The Glue catalog: the job's two tables and their partitions."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timezone
from typing import Any

import awswrangler as wr
import boto3
import pyarrow as pa
from awswrangler.exceptions import ServiceApiError
from botocore.exceptions import BotoCoreError, ClientError

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.schemas import YEAR_PARTITION_TYPES, glue_types
from b3lake.refine.config import Connection, Job, Place
from b3lake.refine.errors import RefineError

PARTITIONS_PER_CALL = 100
CATALOG_THREADS = 8
TABLE_INPUT = (
    "Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters",
)  # fmt: skip
"""The parts of a table's definition that are given back when it is changed."""

Partitions = dict[str, list[str]]
"""Location to values."""


@contextmanager
def calling_glue(job: Job, table: str) -> Iterator[None]:
    """Turns a refusal in a `with` block into an AwsError."""
    try:
        yield
    except (ClientError, BotoCoreError, ServiceApiError) as error:
        raise as_aws_error(error, f"Glue table {job.database}.{table}") from error


def connect(connection: Connection) -> None:
    """Let boto3 and awswrangler ask where this run's catalog answers."""
    boto3.setup_default_session(region_name=connection.region)
    wr.config.glue_endpoint_url = connection.glue_endpoint


def ensure_history_table(job: Job, history: Place) -> None:
    """Create the history's table if there is none. Raises AwsError."""
    with calling_glue(job, job.history_table):
        if not wr.catalog.does_table_exist(job.database, job.history_table):
            wr.catalog.create_parquet_table(
                database=job.database,
                table=job.history_table,
                path=f"{history.uri}/",
                columns_types=glue_types(job.rule.history),
                partitions_types=YEAR_PARTITION_TYPES,
                description="The refined rows in one object per year, for scans of the whole history.",
            )


def ensure_columns(job: Job, table: str, schema: pa.Schema, place: Place) -> str:
    """Give a table these columns; a word that tells it, as it is then, from any other: one of its name that was created
    later, or had other columns. Raises AwsError, also when there is no such table, and RefineError when its objects are
    not at `place`."""
    glue = _client(job)
    with calling_glue(job, table):
        definition = glue.get_table(DatabaseName=job.database, Name=table)["Table"]
        storage = definition.get("StorageDescriptor", {})
        _check_location(f"{job.database}.{table}", storage.get("Location", ""), place)
        told = {column["Name"]: column for column in storage.get("Columns", [])}
        if [(name, column["Type"]) for name, column in told.items()] != list(glue_types(schema).items()):
            columns = [told.get(name, {}) | {"Name": name, "Type": kind} for name, kind in glue_types(schema).items()]
            definition["StorageDescriptor"] = storage | {"Columns": columns}
            changed = {name: definition[name] for name in TABLE_INPUT if name in definition}
            glue.update_table(DatabaseName=job.database, TableInput=changed)
    created = definition.get("CreateTime")  # boto3 gives it in the machine's time zone, which may be another next time
    instant = created.astimezone(timezone.utc).isoformat() if created else None
    return f"created {instant}, {' '.join(':'.join(c) for c in glue_types(schema).items())}"


def _check_location(table: str, location: str, place: Place) -> None:
    if location and Place.parse(location) != place:
        raise RefineError(
            f"The table {table} is at {location}, and this run writes to {place.uri}: give the table's address, or "
            "another table."
        )


def register(job: Job, table: str, schema: pa.Schema, partitions: Partitions) -> None:
    """Add partitions to a table; those that are there stay as they are. Raises AwsError."""
    columns = glue_types(schema)

    def add(some: Partitions, session: boto3.Session) -> None:
        wr.catalog.add_parquet_partitions(job.database, table, some, columns_types=columns, boto3_session=session)

    _in_calls(job, table, partitions, add)


def update_columns(job: Job, table: str, schema: pa.Schema, partitions: Partitions) -> None:
    """Give a table's partitions, which are there, these columns. Raises AwsError.

    Each partition has columns of its own; Athena refuses one whose column has another type than the table's.
    """
    with calling_glue(job, table):
        storage = _client(job).get_table(DatabaseName=job.database, Name=table)["Table"].get("StorageDescriptor", {})
    storage |= {"Columns": [{"Name": name, "Type": kind} for name, kind in glue_types(schema).items()]}

    def update(some: Partitions, session: boto3.Session) -> None:
        own = {location: storage | {"Location": location} for location in some}
        entries = [
            {"PartitionValueList": values, "PartitionInput": {"Values": values, "StorageDescriptor": own[location]}}
            for location, values in some.items()
        ]
        glue = _client(job, session)
        answer = glue.batch_update_partition(DatabaseName=job.database, TableName=table, Entries=entries)
        for error in answer.get("Errors", []):
            detail = error["ErrorDetail"]
            if detail["ErrorCode"] != "EntityNotFoundException":  # another run took it away meanwhile
                raise RefineError(
                    f"The partition {error['PartitionValueList']} of {job.database}.{table} does not take its columns "
                    f"({detail['ErrorCode']}, {detail['ErrorMessage']}): run again."
                )

    _in_calls(job, table, partitions, update)


def registered(job: Job, table: str) -> Partitions:
    """All partitions of a table. Raises AwsError."""
    with calling_glue(job, table):
        found: Partitions = wr.catalog.get_partitions(job.database, table)
    return found


def unregister(job: Job, table: str, values: list[list[str]]) -> None:
    """Take partitions out of a table; those that are not there stay away. Raises AwsError."""
    with calling_glue(job, table):
        wr.catalog.delete_partitions(table, job.database, values)


def _client(job: Job, session: boto3.Session | None = None) -> Any:
    make = session.client if session else boto3.client
    return make("glue", region_name=job.connection.region, endpoint_url=job.connection.glue_endpoint)


def _in_calls(job: Job, table: str, partitions: Partitions, call: Callable[[Partitions, boto3.Session], None]) -> None:
    """Call with so many partitions as one request takes, from several threads."""
    locations = list(partitions)
    starts = range(0, len(locations), PARTITIONS_PER_CALL)
    parts = [{key: partitions[key] for key in locations[start : start + PARTITIONS_PER_CALL]} for start in starts]
    own = threading.local()

    def one(part: Partitions) -> None:
        if not hasattr(own, "session"):  # boto3's sessions are not for sharing among threads
            own.session = boto3.session.Session(region_name=job.connection.region)
        with calling_glue(job, table):
            call(part, own.session)

    with ThreadPoolExecutor(min(CATALOG_THREADS, max(len(parts), 1))) as threads:
        for _ in threads.map(one, parts):
            pass
