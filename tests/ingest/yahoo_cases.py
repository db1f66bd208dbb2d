"""Builds Yahoo's answers, good and bad, for the tests of the ingestion."""

import datetime as dt

from devlake.fake_yahoo import ZONE, Answer, chart

SESSIONS = [dt.date(2024, 5, day) for day in (2, 3, 6, 7, 8)]


def stamp(day: dt.date, hour: int = 10) -> int:
    """Epoch seconds of an hour of `day` at B3."""
    return int(dt.datetime.combine(day, dt.time(hour), ZONE).timestamp())


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


def answer_with(bars: list[dict[str, object]], symbol: str = "PETR4.SA", **meta: object) -> Answer:
    return chart(symbol, bars, **meta)


def events(answer: Answer, **kinds: dict[str, dict[str, object]]) -> Answer:
    """`answer` with dividends or splits."""
    answer.body["chart"]["result"][0]["events"] = kinds
    return answer
