"""Codes that B3 gave up for others, from `renames.csv`: who a share is today, and where its past is.

    >>> newest_code("VVAR3")
    'BHIA3'

A rename is one share for one of the same company. A merger is none: its shareholders had another company before. `day`
is the first session of the new code; it is empty where no source for it was found, and then no series goes across.
"""

import csv
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

_FILE = "renames.csv"
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Rename:
    """From `day` on (None: not known) the share `old` is `new`; `why` is a clause."""

    old: str
    new: str
    day: dt.date | None
    why: str

    @property
    def keeps_the_class(self) -> bool:
        """Whether both are of one class, which the digits at their end tell: PN that became ON had its own series."""
        return self.old[4:] == self.new[4:]


@dataclass(frozen=True)
class Span:
    """The days on which a share had the code `ticker`, both included; None: without a bound."""

    ticker: str
    first: dt.date | None
    last: dt.date | None


@cache
def renames() -> tuple[Rename, ...]:
    """All that the file has, in its order."""
    text = resources.files(__package__).joinpath(_FILE).read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(
        Rename(row["old"], row["new"], dt.date.fromisoformat(row["day"]) if row["day"] else None, row["why"])
        for row in rows
    )


def newest_code(ticker: str, known: Sequence[Rename] | None = None) -> str | None:
    """Today's code of the share that was `ticker`; None when it is that code. `known` stands in place of the file."""
    newest, since = ticker, None
    left = list(renames() if known is None else known)
    while found := _after(newest, since, left):
        newest, since = found.new, found.day
        left.remove(found)
    return newest if newest != ticker else None


def lineage(ticker: str, known: Sequence[Rename] | None = None) -> list[Span]:
    """Where the past of the share that is `ticker` today is: its spans, newest first.

    The first is `ticker` itself; there is more than one only where a rename of the same class has a day. `known` stands
    in place of the file.
    """
    spans: list[Span] = []
    code, last = ticker, None
    while found := _before(code, last, renames() if known is None else known):
        spans.append(Span(code, found.day, last))
        code, last = found.old, found.day - _DAY if found.day else None
    return [*spans, Span(code, None, last)]


def _after(ticker: str, since: dt.date | None, known: Sequence[Rename]) -> Rename | None:
    """The rename by which the share that has been `ticker` since then became another; codes are given out again."""
    return next(
        (each for each in known if each.old == ticker and (not since or not each.day or each.day > since)), None
    )


def _before(ticker: str, last: dt.date | None, known: Sequence[Rename]) -> Rename | None:
    """The latest rename by which a share became `ticker` on or before `last`."""
    found = [
        each
        for each in known
        if each.new == ticker and each.day and each.keeps_the_class and (last is None or each.day <= last)
    ]
    return max(found, key=lambda each: each.day or dt.date.min, default=None)
