"""One corporate event of one ticker, and the share that it is an event of. Values are exact decimals."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from b3lake.lake.errors import B3LakeError
from b3lake.lake.renames import newest_code


class Kind(StrEnum):
    """The kind of an event; the value of the first, second and last is BRL per share, of the next three a ratio."""

    DIVIDEND = "dividend"
    JCP = "jcp"  # juros sobre capital próprio: interest on own capital, gross
    SPLIT = "split"
    GROUPING = "grouping"
    BONUS = "bonus"
    SUBSCRIPTION = "subscription"
    OTHER = "other"


RATIO_KINDS = frozenset({Kind.SPLIT, Kind.GROUPING, Kind.BONUS})


class Status(StrEnum):
    """How far an event could be used."""

    APPLIED = "applied"
    UNSIZED = "unsized"  # no number that could be used
    DISPUTED = "disputed"  # the prices contradict it


@dataclass(frozen=True)
class Event:
    """One event of one ticker; `value` is BRL per share or a ratio (shares after per share before), None: unsized.

    `ex_date` is the first session without the right. `source` is the call that told it.
    """

    ticker: str
    isin: str | None
    kind: Kind
    value: Decimal | None
    last_day: dt.date | None
    ex_date: dt.date | None
    approved_on: dt.date | None
    payment_date: dt.date | None
    source: str
    status: Status
    note: str = ""

    @property
    def is_ratio(self) -> bool:
        return self.kind in RATIO_KINDS


@dataclass(frozen=True)
class Share:
    """A ticker as the quotes know it: its ISINs, the newest first, and its class (ON, PN, PNA, UNT, …).

    `trading_name` is NOMRES of the newest quote, "" where it is not known. `is_listed` tells shares and units, whose
    events B3's service of listed companies has, from funds, BDRs and rights, whose events it has not.
    """

    ticker: str
    isins: tuple[str, ...] = ()
    share_class: str = ""
    trading_name: str = ""
    is_listed: bool = True

    @property
    def issuer(self) -> str:
        """The code that B3 knows the issuer by today; of an old code such as `PET4` that of its ISIN."""
        code = (newest_code(self.ticker) or self.ticker)[:4]
        return code if code.isalpha() or not self.isins else self.isins[0][2:6]


class EventsError(B3LakeError):
    """B3's answer about an issuer cannot be had or used; the text is a clause without the issuer."""


class NotToldError(EventsError):
    """There is no answer to be had: whoever is asked knows nothing of the issuer, and is not at fault."""
