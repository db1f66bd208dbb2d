"""Follows each ticker's prices through all rows that the doctor reads, in whatever order it reads them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from b3lake.ingest.steps import Days, Step, unexplained_steps
from b3lake.ingest.validate import carried_forward, refusals

_COLUMNS = ["day", "ts", "open", "close", "dividends", "stock_splits"]
_ORDER = [(name, "ascending") for name in ("ticker", "day", "ts")]


class PriceSeries:
    """The possible rows of a lake, as far as steps need them: some 50 bytes a row."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._batches: list[pa.Table] = []

    def note(self, bars: pa.Table) -> None:
        """Take some rows (BARS_SCHEMA)."""
        rows = bars.filter(pa.array((refusals(bars) == "") & ~carried_forward(bars)))
        codes = [self._codes.setdefault(ticker, len(self._codes)) for ticker in rows["ticker"].to_pylist()]
        self._batches.append(rows.select(_COLUMNS).append_column("ticker", pa.array(codes, pa.int32())))

    def steps(self) -> Iterator[tuple[str, Step]]:
        """Each ticker's steps of prices that no event of its rows explains; an event that is not known is none."""
        if not any(map(len, self._batches)):
            return
        rows = pa.concat_tables(self._batches).sort_by(_ORDER)
        names = list(self._codes)
        codes, dates = rows["ticker"].to_numpy(), rows["day"].to_numpy().astype("datetime64[D]")
        first = _begins(codes, dates)
        last = np.append(first[1:], len(rows)) - 1
        dividends, ratios = (np.nan_to_num(rows[name].to_numpy()) for name in ("dividends", "stock_splits"))
        days = Days(
            days=dates[first],
            opens=rows["open"].to_numpy()[first],
            closes=rows["close"].to_numpy()[last],
            dividends=np.add.reduceat(dividends, first),
            splits=np.multiply.reduceat(np.where(ratios > 0, ratios, 1.0), first),
        )
        begins = _begins(codes[first])
        for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(first)], strict=True):
            for step in unexplained_steps(days.between(begin, end)):
                yield names[codes[first[begin]]], step


def _begins(*keys: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Where a row differs from the one before it in any of the `keys`."""
    differs = np.zeros(len(keys[0]), bool)
    differs[:1] = True
    for key in keys:
        differs[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(differs)
