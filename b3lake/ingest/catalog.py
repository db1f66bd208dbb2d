"""The bronze table in the Glue catalog, and tables of one object, through awswrangler."""

import datetime as dt
from collections.abc import Iterable

import awswrangler as wr
import boto3
import pyarrow as pa

from b3lake.ingest.small_tables import SmallTable
from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.errors import B3LakeError
from b3lake.lake.keys import RAW_PREFIX, partition_folder
from b3lake.lake.names import RAW_TABLE
from b3lake.lake.schemas import PARTITION_TYPES, RAW_SCHEMA, glue_types

Partition = tuple[dt.date, str]

_COLUMN_TYPES = glue_types(RAW_SCHEMA)


class Catalog:
    """The partitions of the bronze table of one database, whose objects are in `bucket`."""

    def __init__(self, database: str, bucket: str, session: boto3.Session) -> None:
        self._database, self._bucket, self._session = database, bucket, session

    def ensure_table(self, *, create: bool = True) -> bool:
        """Create the table where it is missing (with `create`); returns whether it was there.

        Raises AwsError, also when the database does not exist.
        """
        about = "Quotes of B3 tickers as they came, one object per date and ticker."
        return self._ensure(RAW_TABLE, RAW_PREFIX, RAW_SCHEMA, about, PARTITION_TYPES, create=create)

    def ensure_small_table(self, table: SmallTable) -> None:
        """As `ensure_table`, for a table of one object."""
        self._ensure(table.name, table.prefix, table.schema, table.about, {}, create=True)

    def _ensure(
        self, name: str, prefix: str, schema: pa.Schema, about: str, partitions: dict[str, str], *, create: bool
    ) -> bool:
        glue = self._session.client("glue")
        try:
            try:
                found = glue.get_table(DatabaseName=self._database, Name=name)["Table"]
            except glue.exceptions.EntityNotFoundException:
                glue.get_database(Name=self._database)
            else:
                self._check_location(name, found["StorageDescriptor"]["Location"], f"s3://{self._bucket}/{prefix}")
                return True
            if create:
                wr.catalog.create_parquet_table(
                    database=self._database,
                    table=name,
                    path=f"s3://{self._bucket}/{prefix}/",
                    columns_types=glue_types(schema),
                    partitions_types=partitions,
                    description=about,
                    boto3_session=self._session,
                )
        except B3LakeError:
            raise
        except Exception as error:  # botocore and awswrangler raise many unrelated classes
            raise as_aws_error(error, f"Glue database {self._database}", "GLUE_DATABASE") from error
        return False

    def _check_location(self, table: str, at: str, place: str) -> None:
        """Raise B3LakeError when the objects of `table` are elsewhere: half of them would be in no table."""
        if at.rstrip("/") != place:
            raise B3LakeError(
                f"The table {self._database}.{table} is at {at}, and this run writes to {place}: set RAW_BUCKET and "
                "GLUE_DATABASE to those of one lake."
            )

    def registered(self, start: dt.date, end: dt.date) -> set[Partition]:
        """The partitions of the days `start` to `end` that the catalog has. Raises AwsError."""
        try:
            found = wr.catalog.get_partitions(
                database=self._database,
                table=RAW_TABLE,
                expression=f"dt >= '{start}' AND dt <= '{end}'",
                boto3_session=self._session,
            )
        except Exception as error:
            raise as_aws_error(error, f"Glue table {self._database}.{RAW_TABLE}", "GLUE_DATABASE") from error
        partitions = filter(None, (_partition(values) for values in found.values()))
        # The AWS emulator ignores the expression.
        return {(day, ticker) for day, ticker in partitions if start <= day <= end}

    def register(self, partitions: Iterable[Partition]) -> None:
        """Add partitions, 100 a request; those already there are no error. Raises AwsError."""
        values = {
            partition_folder(f"s3://{self._bucket}/{RAW_PREFIX}", day, ticker): [str(day), ticker]
            for day, ticker in partitions
        }
        try:
            wr.catalog.add_parquet_partitions(
                database=self._database,
                table=RAW_TABLE,
                partitions_values=values,
                columns_types=_COLUMN_TYPES,
                boto3_session=self._session,
            )
        except Exception as error:
            raise as_aws_error(error, f"Glue table {self._database}.{RAW_TABLE}", "GLUE_DATABASE") from error

    def unregister(self, partitions: Iterable[Partition]) -> None:
        """Remove partitions from the catalog. Raises AwsError."""
        try:
            wr.catalog.delete_partitions(
                database=self._database,
                table=RAW_TABLE,
                partitions_values=[[str(day), ticker] for day, ticker in partitions],
                boto3_session=self._session,
            )
        except Exception as error:
            raise as_aws_error(error, f"Glue table {self._database}.{RAW_TABLE}", "GLUE_DATABASE") from error


def _partition(values: list[str]) -> Partition | None:
    """The partition of a catalog's values; None where another hand registered something else."""
    try:
        day, ticker = values
        return dt.date.fromisoformat(day), ticker
    except ValueError:
        return None
