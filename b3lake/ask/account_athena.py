"""Asks the real Athena through awswrangler."""

import awswrangler as wr
import pyarrow as pa
from awswrangler.exceptions import QueryCancelled, QueryFailed

from b3lake.ask.errors import QueryError, one_line
from b3lake.lake.settings import Settings

LIMIT_EXCEEDED = "bytes scanned limit was exceeded"
"""In Athena's reason for a query that it cancelled at the workgroup's BytesScannedCutoffPerQuery."""


def ask_awswrangler(sql: str, settings: Settings) -> pa.Table:
    """The rows that `sql` answers with, from the account that the usual credential chain names.

    The workgroup decides where results are kept, so no bucket is named here. Without CTAS nothing is created in the
    catalog, which a reader of the lake need not be allowed to do. Raises QueryError with Athena's message.
    """
    try:
        frame = wr.athena.read_sql_query(
            sql,
            database=settings.database,
            workgroup=settings.workgroup,
            ctas_approach=False,
            dtype_backend="pyarrow",
        )
    except (QueryFailed, QueryCancelled) as error:
        raise QueryError(in_words(str(error), settings)) from error
    answer = pa.Table.from_pandas(frame, preserve_index=False)
    return answer.cast(pa.schema([(field.name, _plain_type(field.type)) for field in answer.schema]))


def in_words(message: str, settings: Settings) -> str:
    """Athena's reason on one line; where the workgroup's limit cancelled the query, what to do about it."""
    if LIMIT_EXCEEDED in message.lower():
        return (
            f"The query would read more than the workgroup {settings.workgroup} allows in one: bound dt or year by a "
            "constant, name fewer columns, or raise athena_bytes_scanned_cutoff in Terraform."
        )
    return one_line(message) if message else "The query was cancelled."


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The type as the emulator's answers have it, where pandas made another of it."""
    if pa.types.is_large_string(kind):
        return pa.string()
    return pa.timestamp("us") if pa.types.is_timestamp(kind) else kind
