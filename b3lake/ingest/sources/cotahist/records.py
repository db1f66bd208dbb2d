"""COTAHIST records as arrays of numbers and texts, a block of records at a time."""

from collections.abc import Collection
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from b3lake.ingest.sources.cotahist.layout import (
    CURRENCY,
    DAY,
    FACTOR,
    MARKET,
    MODREF,
    PRICES,
    QUOTE_RECORD,
    QUOTE_TYPE,
    TEXTS,
    TICKER,
    TRADES,
    TURNOVER,
    TYPE,
    VOLUME,
    Bytes,
    CotahistError,
    Positions,
    Quotes,
    RefusedRecord,
    as_date,
    as_number,
)
from b3lake.lake.keys import FIRST_DAY
from b3lake.lake.tickers import is_code

_HALVINGS: tuple[tuple[Any, int], ...] = ((np.uint8, 10), (np.uint16, 100), (np.uint32, 10**4), (np.int64, 10**8))
_BLANK = ord(" ")
_LETTER, _DIGIT, _OTHER = 1, 2, 4
_KIND = np.full(256, _OTHER, np.uint8)
for _byte in range(256):
    if is_code(f"1{_byte:c}"):
        _KIND[_byte] = _LETTER
    elif is_code(f"A{_byte:c}"):
        _KIND[_byte] = _DIGIT
_KIND[_BLANK] = 0  # dropped


class BlockParser:
    """Parses the blocks of one file, and remembers what is told about the whole: days, older and refused records."""

    def __init__(self, file: str, first_day: int, last_day: int, markets: Collection[bytes]) -> None:
        self._file, self._markets = file, markets
        self._first, self._last = first_day, last_day
        self._days: set[int] = set()
        self.left_out = 0
        self.refused: list[RefusedRecord] = []

    @property
    def days(self) -> set[int]:
        """The days (YYYYMMDD) from FIRST_DAY on that any record so far is of."""
        return {day for day in self._days if day >= as_number(FIRST_DAY)}

    def parse(self, records: Bytes) -> Quotes:
        """The quotes (QUOTE_TYPE) of the markets asked for among `records`, an array (records, bytes).

        All records are checked for type and date. Raises CotahistError.
        """
        if not _equal(records, TYPE, QUOTE_RECORD).all():
            raise CotahistError(self._file, "it holds a record that is no quote before its trailer")
        days = self._number(records, DAY).astype(np.int32)
        self._note_days(days)
        wanted = np.zeros(len(records), bool)
        for market in self._markets:
            wanted |= _equal(records, MARKET, market)
        older = wanted & (days < as_number(FIRST_DAY))
        self.left_out += int(older.sum())
        wanted &= ~older
        return self._quotes(records[wanted], days[wanted])

    def _note_days(self, days: npt.NDArray[np.int32]) -> None:
        if not len(days):
            return
        if not self._first <= days.min() <= days.max() <= self._last:
            first, last = as_date(self._first), as_date(self._last)
            raise CotahistError(self._file, f"it holds quotes outside {first} to {last}")
        for day in set(np.unique(days).tolist()) - self._days:
            try:
                as_date(day)
            except ValueError as error:
                raise CotahistError(self._file, f"it holds a quote of {day}, which is no day") from error
            self._days.add(day)

    def _quotes(self, records: Bytes, days: npt.NDArray[np.int32]) -> Quotes:
        tickers = _codes(records)
        sound = _can_be_named(records)
        in_reais = _text(records, MODREF) == CURRENCY
        good = sound & in_reais
        if not good.all():
            self._refuse(records[~good], days[~good], sound[~good])
            records, days, tickers = records[good], days[good], tickers[good]
        factor = self._number(records, FACTOR)
        if (factor < 1).any():
            raise CotahistError(self._file, "it holds a quotation factor of zero")
        quotes = np.empty(len(records), QUOTE_TYPE)
        quotes["day"], quotes["ticker"], quotes["factor"] = days, tickers, factor
        for name, positions in PRICES.items():
            quotes[name] = self._number(records, positions) / (100.0 * factor)
        quotes["volume"] = self._number(records, VOLUME)
        quotes["turnover"] = self._number(records, TURNOVER) / 100.0
        quotes["trades"] = self._number(records, TRADES)
        for name, positions in TEXTS.items():
            quotes[name] = _text(records, positions)
        return quotes

    def _refuse(self, records: Bytes, days: npt.NDArray[np.int32], sound: npt.NDArray[np.bool_]) -> None:
        for record, day, has_code in zip(records, days.tolist(), sound.tolist(), strict=True):
            code, currency = _printable(record, TICKER), _printable(record, MODREF)
            if has_code:
                ticker, reason = code.replace(" ", ""), f"its currency is {currency or 'blank'}, not R$"
            else:
                ticker, reason = code or "(blank)", "its code is not of letters and digits"
            self.refused.append(RefusedRecord(as_date(day), ticker, reason))

    def _number(self, records: Bytes, positions: Positions) -> npt.NDArray[np.int64]:
        """The decimal number that a field holds in each record."""
        digits = _column(records, positions) - np.uint8(ord("0"))
        if (digits > 9).any():
            where = f"positions {positions[0]} to {positions[1]}"
            raise CotahistError(self._file, f"it holds something else than digits at {where}")
        return _value(digits)


def _value(digits: Bytes) -> npt.NDArray[np.int64]:
    """The numbers whose decimal digits are the rows of `digits`, the highest first, at most 18.

    Two digits make a byte, two such 16 bits, and so on: most of the work is done on small numbers, many at a time.
    """
    if len(digits) > 16:
        return _value(digits[:-16]) * 10**16 + _value(digits[-16:])
    size = 8 if len(digits) <= 8 else 16
    parts: npt.NDArray[Any] = np.zeros((size, digits.shape[1]), np.uint8)
    parts[size - len(digits) :] = digits
    for kind, ten in _HALVINGS:
        if len(parts) > 1:
            parts = parts[0::2].astype(kind) * kind(ten) + parts[1::2]
    return cast("npt.NDArray[np.int64]", parts[0].astype(np.int64))


def _codes(records: Bytes) -> npt.NDArray[np.bytes_]:
    """The codes without any blanks, those inside too: until 1998 there are such as `BB  4`."""
    codes = _text(records, TICKER)
    with_blank = (codes.view(np.uint8).reshape(len(codes), codes.itemsize) == _BLANK).any(axis=1)
    for i in np.flatnonzero(with_blank).tolist():
        codes[i] = codes[i].replace(b" ", b"")
    return codes


def _can_be_named(records: Bytes) -> npt.NDArray[np.bool_]:
    """Whether the code of each record, without its blanks, is one as tickers.is_code has it: told by its bytes."""
    kinds = np.bitwise_or.reduce(_KIND[_cut(records, TICKER)], axis=1)
    return cast("npt.NDArray[np.bool_]", kinds == _LETTER | _DIGIT)


def _equal(records: Bytes, positions: Positions, text: bytes) -> npt.NDArray[np.bool_]:
    """Whether a field holds `text`, which is as long as the field, in each record."""
    equal = np.ones(len(records), bool)
    for column, byte in zip(_column(records, positions), text, strict=True):
        equal &= column == byte
    return equal


def _text(records: Bytes, positions: Positions) -> npt.NDArray[np.bytes_]:
    """The bytes that a field holds in each record, without the blanks at its end."""
    cut = _cut(records, positions)
    trailing = np.ones(len(cut), bool)
    for column in cut.T[::-1]:
        trailing &= column == _BLANK
        column[trailing] = 0  # numpy takes zeros at the end of a text for none
    return cut.view(f"S{cut.shape[1]}")[:, 0]


def _cut(records: Bytes, positions: Positions) -> Bytes:
    """The bytes of a field, a copy with one contiguous row per record."""
    first, last = positions
    return records[:, first - 1 : last].copy()


def _column(records: Bytes, positions: Positions) -> Bytes:
    """The bytes of a field, one contiguous row per position."""
    first, last = positions
    return np.ascontiguousarray(records[:, first - 1 : last].T)


def _printable(record: Bytes, positions: Positions) -> str:
    """The text of a field for a person: what is not printable ASCII is escaped."""
    first, last = positions
    return record[first - 1 : last].tobytes().decode("latin-1").strip().encode("unicode_escape").decode("ascii")
