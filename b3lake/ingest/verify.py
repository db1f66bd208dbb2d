"""Compares Yahoo's quotes with B3's own, day by day, where both have the ticker: both as they were traded."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from b3lake.ingest.errors import TickerError
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources.source import Failure, Notice, Selection, Source
from b3lake.ingest.tolerance import CENT, ROUNDING, smallest_steps
from b3lake.ingest.validate import BARS_SCHEMA, validate

Prices = npt.NDArray[np.float64]
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Difference:
    """Days on end on which Yahoo's quotes of a ticker differ from B3's in one way.

    `factor` is B3's price divided by Yahoo's where one number explains all four prices, else None: then Yahoo has a
    split or bonus wrong, since those that it lists were undone. `column`, `yahoo` and `b3` are the worst price of the
    first day, in BRL.
    """

    ticker: str
    start: dt.date
    end: dt.date
    days: int
    factor: float | None
    column: str
    yahoo: float
    b3: float

    def as_record(self) -> dict[str, object]:
        """The difference as JSON takes it."""
        return self.__dict__ | {"start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass
class Comparison:
    """How many days of how many tickers both sources have, what differs, and what could not be compared and why."""

    days: int
    differences: list[Difference]
    not_compared: dict[str, str]


async def compare_sources(wanted: Selection, yahoo: Source, b3: Source, steps: Steps) -> Comparison:
    """Fetch the bars of `wanted` from both sources and compare them; nothing is written.

    Raises UsageError when no COTAHIST file is there to read.
    """
    theirs, refused = await _collect(yahoo, wanted, steps)
    official, unusable = await _collect(b3, wanted, steps)
    not_compared = {one.ticker: one.error.cause for one in refused if isinstance(one.error, TickerError) and one.ticker}
    pairs = _pair(theirs, official)
    both = set(pairs["ticker"].to_pylist())
    failed = "; ".join(str(one.error) for one in unusable)
    lacking = [ticker for ticker in wanted.tickers or () if ticker not in both | not_compared.keys()]
    not_compared |= {ticker: failed or f"B3 has {b3.why_no_bars(ticker)}" for ticker in lacking}
    return Comparison(len(pairs), list(differences(pairs)), not_compared)


async def _collect(source: Source, wanted: Selection, steps: Steps) -> tuple[pa.Table, list[Failure]]:
    """All validated bars that `source` has of `wanted`, and what it could not give."""
    tables, failures = [BARS_SCHEMA.empty_table()], []
    async for answer in source.fetch(wanted):
        if isinstance(answer, Failure):
            failures.append(answer)
            steps.tell(str(answer.error))
            continue
        if isinstance(answer, Notice):
            steps.tell(answer.text)
            continue
        steps.advance(f"{answer.name}: fetched")
        tables += [validate(bars, start=wanted.start, end=wanted.end, official=True).bars for bars in answer.batches]
    return pa.concat_tables(tables, promote_options="default"), failures


def _pair(theirs: pa.Table, official: pa.Table) -> pa.Table:
    """Yahoo's prices and B3's (`b3_open`, …; `b3_factor`, if B3 has any) side by side, by ticker and day."""
    keys = ["ticker", "day"]
    columns = [name for name in (*PRICES, "factor") if name in official.schema.names]
    renamed = official.select([*keys, *columns]).rename_columns([*keys, *(f"b3_{name}" for name in columns)])
    joined = theirs.select([*keys, *PRICES]).join(renamed, keys=keys, join_type="inner")
    return joined.sort_by([(key, "ascending") for key in keys])


def differences(pairs: pa.Table) -> Iterator[Difference]:
    """The differences in `pairs` (ticker, day, four prices and four of B3's, sorted), days on end as one. Pure.

    Prices differ by more than the file can express, and Yahoo's 32 bits: by a cent of the quotation, which may be of a
    thousand shares (`b3_factor`; without that column it is told by the prices).
    """
    yahoo = np.column_stack([pairs[name].to_numpy() for name in PRICES])
    official = np.column_stack([pairs[f"b3_{name}"].to_numpy() for name in PRICES])
    known = "b3_factor" in pairs.schema.names
    steps = (CENT / pairs["b3_factor"].to_numpy() if known else smallest_steps(official))[:, None]
    differs = (np.abs(yahoo - official) > steps + ROUNDING * official).any(axis=1)
    factors = _common_factors(yahoo, official, steps)
    tickers, days = pairs["ticker"].to_pylist(), pairs["day"].to_pylist()
    for run in _runs(tickers, differs, factors):
        first = run[0]
        worst = int(np.abs(yahoo[first] - official[first]).argmax())
        yield Difference(
            ticker=tickers[first],
            start=days[first],
            end=days[run[-1]],
            days=len(run),
            factor=None if np.isnan(factors[first]) else round(float(np.median(factors[run])), 4),
            column=PRICES[worst],
            yahoo=float(yahoo[first, worst]),
            b3=float(official[first, worst]),
        )


def _common_factors(yahoo: Prices, official: Prices, steps: Prices) -> Prices:
    """Per day the number that B3's four prices are Yahoo's times, to their rounding; NaN where there is none."""
    factors = official.sum(axis=1) / yahoo.sum(axis=1)
    allowed = steps * np.maximum(1, factors)[:, None] + ROUNDING * official
    explained = (np.abs(yahoo * factors[:, None] - official) <= allowed).all(axis=1)
    return np.where(explained, factors, np.nan)


def _runs(tickers: list[str], differs: npt.NDArray[np.bool_], factors: Prices) -> Iterator[list[int]]:
    """The positions that differ, those on end together that are of one ticker and differ in one way."""
    run: list[int] = []
    for i in np.flatnonzero(differs).tolist():
        if run:
            before = run[-1]
            same_way = np.isclose(factors[before], factors[i], rtol=0.01, equal_nan=True)
            if i != before + 1 or tickers[before] != tickers[i] or not same_way:
                yield run
                run = []
        run.append(i)
    if run:
        yield run
