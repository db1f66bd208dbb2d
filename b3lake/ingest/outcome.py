"""How each ticker fared, and what the run as a whole returns. Pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from b3lake.ingest.errors import Status
from b3lake.ingest.events.report import EventsReport
from b3lake.ingest.load import Tally
from b3lake.ingest.steps import Step
from b3lake.ingest.validate import NOT_WRITTEN, causes

EXIT_ALL = 0
EXIT_NOTHING = 1
EXIT_SOME_FAILED = 3


@dataclass
class Outcome:
    """One ticker: requested against received, in sessions; `steps` are those of its prices that nothing explains.

    `rewritten` counts stored rows that were written again for their events alone. `events` says which of B3's events
    are known, "" where they are the source's own; `events_missed` that B3 was asked for them and did not give them.
    """

    ticker: str
    status: Status
    requested: int = 0
    received: int = 0
    written: int = 0
    unchanged: int = 0
    rewritten: int = 0
    refused: int = 0
    doubtful: int = 0
    gaps: list[dt.date] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    cause: str = ""
    events: str = ""
    events_missed: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether all that was wanted came: the bars, and answers about events."""
        return self.status.succeeded and not self.events_missed

    def note_tally(self, tally: Tally, *, dry_run: bool) -> None:
        """Note what became of the partitions of this ticker, which the source gave."""
        self.written, self.unchanged = tally.written[self.ticker], tally.unchanged[self.ticker]
        kept = tally.kept.get(self.ticker, {})
        self.refused += len(kept)
        if tally.failed[self.ticker] or kept:
            self.status = Status.FAILED
        elif self.written:
            self.status = Status.PLANNED if dry_run else Status.WRITTEN
        else:
            self.status = Status.UNCHANGED
        self.add_cause(causes(kept, NOT_WRITTEN))
        self.add_cause(tally.causes.get(self.ticker, ""))

    def note_events(self, report: EventsReport, *, dry_run: bool) -> None:
        """Note what became of the events of this ticker."""
        self.events, self.events_missed = report.knowledge.get(self.ticker, ""), self.ticker in report.missed
        self.rewritten = report.tally.written[self.ticker]
        if report.tally.failed[self.ticker]:
            self.status = Status.FAILED
        elif self.rewritten and self.status is Status.UNCHANGED:
            self.status = Status.PLANNED if dry_run else Status.WRITTEN
        self.add_cause(report.tally.causes.get(self.ticker, ""))
        self.add_cause(report.problems.get(self.ticker, ""))

    def add_cause(self, cause: str) -> None:
        """Say `cause`, a phrase or "", beside what is said already."""
        self.cause = "; ".join(filter(None, (self.cause, cause)))

    def as_record(self) -> dict[str, object]:
        """The outcome as a JSON object."""
        return asdict(self) | {
            "status": self.status.value,
            "gaps": [day.isoformat() for day in self.gaps],
            "steps": [step.as_record() for step in self.steps],
        }


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 when every ticker succeeded, 1 when nothing at all came into the lake or was there already, else 3."""
    if all(outcome.succeeded for outcome in outcomes):
        return EXIT_ALL
    return EXIT_SOME_FAILED if any(outcome.written or outcome.unchanged for outcome in outcomes) else EXIT_NOTHING


def summary(outcomes: Sequence[Outcome], seconds: float, *, dry_run: bool) -> dict[str, object]:
    """The totals of a run."""
    return {
        "tickers": len(outcomes),
        "failed_tickers": sum(not outcome.status.succeeded for outcome in outcomes),
        "events_missed": sum(outcome.events_missed for outcome in outcomes),
        "written": sum(outcome.written for outcome in outcomes),
        "unchanged": sum(outcome.unchanged for outcome in outcomes),
        "rewritten": sum(outcome.rewritten for outcome in outcomes),
        "refused": sum(outcome.refused for outcome in outcomes),
        "gaps": sum(len(outcome.gaps) for outcome in outcomes),
        "unexplained_steps": sum(len(outcome.steps) for outcome in outcomes),
        "dry_run": dry_run,
        "seconds": round(seconds, 2),
    }
