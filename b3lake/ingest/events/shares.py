"""As what the quotes know a share: its ISINs, class, kind and short name, each combination with its first day. Pure.

First days are what makes it the same whether a lake is filled at once or in pieces, in whatever order.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ingest.events.event import Share
from b3lake.ingest.sources.cotahist import Quotes, as_date
from b3lake.lake.kinds import Kind, is_isin, kind_of
from b3lake.lake.schemas import SHARES_SCHEMA

LISTED_KINDS = frozenset({Kind.SHARE, Kind.UNIT})
"""The kinds of paper that B3's service of listed companies tells events of."""

_TOLD = ("ticker", "isin", "name", "spec", "bdi")


def seen_in(quotes: Quotes) -> pa.Table:
    """Who the tickers of `quotes` (QUOTE_TYPE) are (SHARES_SCHEMA)."""
    told = pa.table({name: pa.array(quotes[name]) for name in _TOLD} | {"day": quotes["day"].astype(np.int32)})
    rows = []
    for row in told.group_by(_TOLD).aggregate([("day", "min")]).to_pylist():
        ticker, isin, name, spec, bdi = (row[field].decode("latin-1").strip() for field in _TOLD)
        rows.append(
            {
                "ticker": ticker,
                "first_day": as_date(row["day_min"]),
                "isin": isin if is_isin(isin) else None,
                "share_class": spec.partition(" ")[0],
                "kind": kind_of(isin, spec, bdi, name).value,
                "name": " ".join(name.split()),
            }
        )
    return merged(pa.Table.from_pylist(rows, schema=SHARES_SCHEMA))


def merged(*known: pa.Table) -> pa.Table:
    """The rows of all of `known` (SHARES_SCHEMA), each once with its earliest day, sorted."""
    both = pa.concat_tables([table.replace_schema_metadata(None) for table in known])
    same = [name for name in SHARES_SCHEMA.names if name != "first_day"]
    each = both.group_by(same).aggregate([("first_day", "min")])
    renamed = each.rename_columns([*same, "first_day"]).select(SHARES_SCHEMA.names)
    return renamed.sort_by([(name, "ascending") for name in SHARES_SCHEMA.names]).combine_chunks()


def share_of(ticker: str, known: pa.Table) -> Share | None:
    """`ticker` as the rows of `known` (SHARES_SCHEMA) have it; None where no quote of it was seen."""
    rows = known.filter(pc.field("ticker") == ticker).sort_by([("first_day", "descending")]).to_pylist()
    if not rows:
        return None
    newest = rows[0]
    isins = tuple(dict.fromkeys(row["isin"] for row in rows if row["isin"]))
    return Share(ticker, isins, newest["share_class"], newest["name"], is_listed=newest["kind"] in LISTED_KINDS)
