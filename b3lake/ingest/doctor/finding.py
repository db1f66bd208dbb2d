"""The faults that the doctor knows, and one of them at its place."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from b3lake.ingest.steps import UNEXPLAINED_STEP


class Kind(StrEnum):
    """The kinds of faults."""

    GAP = "gap"  # a session without an object, between the first and the last that the ticker has
    UNREADABLE = "unreadable"  # no Parquet file, or not with the bronze columns
    IMPOSSIBLE = "impossible"  # a row that is no possible quote
    OUTSIDE = "outside-range"  # an open or close outside low to high; official in some years of B3's files
    TURNOVER = "turnover-disagrees"  # turnover over volume is ten times the prices, or a tenth
    MISPLACED = "misplaced"  # a row of another day than its partition's
    DISPUTED = "disputed-event"  # a split, grouping or bonus of B3's that the prices contradict
    UNSIZED = "unsized-event"  # an event of B3's without a usable number
    EVENT = "event-not-entered"  # a row of B3's that says something else than its applied events
    DUPLICATE = "duplicate"  # two rows of one moment
    CARRIED = "carried-forward"  # a closed day's row: the day before, repeated
    STEP = UNEXPLAINED_STEP  # prices that no listed split or dividend leads from one day to the next
    STALE = "stale"  # written before the session was final; of a day to come, maybe
    MIXED = "mixed-sources"  # an invented price in a lake that has others
    STRAY = "stray"  # an object under the prefix that is none of the lake's
    UNREGISTERED = "unregistered"  # in S3, not in the catalog
    UNBACKED = "unbacked"  # in the catalog, not in S3
    RATE = "impossible-rate"  # out of the range of its series, or in another unit
    RATE_GAP = "rate-gap"  # a session without a CDI
    WEIGHTS = "weights"  # members of an index whose weights do not sum to 100
    INSTRUMENT = "instrument-without-quotes"  # in a lake of the whole market


NOTES = frozenset({Kind.UNSIZED})
"""Kinds that are told and are no fault: B3 gives no number, and never will."""


@dataclass(frozen=True)
class Finding:
    """One fault, and where it is."""

    kind: Kind
    ticker: str
    day: dt.date | None
    detail: str = ""

    def as_record(self) -> dict[str, object]:
        """The finding as JSON takes it."""
        day = self.day.isoformat() if self.day else None
        return {"finding": self.kind.value, "ticker": self.ticker, "day": day, "detail": self.detail}
