"""The errors of one ticker, and how tickers fare."""

import datetime as dt
from collections.abc import Collection
from enum import StrEnum

from b3lake.lake.errors import B3LakeError


class Status(StrEnum):
    """How a ticker fared; the first three are success."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    PLANNED = "planned"  # a dry run found something to write
    INCOMPLETE = "incomplete"  # a session that no file has, or not yet
    NO_DATA = "no-data"
    RATE_LIMITED = "rate-limited"
    INVALID = "invalid"
    FAILED = "failed"

    @property
    def succeeded(self) -> bool:
        return self in {Status.WRITTEN, Status.UNCHANGED, Status.PLANNED}


class TickerError(B3LakeError):
    """One ticker cannot be had; the others go on. `status` says in which way."""

    status = Status.FAILED

    def __init__(self, ticker: str, cause: str) -> None:
        super().__init__(f"{ticker}: {cause}")
        self.cause = cause


class NoDataError(TickerError):
    """The source has nothing for this ticker in this range, or no longer knows it."""

    status = Status.NO_DATA


class RateLimitedError(TickerError):
    """The source refused too many requests in a row."""

    status = Status.RATE_LIMITED


class InvalidAnswerError(TickerError):
    """The source answered something that cannot be this ticker's quotes."""

    status = Status.INVALID


class MissingSessionsError(B3LakeError):
    """Sessions that nothing has which could be read, of any ticker; maybe not yet."""

    status = Status.INCOMPLETE


def missing_sessions(place: str, days: Collection[dt.date]) -> MissingSessionsError:
    """The error that `place` has no file of `days`, of which there is at least one."""
    which = f"the session of {min(days)}" if len(days) == 1 else f"{len(days)} sessions, the first that of {min(days)}"
    return MissingSessionsError(f"{place} has no file of {which}: add it, or choose other days.")
