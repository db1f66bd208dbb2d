"""Asks the real Athena through awswrangler."""

import awswrangler as wr
import pyarrow as pa
from awswrangler.exceptions import QueryCancelled, QueryFailed

from b3lake.ask.errors import QueryError
from b3lake.lake.settings import Settings


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
        raise QueryError(str(error) or "The query was cancelled.") from error
    answer = pa.Table.from_pandas(frame, preserve_index=False)
    return answer.cast(pa.schema([(field.name, _plain_type(field.type)) for field in answer.schema]))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The type as the emulator's answers have it, where pandas made another of it."""
    if pa.types.is_large_string(kind):
        return pa.string()
    return pa.timestamp("us") if pa.types.is_timestamp(kind) else kind
