"""A source that answers as it is told to."""

from collections.abc import AsyncIterator

import pyarrow as pa

from b3lake.ingest.sources.source import Delivery, Failure, Notice, Selection
from tests.ingest.lake_cases import DAYS


class Source:
    """A source with these answers, whatever is asked."""

    label, has_events = "yahoo", True

    def __init__(self, *answers: Delivery | Failure | Notice) -> None:
        self._answers = answers

    async def fetch(self, _wanted: Selection) -> AsyncIterator[Delivery | Failure | Notice]:
        for answer in self._answers:
            yield answer

    def why_no_bars(self, ticker: str) -> str:
        return f"no bars of {ticker}"


def bars(*tables: pa.Table, **said: object) -> Delivery:
    """A delivery of these tables, named after its tickers."""
    tickers = sorted({ticker for one in tables for ticker in one["ticker"].to_pylist()}) or ["A"]
    return Delivery("+".join(tickers), tickers, DAYS[0], DAYS[-1], tables, **said)
