"""Yahoo in a chaos run: true quotes that restatements move, and wrong answers to single requests."""

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

from b3lake.lake.calendar import B3_ZONE
from devlake.fake_http import Reply
from devlake.fake_yahoo import FakeYahoo, Query, Responder, chart, error, synthetic
from tests.chaos.faults import Fault, Kind, YahooFault

SYMBOLS = {
    "PETR4": "PETR4.SA",
    "VALE3": "VALE3.SA",
    "ITUB4": "ITUB4.SA",
    "WEGE3": "WEGE3.SA",
    "MGLU3": "MGLU3.SA",
    "IBOV": "^BVSP",
}
FIRST, LAST = dt.date(2023, 12, 4), dt.date(2024, 1, 19)  # two years, so two history objects
_PRICES = ("open", "high", "low", "close", "adjclose")

Bar = dict[str, Any]


def _epoch(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), B3_ZONE).timestamp())


class Market:
    """The bars of every symbol as they are true now, and the fake Yahoo that tells them."""

    def __init__(self) -> None:
        self.yahoo = FakeYahoo()
        self.bars = {symbol: _invented(symbol) for symbol in SYMBOLS.values()}
        self.tell_the_truth()

    def tell_the_truth(self) -> None:
        """Answer every request rightly from now on."""
        self.yahoo.scripted = {symbol: [self._truth(symbol)] for symbol in self.bars}

    def inject(self, fault: Fault, on_met: Callable[[], None]) -> None:
        """Answer one symbol's next request wrongly, or restate its past; `on_met` is called when it is done."""
        rng = random.Random(fault.seed)
        symbol = rng.choice(sorted(self.bars))
        if fault.kind in RESTATEMENTS:
            RESTATEMENTS[fault.kind](self.bars[symbol], rng)
            on_met()
            return

        def answer_wrongly(query: Query) -> Reply:
            on_met()
            return WRONG_ANSWERS[fault.kind](symbol, _within(self.bars[symbol], query), rng)

        self.yahoo.scripted[symbol].insert(0, answer_wrongly)

    def revise_volumes(self, seed: int) -> None:
        """Revise some volumes, as Yahoo does for days, so that every ingestion has something to write."""
        rng = random.Random(seed)
        for bars in self.bars.values():
            for bar in rng.sample(bars, 3):
                bar["volume"] += 100

    def _truth(self, symbol: str) -> Responder:
        return lambda query: chart(symbol, _within(self.bars[symbol], query))


def _invented(symbol: str) -> list[Bar]:
    answer = synthetic(Query(symbol, _epoch(FIRST), _epoch(LAST + dt.timedelta(days=1)), "1d"))
    assert isinstance(answer.body, dict)
    result = answer.body["chart"]["result"][0]
    quote = result["indicators"]["quote"][0]
    return [
        {"ts": ts, "adjclose": quote["close"][i], **{name: quote[name][i] for name in quote}}
        for i, ts in enumerate(result["timestamp"])
    ]


def _within(bars: list[Bar], query: Query) -> list[Bar]:
    return [dict(bar) for bar in bars if query.start <= bar["ts"] < query.end]


def _half(bars: list[Bar], _rng: random.Random) -> list[Bar]:
    return bars[: max(1, len(bars) // 2)]


def _without_prices(bars: list[Bar], rng: random.Random) -> list[Bar]:
    for bar in rng.sample(bars, max(1, len(bars) // 4)):
        bar.update(dict.fromkeys((*_PRICES, "volume")))
    return bars


def _with_a_partial_bar(bars: list[Bar], _rng: random.Random) -> list[Bar]:
    """The last bar as it was before the session's end."""
    last = bars[-1]
    last.update(close=last["open"], adjclose=last["open"], volume=last["volume"] // 3)
    return bars


def _restate_volumes(bars: list[Bar], rng: random.Random) -> None:
    for bar in rng.sample(bars, 5):
        bar["volume"] += rng.randint(1, 9) * 100


def _restate_a_split(bars: list[Bar], rng: random.Random) -> None:
    for bar in bars[: rng.randrange(1, len(bars))]:
        bar.update({name: bar[name] / 2 for name in _PRICES}, volume=bar["volume"] * 2)


WRONG_ANSWERS: dict[Kind, Callable[[str, list[Bar], random.Random], Reply]] = {
    YahooFault.TOO_MANY_REQUESTS: lambda _symbol, _bars, _rng: Reply(429, "Too Many Requests\r\n"),
    YahooFault.NOT_FOUND: lambda _symbol, _bars, _rng: error(404, "Not Found", "No data found, symbol may be delisted"),
    YahooFault.HTML_PAGE: lambda _symbol, _bars, _rng: Reply(502, "<html><body>Bad gateway</body></html>"),
    YahooFault.HALF_OF_THE_BARS: lambda symbol, bars, rng: chart(symbol, _half(bars, rng)),
    YahooFault.BARS_WITHOUT_PRICES: lambda symbol, bars, rng: chart(symbol, _without_prices(bars, rng)),
    YahooFault.ANOTHER_SYMBOL: lambda _symbol, bars, _rng: chart("MSFT", bars),
    YahooFault.PARTIAL_BAR: lambda symbol, bars, rng: chart(symbol, _with_a_partial_bar(bars, rng)),
}
"""The answer about a symbol in place of the right one, which has these bars."""

RESTATEMENTS: dict[Kind, Callable[[list[Bar], random.Random], None]] = {
    YahooFault.VOLUMES_RESTATED: _restate_volumes,
    YahooFault.SPLIT_RESTATED: _restate_a_split,
}
"""The change of a symbol's true bars."""
