"""One run's configuration: which lake, which part of it, and where AWS answers."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b3lake.lake.keys import STATE_PREFIX, partition_folder, partition_key
from b3lake.lake.removal import MAX_REMOVED_SHARE
from b3lake.refine.errors import RefineError
from b3lake.refine.partitions import iso, pairs
from b3lake.refine.rule import CURRENT_RULE, Rule


@dataclass(frozen=True)
class Place:
    """A bucket and a prefix in it, without slashes at the ends."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, uri: str) -> "Place":
        """`s3://bucket/prefix`; raises RefineError for anything else."""
        match = re.fullmatch(r"s3a?://([^/]+)/(.+?)/*", uri)
        if not match:
            raise RefineError(f"{uri!r} is not an address of the form s3://bucket/prefix: write it so.")
        return cls(match[1], match[2])

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def keys(self, partitions: pa.Table) -> list[str]:
        """The keys of partitions' objects (ticker, day)."""
        return [partition_key(self.prefix, iso(day), ticker) for ticker, day in pairs(partitions)]

    def locations(self, partitions: pa.Table) -> dict[str, list[str]]:
        """Location to values, as the catalog has them, of partitions (ticker, day)."""
        named = [(iso(day), ticker) for ticker, day in pairs(partitions)]
        return {partition_folder(self.uri, day, ticker): [day, ticker] for day, ticker in named}


def state_of(refined: Place) -> Place:
    """Where the job keeps its own objects for the table at `refined`."""
    return Place(refined.bucket, f"{STATE_PREFIX}/{refined.prefix}")


@dataclass(frozen=True)
class Scope:
    """Which refined partitions a run may touch; both days are days since 1970 and included, None is no bound."""

    start: int | None = None
    end: int | None = None
    tickers: frozenset[str] | None = None

    def covers(self, partitions: pa.Table) -> np.ndarray:
        """Whether each partition is in this scope."""
        day = partitions["day"].to_numpy()
        inside = np.ones(len(day), bool)
        if self.start is not None:
            inside &= day >= self.start
        if self.end is not None:
            inside &= day <= self.end
        if self.tickers is not None:
            inside &= pc.is_in(partitions["ticker"], pa.array(sorted(self.tickers), pa.string())).to_numpy()
        return inside


EVERYTHING = Scope()


@dataclass(frozen=True)
class Connection:
    """Where S3 and Glue answer: endpoints are None for AWS itself."""

    region: str
    s3_endpoint: str | None
    glue_endpoint: str | None


@dataclass(frozen=True)
class Job:
    """One run's configuration; `lake_env` is the environment that its figures are put to CloudWatch for, if any.

    Of all refined partitions it removes no larger share than `max_removed_share`.
    """

    raw: Place
    refined: Place
    database: str
    table: str
    history: Place | None
    history_table: str
    full: bool
    scope: Scope
    connection: Connection
    rule: Rule = CURRENT_RULE
    lake_env: str | None = None
    max_removed_share: float = MAX_REMOVED_SHARE

    @property
    def state(self) -> Place:
        """Where the job keeps its own objects, outside every table's location."""
        return state_of(self.refined)

    @property
    def ledger(self) -> Place:
        return Place(self.refined.bucket, f"{self.state.prefix}/ledger")
