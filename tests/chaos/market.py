"""What Yahoo says in a torture run: a truth that restatements move, and wrong answers to single requests."""

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

from devlake.fake_yahoo import ZONE, Answer, FakeYahoo, Query, Responder, chart, error, synthetic
from tests.chaos.plan import Fault

SYMBOLS = {
    "PETR4": "PETR4.SA",
    "VALE3": "VALE3.SA",
    "ITUB4": "ITUB4.SA",
    "WEGE3": "WEGE3.SA",
    "MGLU3": "MGLU3.SA",
    "IBOV": "^BVSP",
}
FIRST, LAST = dt.date(2023, 12, 4), dt.date(2024, 1, 19)  # two years, so two compact objects
_PRICES = ("open", "high", "low", "close", "adjclose")

Bar = dict[str, Any]


def _epoch(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), ZONE).timestamp())


class Market:
    """The bars of every symbol as they are true now."""

    def __init__(self) -> None:
        self.fake_yahoo = FakeYahoo()
        self.bars = {symbol: _invented(symbol) for symbol in SYMBOLS.values()}
        self.be_honest()

    def be_honest(self) -> None:
        """Answer every request with the truth from now on."""
        self.fake_yahoo.scripted = {symbol: [self._truth(symbol)] for symbol in self.bars}

    def lie(self, fault: Fault, on_told: Callable[[], None]) -> None:
        """Answer one symbol's next request wrongly, or move the truth (restatements); `on_told` when it is done."""
        dice = random.Random(fault.dice)
        symbol = dice.choice(sorted(self.bars))
        if fault.kind == "Yahoo restates volumes":
            for bar in dice.sample(self.bars[symbol], 5):
                bar["volume"] += dice.randint(1, 9) * 100
            on_told()
        elif fault.kind == "Yahoo restates a split":
            self._split(symbol, dice)
            on_told()
        else:
            wrong = self._wrong(fault, symbol, dice)

            def tell(query: Query) -> Answer:
                on_told()
                return wrong(query) if callable(wrong) else wrong

            self.fake_yahoo.scripted[symbol].insert(0, tell)

    def drift(self, seed: int) -> None:
        """Revise some volumes, as Yahoo does for days, so that every ingestion has something to write."""
        dice = random.Random(seed)
        for bars in self.bars.values():
            for bar in dice.sample(bars, 3):
                bar["volume"] += 100

    def _split(self, symbol: str, dice: random.Random) -> None:
        bars = self.bars[symbol]
        for bar in bars[: dice.randrange(1, len(bars))]:
            bar.update({name: bar[name] / 2 for name in _PRICES}, volume=bar["volume"] * 2)

    def _truth(self, symbol: str) -> Responder:
        return lambda query: chart(symbol, _within(self.bars[symbol], query))

    def _wrong(self, fault: Fault, symbol: str, dice: random.Random) -> Answer | Responder:
        if fault.kind == "Yahoo answers 429":
            return Answer(429, "Too Many Requests\r\n")
        if fault.kind == "Yahoo answers 404":
            return error(404, "Not Found", "No data found, symbol may be delisted")
        if fault.kind == "Yahoo answers with a page of HTML":
            return Answer(502, "<html><body>Bad gateway</body></html>")
        if fault.kind == "Yahoo answers for another symbol":
            return lambda query: chart("MSFT", _within(self.bars[symbol], query))
        spoil = {
            "Yahoo answers half a frame": _half,
            "Yahoo answers bars without prices": _without_prices,
            "Yahoo answers a partial bar": _partial,
        }[fault.kind]
        return lambda query: chart(symbol, spoil(_within(self.bars[symbol], query), dice))


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


def _half(bars: list[Bar], _dice: random.Random) -> list[Bar]:
    return bars[: max(1, len(bars) // 2)]


def _without_prices(bars: list[Bar], dice: random.Random) -> list[Bar]:
    for bar in dice.sample(bars, max(1, len(bars) // 4)):
        bar.update(dict.fromkeys(("open", "high", "low", "close", "adjclose", "volume")))
    return bars


def _partial(bars: list[Bar], _dice: random.Random) -> list[Bar]:
    """The last bar as it was before the session's end."""
    last = bars[-1]
    last.update(close=last["open"], adjclose=last["open"], volume=last["volume"] // 3)
    return bars
