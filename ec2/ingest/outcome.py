"""How each ticker fared, and what the run as a whole returns. Pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from ingest.errors import Status

EXIT_ALL = 0
EXIT_NOTHING = 1
EXIT_SOME_FAILED = 3


@dataclass
class Outcome:
    """One ticker: requested against received, in sessions."""

    ticker: str
    status: Status
    requested: int = 0
    received: int = 0
    written: int = 0
    unchanged: int = 0
    refused: int = 0
    gaps: list[dt.date] = field(default_factory=list)
    cause: str = ""

    def as_record(self) -> dict[str, object]:
        """The outcome as JSON takes it."""
        return asdict(self) | {"status": self.status.value, "gaps": [day.isoformat() for day in self.gaps]}


def judge(*, written: int, unchanged: int, failed: int, dry_run: bool) -> Status:
    """The status of a ticker whose source answered, from what became of its partitions."""
    if failed:
        return Status.FAILED
    if written:
        return Status.PLANNED if dry_run else Status.WRITTEN
    return Status.UNCHANGED if unchanged else Status.INVALID


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 when every ticker succeeded, 3 when some did, 1 when none did."""
    succeeded = sum(outcome.status.succeeded for outcome in outcomes)
    if succeeded == len(outcomes):
        return EXIT_ALL
    return EXIT_SOME_FAILED if succeeded else EXIT_NOTHING


def summary(outcomes: Sequence[Outcome], seconds: float, *, dry_run: bool) -> dict[str, object]:
    """The totals of a run."""
    return {
        "tickers": len(outcomes),
        "failed_tickers": sum(not outcome.status.succeeded for outcome in outcomes),
        "written": sum(outcome.written for outcome in outcomes),
        "unchanged": sum(outcome.unchanged for outcome in outcomes),
        "refused": sum(outcome.refused for outcome in outcomes),
        "gaps": sum(len(outcome.gaps) for outcome in outcomes),
        "dry_run": dry_run,
        "seconds": round(seconds, 2),
    }
