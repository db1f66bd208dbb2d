"""The notes: what a run tells the next one beside the ledger."""

import json
from dataclasses import dataclass, field

from b3lake.refine.config import Job
from b3lake.refine.errors import RefineError
from b3lake.refine.history import HistoryYear
from b3lake.refine.log import log


@dataclass(frozen=True)
class Notes:
    """The raw prefix that was refined, the tables that the partitions are registered in (as `ensure_columns` tells them
    apart), and of what each year of the history was made."""

    raw: str = ""
    tables: dict[str, str] = field(default_factory=dict)
    history: dict[int, HistoryYear] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes | None) -> "Notes":
        """Notes from JSON, empty ones from nothing and from anything else."""
        if text is None:
            return cls()
        try:
            told = json.loads(text)
            notes = cls(
                told["raw"],
                dict(told["tables"]),
                {int(year): HistoryYear(**known) for year, known in told["history"].items()},
            )
            words = [notes.raw, *notes.tables.values()]
            words += [word for known in notes.history.values() for word in (known.etag, known.seal)]
            sound = all(isinstance(word, str) for word in words)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            log.warning("the notes of the last run cannot be read: what they told is found out again")
            return cls()
        return notes

    def dump(self) -> bytes:
        history = {str(year): vars(known) for year, known in sorted(self.history.items())}
        return json.dumps({"raw": self.raw, "tables": self.tables, "history": history}).encode()

    def check_source(self, job: Job) -> None:
        """Raises RefineError if this lake was refined from another prefix: everything would be without a raw object."""
        if self.raw not in {"", job.raw.uri}:
            raise RefineError(
                f"{job.refined.uri} is made from {self.raw}, not from {job.raw.uri}: "
                "correct --raw_uri, or give another --refined_uri."
            )
