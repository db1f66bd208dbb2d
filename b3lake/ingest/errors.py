"""The errors of one ticker, and how tickers fare."""

from enum import StrEnum

from b3lake.lake.errors import B3LakeError


class Status(StrEnum):
    """How a ticker fared; the first three are success."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    PLANNED = "planned"  # a dry run found something to write
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
