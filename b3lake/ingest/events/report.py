"""The report of a run about its tickers' events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from b3lake.ingest.load import Tally
from b3lake.lake.errors import B3LakeError


class Knowledge(StrEnum):
    """Which events of a ticker are known."""

    KNOWN = "known"
    NO_CASH = "no-cash"  # splits, groupings and bonuses only
    NO_RATIOS = "no-ratios"  # cash only
    UNKNOWN = "unknown"


@dataclass
class EventsReport:
    """The outcome of the events of a run's tickers.

    `problems` are clauses; of the tickers in `missed` B3 did not give what it should have. `tally` counts the rows that
    were put for their events alone.
    """

    knowledge: dict[str, Knowledge] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)

    @classmethod
    def of_failure(cls, tickers: Iterable[str], error: B3LakeError) -> "EventsReport":
        """Of a run in which the events of none of `tickers` could be settled."""
        told = dict.fromkeys(tickers, f"events: {error}")
        return cls(dict.fromkeys(told, Knowledge.UNKNOWN), told, set(told))
