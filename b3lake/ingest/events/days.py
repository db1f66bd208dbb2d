"""The days on which tickers have a row: four bytes each, for a lake may have millions. Pure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Set

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ordinals = npt.NDArray[np.int32]
"""Days as dt.date.toordinal has them."""

_EPOCH = dt.date(1970, 1, 1).toordinal()
_NONE = np.empty(0, np.int32)


class TradeDays:
    """Days by ticker, added in any order and more than once."""

    def __init__(self) -> None:
        self._sorted: dict[str, Ordinals] = {}
        self._added: defaultdict[str, list[Ordinals]] = defaultdict(list)

    def add(self, ticker: str, days: Ordinals) -> None:
        """Add `days` of `ticker`."""
        self._added[ticker].append(days)

    def of(self, ticker: str) -> Ordinals:
        """The days of `ticker`, each once, oldest first."""
        known = self._sorted.get(ticker, _NONE)
        if added := self._added.pop(ticker, None):
            known = self._sorted[ticker] = np.unique(np.concatenate([known, *added]))
        return known

    def dates(self, ticker: str) -> list[dt.date]:
        """As `of`, as dates."""
        return dates(self.of(ticker))

    def tickers(self) -> Set[str]:
        """The tickers that have any day."""
        return self._sorted.keys() | self._added.keys()


def dates(days: Ordinals) -> list[dt.date]:
    """`days` as dates."""
    return [dt.date.fromordinal(day) for day in days.tolist()]


def by_ticker(bars: pa.Table) -> Iterator[tuple[str, int, Ordinals]]:
    """For each ticker of `bars` (BARS_SCHEMA, sorted by ticker and day) its first row and the days of its rows."""
    if not len(bars):
        return
    days = bars["day"].combine_chunks().cast(pa.int32()).to_numpy() + np.int32(_EPOCH)
    codes = bars["ticker"].combine_chunks().dictionary_encode()
    numbers = codes.indices.to_numpy()
    starts = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1]))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(numbers)], strict=True):
        yield codes.dictionary[int(numbers[start])].as_py(), start, days[start:end]
