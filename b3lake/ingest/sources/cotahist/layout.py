"""Where a COTAHIST record has its fields, and the types of what is read from it."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from b3lake.lake.errors import B3LakeError

RECORD_BYTES = 245
HEADER_TYPE, QUOTE_RECORD, TRAILER_TYPE = b"00", b"01", b"99"
FILE_MARK = b"COTAHIST."
"""The beginning of the name in header and trailer; the year follows."""
CASH_MARKET, FRACTIONAL_MARKET = b"010", b"020"
CURRENCY = b"R$"
FIRST_FILE_YEAR, LAST_FILE_YEAR = 1986, 2100

Positions = tuple[int, int]
"""The first and the last position of a field, from 1, both included, as the specification counts."""

TYPE: Positions = (1, 2)
DAY: Positions = (3, 10)
TICKER: Positions = (13, 24)
MARKET: Positions = (25, 27)
MODREF: Positions = (53, 56)
PRICES: dict[str, Positions] = {"open": (57, 69), "high": (70, 82), "low": (83, 95), "close": (109, 121)}
TRADES: Positions = (148, 152)
VOLUME: Positions = (153, 170)
TURNOVER: Positions = (171, 188)
FACTOR: Positions = (211, 217)
TEXTS: dict[str, Positions] = {
    "market": MARKET,
    "bdi": (11, 12),
    "name": (28, 39),
    "spec": (40, 49),
    "currency": MODREF,
    "isin": (231, 242),
}

QUOTE_TYPE = np.dtype(
    [
        ("day", "i4"),
        ("ticker", "S12"),
        ("open", "f8"),
        ("high", "f8"),
        ("low", "f8"),
        ("close", "f8"),
        ("volume", "i8"),
        ("turnover", "f8"),
        ("trades", "i4"),
        ("factor", "i4"),
        ("market", "S3"),
        ("bdi", "S2"),
        ("name", "S12"),
        ("spec", "S10"),
        ("currency", "S4"),
        ("isin", "S12"),
    ]
)
"""One quote: `day` is YYYYMMDD; `ticker` (CODNEG) has no blanks; prices are BRL per share; `volume` (QUATOT) is shares.

`turnover` (VOLTOT) is BRL, `trades` TOTNEG, `factor` FATCOT: the number of shares that the file's prices are for.
`market` (TPMERC), `bdi` (CODBDI), `name` (NOMRES), `spec` (ESPECI), `currency` (MODREF) and `isin` (CODISI) are the
file's latin-1 text without the blanks at its end.
"""

Bytes = npt.NDArray[np.uint8]
Quotes = npt.NDArray[np.void]


class CotahistError(B3LakeError):
    """A COTAHIST file that is not what it says it is; nothing of it was used."""

    def __init__(self, file: str, cause: str) -> None:
        super().__init__(f"{file}: {cause}; download it again.")
        self.cause = cause


@dataclass(frozen=True)
class Period:
    """The days that a file covers, both included."""

    start: dt.date
    end: dt.date


@dataclass(frozen=True)
class Header:
    """The first record: the year that the file is of, and the day on which it was made (None: it does not tell)."""

    year: int
    made: dt.date | None


@dataclass(frozen=True)
class RefusedRecord:
    """A quote that cannot enter the lake, and why; `ticker` is its code in printable ASCII."""

    day: dt.date
    ticker: str
    reason: str


@dataclass(frozen=True)
class Cotahist:
    """A whole file: its quotes (QUOTE_TYPE, in the file's order) and what it has besides.

    `days` are those from calendar.FIRST_DAY on that have a record of any market; `left_out` counts the quotes of the
    markets asked for that are older.
    """

    header: Header
    quotes: Quotes
    days: frozenset[dt.date]
    left_out: int
    refused: tuple[RefusedRecord, ...]


def as_number(day: dt.date) -> int:
    """`day` as QUOTE_TYPE writes it."""
    return day.year * 10_000 + day.month * 100 + day.day


def as_date(number: int) -> dt.date:
    """The day that QUOTE_TYPE writes as YYYYMMDD. Raises ValueError when there is none."""
    return dt.date(number // 10_000, number // 100 % 100, number % 100)
