"""Builds Yahoo's answers, good and bad, for the tests of the ingestion."""

import datetime as dt

from b3lake.lake.calendar import B3_ZONE
from devlake.fake_http import Reply
from devlake.fake_yahoo import chart

SESSIONS = [dt.date(2024, 5, day) for day in (2, 3, 6, 7, 8)]


def stamp(day: dt.date, hour: int = 10) -> int:
    """Epoch seconds of an hour of `day` at B3."""
    return int(dt.datetime.combine(day, dt.time(hour), B3_ZONE).timestamp())


def bar(day: dt.date, price: float = 10.0, **changes: object) -> dict[str, object]:
    """A plausible bar of `day`, with whatever is to be wrong with it."""
    plausible = {
        "ts": stamp(day),
        "open": price,
        "high": price + 0.5,
        "low": price - 0.5,
        "close": price,
        "adjclose": price - 1,
        "volume": 1000,
    }
    return plausible | changes


def answer_with(bars: list[dict[str, object]], symbol: str = "PETR4.SA", **meta: object) -> Reply:
    return chart(symbol, bars, **meta)


def events(answer: Reply, **kinds: dict[str, dict[str, object]]) -> Reply:
    """`answer` with dividends or splits."""
    answer.body["chart"]["result"][0]["events"] = kinds
    return answer
