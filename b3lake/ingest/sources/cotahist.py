"""Reads COTAHIST, B3's own record of every trade day: fixed-width records of 245 bytes, parsed as a numpy view.

A file is taken whole or refused whole: its header, the length and type of every record, the dates, the digits and the
count in its trailer are checked before anything of it is given away. Prices become BRL per share (the file quotes
some shares per thousand). Positions below are the specification's, from 1, both included.
"""

import datetime as dt
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from b3lake.lake.errors import B3LakeError

RECORD_BYTES = 245
BLOCK_RECORDS = 1 << 15
# What zipfile raises for damaged members: RuntimeError for one that seems encrypted or of an unknown method, OSError
# from bzip2 and from seeking to where a damaged directory says that a member is.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError)
_HEADER, _QUOTE, _TRAILER = b"00", b"01", b"99"
_CASH_MARKET = b"010"
_DATE, _TICKER, _MARKET = (3, 10), (13, 24), (25, 27)
_PRICES = {"open": (57, 69), "high": (70, 82), "low": (83, 95), "close": (109, 121)}
_VOLUME, _FACTOR = (153, 170), (211, 217)

QUOTE_TYPE = np.dtype(
    [("day", "i4"), ("ticker", "S12"), ("open", "f8"), ("high", "f8"), ("low", "f8"), ("close", "f8"), ("volume", "i8")]
)
"""One cash-market quote: `day` is YYYYMMDD, prices are BRL per share, `volume` is shares."""

Bytes = npt.NDArray[np.uint8]
Quotes = npt.NDArray[np.void]


class CotahistError(B3LakeError):
    """A COTAHIST file that is not what it says it is; nothing of it was used."""

    def __init__(self, file: str, cause: str) -> None:
        super().__init__(f"{file}: {cause}; download it again.")


@dataclass(frozen=True)
class Period:
    """The days that a file covers by its name, both included."""

    start: dt.date
    end: dt.date


def read_quotes(path: Path, period: Period | None = None) -> Quotes:
    """Every cash-market quote of a COTAHIST text or ZIP file (QUOTE_TYPE), in the file's order.

    With `period`, a record outside it condemns the file. Raises CotahistError.
    """
    try:
        with _open_text(path) as stream:
            return _read(stream, path.name, period)
    except (PermissionError, IsADirectoryError) as error:
        raise B3LakeError(f"{path}: it cannot be read ({error.strerror}): give a file that you may read.") from error
    except _BROKEN_ZIP as error:
        raise CotahistError(path.name, f"it is a broken ZIP file ({error})") from error


@contextmanager
def _open_text(path: Path) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if not name.endswith("/")]
        if len(members) != 1:
            raise CotahistError(path.name, f"it holds {len(members)} files where one is expected")
        with archive.open(members[0]) as stream:
            yield stream


def _read(stream: IO[bytes], file: str, period: Period | None) -> Quotes:
    header = stream.readline(RECORD_BYTES + 2)
    ending = header[RECORD_BYTES:]
    if not header.startswith(_HEADER + b"COTAHIST.") or ending not in {b"\r\n", b"\n"}:
        raise CotahistError(file, f"it does not begin with a COTAHIST header of {RECORD_BYTES} bytes")
    period = _checked_period(header, file, period)
    quotes: list[Quotes] = []
    count, trailer = 1, b""
    for records in _blocks(stream, ending, file):
        if trailer:
            raise CotahistError(file, f"it goes on after its trailer, record {count}")
        count += len(records)
        if records[-1, :2].tobytes() == _TRAILER:
            trailer = records[-1].tobytes()
        quotes.append(_parse(records[:-1] if trailer else records, file, period))
    if not trailer:
        raise CotahistError(file, f"it is truncated: it ends after {count} records without a trailer")
    told = trailer[31:42]
    if trailer[2:15] != header[2:15] or not told.isdigit() or int(told) != count:
        raise CotahistError(file, f"its trailer ({trailer[2:42].decode('latin-1')!r}) does not fit its {count} records")
    taken = np.concatenate(quotes)
    for day in np.unique(taken["day"]):
        _check_day(int(day), file)
    return taken


def _checked_period(header: bytes, file: str, period: Period | None) -> Period:
    year_text = header[11:15]
    year = int(year_text) if year_text.isdigit() else 0
    if not 1986 <= year <= 2100:
        raise CotahistError(file, f"its header tells no year ({header[2:31].decode('latin-1')!r})")
    if period is None:
        return Period(dt.date(year, 1, 1), dt.date(year, 12, 31))
    if year != period.start.year:
        raise CotahistError(file, f"its header is of {year}, its name of {period.start.year}")
    return period


def _blocks(stream: IO[bytes], ending: bytes, file: str) -> Iterator[Bytes]:
    """The records after the header, as arrays (records, bytes of a line), each line ended as the first was."""
    size = RECORD_BYTES + len(ending)
    tail = np.frombuffer(ending, np.uint8)
    done = 1
    while block := stream.read(size * BLOCK_RECORDS):
        whole, rest = divmod(len(block), size)
        records = np.frombuffer(block, np.uint8, whole * size).reshape(-1, size)
        wrong = np.flatnonzero((records[:, RECORD_BYTES:] != tail).any(axis=1))
        if rest or len(wrong):
            place = done + (int(wrong[0]) if len(wrong) else whole) + 1
            raise CotahistError(file, f"record {place} is not {RECORD_BYTES} bytes long: it is truncated or damaged")
        done += whole
        yield records


def _parse(records: Bytes, file: str, period: Period) -> Quotes:
    """The cash-market quotes among `records`; all of them are checked for type and date."""
    types = _column(records, (1, 2))
    if (types != np.frombuffer(_QUOTE, np.uint8)[:, None]).any():
        raise CotahistError(file, "it holds a record that is no quote before its trailer")
    days = _number(records, _DATE, file)
    if len(days) and not as_number(period.start) <= days.min() <= days.max() <= as_number(period.end):
        raise CotahistError(file, f"it holds quotes outside {period.start} to {period.end}")
    market = _column(records, _MARKET)
    cash = (market == np.frombuffer(_CASH_MARKET, np.uint8)[:, None]).all(axis=0)
    records, days = records[cash], days[cash]
    quotes = np.empty(len(records), QUOTE_TYPE)
    factor = _number(records, _FACTOR, file)
    if (factor < 1).any():
        raise CotahistError(file, "it holds a quotation factor of zero")
    quotes["day"] = days
    first, last = _TICKER
    quotes["ticker"] = np.char.rstrip(np.ascontiguousarray(records[:, first - 1 : last]).view("S12")[:, 0])
    for name, positions in _PRICES.items():
        quotes[name] = _number(records, positions, file) / (100.0 * factor)
    quotes["volume"] = _number(records, _VOLUME, file)
    return quotes


def _column(records: Bytes, positions: tuple[int, int]) -> Bytes:
    """The bytes of a field, one contiguous row per position."""
    first, last = positions
    return np.ascontiguousarray(records[:, first - 1 : last].T)


def _number(records: Bytes, positions: tuple[int, int], file: str) -> npt.NDArray[np.int64]:
    """The decimal number that a field holds in each record."""
    digits = _column(records, positions) - np.uint8(ord("0"))
    if (digits > 9).any():
        raise CotahistError(file, f"it holds something else than digits at positions {positions[0]} to {positions[1]}")
    value = np.zeros(len(records), np.int64)
    for digit in digits:
        value *= 10
        value += digit
    return value


def as_number(day: dt.date) -> int:
    """`day` as QUOTE_TYPE writes it."""
    return day.year * 10_000 + day.month * 100 + day.day


def _check_day(number: int, file: str) -> None:
    try:
        as_date(number)
    except ValueError as error:
        raise CotahistError(file, f"it holds a quote of {number}, which is no day") from error


def as_date(number: int) -> dt.date:
    """The day that QUOTE_TYPE writes as YYYYMMDD. Raises ValueError when there is none."""
    return dt.date(number // 10_000, number // 100 % 100, number % 100)
