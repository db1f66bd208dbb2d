"""The protocol of a source of quotes: an object with an address that delivers bars, or says why it cannot."""

import dataclasses
import datetime as dt
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from b3lake.ingest.sources.cotahist import Quotes
from b3lake.ingest.steps import Step
from b3lake.lake.calendar import sessions_between
from b3lake.lake.errors import B3LakeError
from b3lake.lake.schemas import SHARES_SCHEMA

SATURDAY = 5


@dataclass(frozen=True)
class Selection:
    """The bars that are wanted: of `tickers` (None: of every ticker), from `start` to `end`, both included.

    `now` (aware) is the moment of the run: it decides which files B3's site has. With `whatever` no day was asked for,
    and those that the source has are wanted: then none is missing. Of a ticker in `since` bars are wanted from an
    earlier day on; a source is asked for `parts`, which have none.
    """

    tickers: tuple[str, ...] | None
    start: dt.date
    end: dt.date
    now: dt.datetime
    interval: str = "1d"
    whatever: bool = False
    since: Mapping[str, dt.date] = field(default_factory=dict)

    @property
    def parts(self) -> "list[Selection]":
        """The request as ranges of one first day each, those of the most tickers first."""
        if not self.since:
            return [self]
        tickers_from: dict[dt.date, list[str]] = {}
        for ticker in self.tickers or ():
            tickers_from.setdefault(self.since.get(ticker, self.start), []).append(ticker)
        parts = sorted(tickers_from.items(), key=lambda part: (-len(part[1]), part[0]))
        return [dataclasses.replace(self, tickers=tuple(names), start=day, since={}) for day, names in parts]

    def sessions_of(self, ticker: str) -> list[dt.date]:
        """The sessions that are wanted of `ticker`, oldest first."""
        return sessions_between(self.since.get(ticker, self.start), self.end)

    @property
    def earliest(self) -> dt.date:
        """The first day that is wanted of any ticker."""
        return min([self.start, *self.since.values()])

    @property
    def sessions(self) -> list[dt.date]:
        """The sessions of the range, oldest first."""
        return sessions_between(self.start, self.end)

    @property
    def weekdays(self) -> list[dt.date]:
        """The days of the range but Saturdays and Sundays: those on which B3 trades, as far as one can tell."""
        days = (self.start + dt.timedelta(days=n) for n in range((self.end - self.start).days + 1))
        return [day for day in days if day.weekday() < SATURDAY]


@dataclass(frozen=True)
class Delivery:
    """Bars that came together, of one ticker or one file: `batches` of BARS_SCHEMA, not validated yet.

    They are of `tickers` and of days from `start` to `end`; `listed_since` has the first trade of those tickers for
    which the source knows it. B3's batches have a column more, `factor`: the number of shares that its quotation is of;
    and `days` has all wanted days of the file, of whatever ticker.
    By ticker and day, `refused` says which bars the source had and could not give, and `doubts` what is strange about
    bars that it gave; by ticker, `steps` are those of its prices that no listed event explains. `seen` (SHARES_SCHEMA)
    says who the tickers are; it is empty from a source that has events. `market` (QUOTE_TYPE) has every quote of the
    file's days, of whatever ticker, where the source gives whole days. `official` bars are the exchange's own record:
    strange ones enter too.
    """

    name: str
    tickers: Sequence[str]
    start: dt.date
    end: dt.date
    batches: Iterable[pa.Table]
    listed_since: Mapping[str, dt.date] = field(default_factory=dict)
    refused: Mapping[str, Mapping[dt.date, str]] = field(default_factory=dict)
    doubts: Mapping[str, Mapping[dt.date, str]] = field(default_factory=dict)
    steps: Mapping[str, Sequence[Step]] = field(default_factory=dict)
    days: frozenset[dt.date] = frozenset()
    seen: pa.Table = field(default_factory=SHARES_SCHEMA.empty_table)
    market: Quotes | None = None
    official: bool = False


@dataclass(frozen=True)
class Failure:
    """Bars that a source could not give, and why: of `ticker` (None: of every ticker), of `days` (None: of all)."""

    error: B3LakeError
    ticker: str | None = None
    days: frozenset[dt.date] | None = None

    def concerns(self, ticker: str, days: Collection[dt.date]) -> bool:
        """Whether any of `days` of `ticker` is missing by this failure."""
        return self.ticker in {None, ticker} and bool(days if self.days is None else self.days.intersection(days))


@dataclass(frozen=True)
class Notice:
    """Something that a person should know, though nothing is missing by it."""

    text: str


class Source(Protocol):
    """Where quotes come from."""

    @property
    def label(self) -> str:
        """The value of the rows' column `source`."""

    @property
    def has_events(self) -> bool:
        """Whether bars come with their events; else those that the lake knows from B3 are entered into them."""

    def may_have(self, wanted: Selection) -> bool:
        """Whether it is worth asking: B3 may have traded on a day that the calendar calls closed, hardly on Sundays."""

    def fetch(self, wanted: Selection) -> AsyncIterator[Delivery | Failure | Notice]:
        """Deliver the bars of `wanted`, in the order in which they arrive; one failure does not end the others.

        Raises UsageError when the source cannot have such bars at all.
        """

    def why_no_bars(self, ticker: str) -> str:
        """The likely reason, as a phrase, when nothing failed and nothing came."""
