"""Who is who on the exchange, from the quotes of COTAHIST alone: one row per ticker, as of its last day.

A paper that is traded no more stays. Every day counts once, in whatever order and from however many files it comes, so
the days that were counted are kept with the rows. Pure.
"""

import base64
import datetime as dt
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from b3lake.ingest.sources.cotahist import Quotes, as_date
from b3lake.lake.kinds import is_isin, kind_of
from b3lake.lake.schemas import INSTRUMENTS_SCHEMA

DAYS_KEY = b"b3lake.days"
"""Where the table's metadata keeps the days, one bit for each day since 1970-01-01, compressed, as base64."""

_EPOCH = dt.date(1970, 1, 1).toordinal()
_TOLD = ["isin", "name", "kind", "spec", "quotation_factor"]
"""The columns that say what a paper was on its last day."""


@dataclass(frozen=True)
class Instruments:
    """The papers of some days: `rows` (INSTRUMENTS_SCHEMA, sorted by ticker), and which days those are."""

    rows: pa.Table
    days: frozenset[dt.date]


NOBODY = Instruments(INSTRUMENTS_SCHEMA.empty_table(), frozenset())


def count_quotes(known: Instruments, quotes: Quotes) -> Instruments:
    """`known`, and the papers of the days among `quotes` that it has not counted yet.

    `quotes` has the fields day (YYYYMMDD), ticker, isin, name, spec, bdi and factor of whole days of the market.
    """
    counted = {as_date(int(number)): number for number in np.unique(quotes["day"])}
    new_days = frozenset(counted) - known.days
    new = quotes[np.isin(quotes["day"], [counted[day] for day in new_days])]
    if not len(new):
        return known
    return Instruments(_join(known.rows, _rows_of(new)), known.days | new_days)


class MarketCount:
    """Counts the papers of a run's files, but for the days that the lake has counted before."""

    def __init__(self, counted: frozenset[dt.date] = frozenset()) -> None:
        self._counted = counted
        self._known = Instruments(NOBODY.rows, counted)

    def note(self, market: Quotes) -> None:
        """Count `market`, every quote of some days."""
        self._known = count_quotes(self._known, market)

    def has(self, day: dt.date) -> bool:
        """Whether `day` is counted, in this run or before."""
        return day in self._known.days

    @property
    def new(self) -> Instruments:
        """The papers of the days that the lake lacks."""
        return Instruments(self._known.rows, self._known.days - self._counted)


def merge(one: Instruments, other: Instruments) -> Instruments:
    """The papers of both. Raises ValueError when both have counted the same day."""
    if common := one.days & other.days:
        raise ValueError(f"both have counted {min(common)}")
    return Instruments(_join(one.rows, other.rows), one.days | other.days)


def to_stored(known: Instruments) -> pa.Table:
    """The rows, with the days in their metadata."""
    bits = np.zeros(max((day.toordinal() - _EPOCH for day in known.days), default=-1) + 1, bool)
    bits[[day.toordinal() - _EPOCH for day in known.days]] = True
    packed = base64.b64encode(zlib.compress(np.packbits(bits).tobytes(), 9))
    return known.rows.replace_schema_metadata({DAYS_KEY: packed})


def from_stored(stored: pa.Table) -> Instruments:
    """Read back what `to_stored` made. Raises ValueError when the days are missing or damaged."""
    try:
        packed = zlib.decompress(base64.b64decode((stored.schema.metadata or {})[DAYS_KEY], validate=True))
    except (KeyError, ValueError, zlib.error) as error:
        raise ValueError("it does not say which days it has counted") from error
    numbers = np.flatnonzero(np.unpackbits(np.frombuffer(packed, np.uint8))).tolist()
    return Instruments(stored, frozenset(dt.date.fromordinal(_EPOCH + number) for number in numbers))


def _rows_of(quotes: Quotes) -> pa.Table:
    """The papers of `quotes` (INSTRUMENTS_SCHEMA, sorted by ticker)."""
    order = np.lexsort((quotes["day"], quotes["ticker"]))
    quotes = quotes[order]
    is_other = quotes["ticker"][1:] != quotes["ticker"][:-1]
    is_last = np.append(is_other, True)
    starts = np.append(0, np.flatnonzero(is_other) + 1)
    is_new_day = np.append(True, is_other | (quotes["day"][1:] != quotes["day"][:-1]))
    last, first = quotes[is_last], quotes[starts]
    told = {name: [_text(value) for value in last[name]] for name in ("ticker", "isin", "name", "spec", "bdi")}
    columns = {
        "ticker": told["ticker"],
        "isin": [code if is_isin(code) else None for code in told["isin"]],
        "name": told["name"],
        "kind": [
            kind_of(*each) for each in zip(*(told[field] for field in ("isin", "spec", "bdi", "name")), strict=True)
        ],
        "spec": [" ".join(spec.split()) for spec in told["spec"]],
        "first_day": [as_date(int(number)) for number in first["day"]],
        "last_day": [as_date(int(number)) for number in last["day"]],
        "quotation_factor": last["factor"].astype(np.int32),
        "sessions": np.add.reduceat(is_new_day, starts, dtype=np.int32),
    }
    return pa.table(columns, schema=INSTRUMENTS_SCHEMA)


def _join(one: pa.Table, other: pa.Table) -> pa.Table:
    """The papers of two tables that have counted different days."""
    both = pa.concat_tables([one.replace_schema_metadata(None), other.replace_schema_metadata(None)])
    frame = both.to_pandas(types_mapper=pd.ArrowDtype).sort_values(["ticker", "last_day"])
    papers = frame.groupby("ticker", sort=True)
    joined = frame.drop_duplicates("ticker", keep="last").set_index("ticker")[_TOLD]
    joined = joined.assign(
        first_day=papers["first_day"].min(), last_day=papers["last_day"].max(), sessions=papers["sessions"].sum()
    )
    ordered = joined.reset_index()[INSTRUMENTS_SCHEMA.names]
    return pa.Table.from_pandas(ordered, INSTRUMENTS_SCHEMA, preserve_index=False).replace_schema_metadata(None)


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip()
