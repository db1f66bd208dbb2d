"""The inventory of the lake that a run compares with: 18 bytes per day and ticker, however long the keys are."""

import datetime as dt
from collections.abc import Iterable

import numpy as np


class Inventory:
    """For each requested ticker and each day of a range: the MD5 of its object, and whether it is registered."""

    def __init__(self, tickers: Iterable[str], start: dt.date, end: dt.date) -> None:
        self._row = {ticker: row for row, ticker in enumerate(tickers)}
        self._first = start.toordinal()
        shape = (len(self._row), end.toordinal() - self._first + 1)
        self._md5 = np.zeros(shape, dtype="V16")
        self._there = np.zeros(shape, dtype=bool)
        self._registered = np.zeros(shape, dtype=bool)

    def _cell(self, day: dt.date, ticker: str) -> tuple[int, int] | None:
        row, column = self._row.get(ticker), day.toordinal() - self._first
        return (row, column) if row is not None and 0 <= column < self._there.shape[1] else None

    def note_object(self, day: dt.date, ticker: str, md5: bytes | None) -> None:
        """The listing has this object; of other tickers and days nothing is kept."""
        if cell := self._cell(day, ticker):
            self._there[cell] = True
            self._md5[cell] = np.void(md5 or bytes(16))

    def note_registered(self, day: dt.date, ticker: str) -> None:
        """The catalog has this partition."""
        if cell := self._cell(day, ticker):
            self._registered[cell] = True

    def has_object(self, day: dt.date, ticker: str) -> bool:
        cell = self._cell(day, ticker)
        return cell is not None and bool(self._there[cell])

    def has_bytes(self, day: dt.date, ticker: str, md5: bytes) -> bool:
        """Whether the object is there with exactly the bytes that `md5` is of."""
        cell = self._cell(day, ticker)
        return cell is not None and bool(self._there[cell]) and self._md5[cell].tobytes() == md5

    def is_registered(self, day: dt.date, ticker: str) -> bool:
        cell = self._cell(day, ticker)
        return cell is not None and bool(self._registered[cell])


class ReadInventory(Inventory):
    """Of partitions that were read and are known to differ from what is to be put: nothing is compared again."""

    def __init__(self) -> None:
        super().__init__((), dt.date(1970, 1, 1), dt.date(1970, 1, 1))

    def is_registered(self, day: dt.date, ticker: str) -> bool:
        return True
