"""How each ticker fared, and what the run as a whole returns. Pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from b3lake.ingest.errors import Status
from b3lake.ingest.load import Tally
from b3lake.ingest.steps import Step

EXIT_ALL = 0
EXIT_NOTHING = 1
EXIT_SOME_FAILED = 3


@dataclass
class Outcome:
    """One ticker: requested against received, in sessions; `steps` are those of its prices that nothing explains."""

    ticker: str
    status: Status
    requested: int = 0
    received: int = 0
    written: int = 0
    unchanged: int = 0
    refused: int = 0
    doubtful: int = 0
    gaps: list[dt.date] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    cause: str = ""

    def note_tally(self, tally: Tally, *, dry_run: bool) -> None:
        """Note what became of the partitions of this ticker, which the source gave."""
        self.written, self.unchanged = tally.written[self.ticker], tally.unchanged[self.ticker]
        if tally.failed[self.ticker]:
            self.status = Status.FAILED
        elif self.written:
            self.status = Status.PLANNED if dry_run else Status.WRITTEN
        else:
            self.status = Status.UNCHANGED
        self.cause = "; ".join(text for text in (tally.causes.get(self.ticker, ""), self.cause) if text)

    def as_record(self) -> dict[str, object]:
        """The outcome as a JSON object."""
        return asdict(self) | {
            "status": self.status.value,
            "gaps": [day.isoformat() for day in self.gaps],
            "steps": [step.as_record() for step in self.steps],
        }


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 when every ticker succeeded, 1 when nothing at all came into the lake or was there already, else 3."""
    if all(outcome.status.succeeded for outcome in outcomes):
        return EXIT_ALL
    return EXIT_SOME_FAILED if any(outcome.written or outcome.unchanged for outcome in outcomes) else EXIT_NOTHING


def summary(outcomes: Sequence[Outcome], seconds: float, *, dry_run: bool) -> dict[str, object]:
    """The totals of a run."""
    return {
        "tickers": len(outcomes),
        "failed_tickers": sum(not outcome.status.succeeded for outcome in outcomes),
        "written": sum(outcome.written for outcome in outcomes),
        "unchanged": sum(outcome.unchanged for outcome in outcomes),
        "refused": sum(outcome.refused for outcome in outcomes),
        "gaps": sum(len(outcome.gaps) for outcome in outcomes),
        "unexplained_steps": sum(len(outcome.steps) for outcome in outcomes),
        "dry_run": dry_run,
        "seconds": round(seconds, 2),
    }
