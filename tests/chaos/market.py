"""Yahoo in a chaos run: shares as they were traded, events that come while it goes on, and wrong answers."""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from b3lake.lake.calendar import sessions_between
from devlake.fake_http import Reply
from devlake.fake_yahoo import FakeYahoo, Query, chart, error
from devlake.traded_days import TradedDay, trade
from devlake.yahoo_share import YahooShare
from tests.chaos.faults import Fault, Kind, MarketFault, YahooFault

SYMBOLS = {
    "PETR4": "PETR4.SA",
    "VALE3": "VALE3.SA",
    "ITUB4": "ITUB4.SA",
    "WEGE3": "WEGE3.SA",
    "MGLU3": "MGLU3.SA",
    "IBOV": "^BVSP",
}
FIRST, LAST = dt.date(2023, 12, 4), dt.date(2024, 3, 28)  # two years, so two history objects
SESSIONS = sessions_between(FIRST, LAST)
BEGIN = 14
"""So many sessions have come when the run begins; the others come with the events that lie in them, or by the month."""
MONTH_SESSIONS = 20

# Session to dividend and split. Yahoo prints dividends with six decimals: none here is followed by a split of 1.05.
EVENTS: dict[str, dict[int, tuple[str, str]]] = {
    "PETR4": {5: ("0.25", "1"), 17: ("0", "2"), 34: ("0.5", "1"), 55: ("0", "1.25")},
    "VALE3": {9: ("0", "4"), 18: ("1.12", "1"), 41: ("0.4", "0.1"), 62: ("0.75", "1")},
    "ITUB4": {16: ("0.02", "1"), 29: ("0", "5"), 45: ("0.02", "1"), 59: ("0", "2")},
    "WEGE3": {19: ("0", "1.05"), 38: ("0.33", "1"), 66: ("0.12", "1")},
    "MGLU3": {15: ("0", "0.1"), 32: ("0.6", "1"), 52: ("0", "4")},
}
LISTED_LATE = {"PETR4.SA": 5, "VALE3.SA": 18, "ITUB4.SA": 16, "WEGE3.SA": 38, "MGLU3.SA": 32}
"""Dividends that Yahoo lists late: by symbol the session whose dividend it does not know yet."""


class Market:
    """Every share as it was traded up to now, and the fake Yahoo that tells of it."""

    def __init__(self) -> None:
        self.yahoo = FakeYahoo()
        self.shares = {symbol: _share(ticker, symbol) for ticker, symbol in SYMBOLS.items()}
        self.told_wrongly: set[str] = set()
        """The symbols about which Yahoo has told something else than the truth, since it last told it."""
        self.tell_the_truth()

    @property
    def today(self) -> dt.date:
        """The newest day that has come."""
        return next(iter(self.shares.values())).today

    @property
    def bars(self) -> int:
        """How many there are by now."""
        return sum(len(share.known()) for share in self.shares.values())

    def tell_the_truth(self) -> None:
        """Answer every request rightly from now on, as far as Yahoo knows."""
        self.yahoo.scripted = {symbol: [share] for symbol, share in self.shares.items()}
        self.told_wrongly.clear()

    def inject(self, fault: Fault, on_met: Callable[[], None]) -> None:
        """Let something happen to a share, or answer its next request wrongly; `on_met` is called when it is done."""
        rng = random.Random(fault.seed)
        if fault.kind in COMING:
            coming = next((day for day in SESSIONS if day > self.today and COMING[fault.kind](self, day)), None)
            self._let_come(coming or self.today)
            if coming:
                on_met()
            return
        if fault.kind in HAPPENINGS:
            shares = list(self.shares.values())
            rng.shuffle(shares)
            if any(HAPPENINGS[fault.kind](share, rng) for share in shares):
                on_met()
            return
        # One wrong answer is the end of a share's questions, unless it is asked again: each meets a share of its own.
        fewest = min(len(answers) for answers in self.yahoo.scripted.values())
        symbol = rng.choice([one for one in sorted(self.shares) if len(self.yahoo.scripted[one]) == fewest])
        share = self.shares[symbol]

        def answer_wrongly(query: Query) -> Reply:
            on_met()
            self.told_wrongly.add(symbol)
            return WRONG_ANSWERS[fault.kind](share, query, rng)

        self.yahoo.scripted[symbol].insert(0, answer_wrongly)

    def _let_come(self, day: dt.date) -> None:
        """Let the sessions up to `day` come."""
        for share in self.shares.values():
            share.today = day

    def has(self, day: dt.date, is_such: Callable[[TradedDay], bool]) -> bool:
        """Whether `day` is such a day for any share."""
        return any(is_such(one) for share in self.shares.values() for one in share.days if one.day == day)

    def revise_volumes(self, seed: int) -> None:
        """Revise some volumes, as Yahoo does for days, so that every ingestion has something to write."""
        for share in self.shares.values():
            _revise(share, random.Random(seed), count=3)


def _share(ticker: str, symbol: str) -> YahooShare:
    """A random walk in hundredths with the share's events; a split moves the price as much."""
    rng = random.Random(ticker)
    events = EVENTS.get(ticker, {})
    price, closes = rng.uniform(2000, 9000), []
    for session in range(len(SESSIONS)):
        price *= (1 + rng.gauss(0, 0.015)) / float(events.get(session, ("0", "1"))[1])
        closes.append(round(price))
    days = trade(closes, events, FIRST)
    forgotten = {SESSIONS[LISTED_LATE[symbol]]} if symbol in LISTED_LATE else set()
    return YahooShare(symbol, days, SESSIONS[BEGIN - 1], forgotten=forgotten)


def _revise(share: YahooShare, rng: random.Random, *, count: int) -> bool:
    days = list(share.days)
    for index in rng.sample(range(len(share.known())), count):
        days[index] = replace(days[index], volume=days[index].volume + 100 * rng.randint(1, 9))
    share.days = days
    return True


def _learns(share: YahooShare) -> bool:
    """Let Yahoo list an event of a day that has come; whether there is one that it does not."""
    late = sorted(day for day in share.forgotten if day <= share.today)
    if late:
        share.forgotten = share.forgotten - {late[0]}
    return bool(late)


def _with_splits(share: YahooShare, rng: random.Random) -> dt.date | None:
    """One of the splits that have come."""
    days = [day for day, _ in share.splits()]
    return rng.choice(days) if days else None


def _split_forgotten(share: YahooShare, query: Query, rng: random.Random) -> Reply:
    day = _with_splits(share, rng)
    return replace(share, forgotten=share.forgotten | ({day} if day else set()))(query)


def _split_applied_twice(share: YahooShare, query: Query, rng: random.Random) -> Reply:
    day = _with_splits(share, rng)
    return replace(share, applied={day: 2} if day else {})(query)


def _split_not_applied(share: YahooShare, query: Query, rng: random.Random) -> Reply:
    day = _with_splits(share, rng)
    return replace(share, applied={day: 0} if day else {})(query)


def _within(share: YahooShare, query: Query) -> list[dict[str, Any]]:
    return [bar for bar in share.bars() if query.start <= bar["ts"] < query.end]


def _half(share: YahooShare, query: Query, _rng: random.Random) -> Reply:
    bars = _within(share, query)
    return chart(share.symbol, bars[: max(1, len(bars) // 2)])


def _without_prices(share: YahooShare, query: Query, rng: random.Random) -> Reply:
    bars = _within(share, query)
    for bar in rng.sample(bars, max(1, len(bars) // 4)):
        bar.update(dict.fromkeys(("open", "high", "low", "close", "adjclose", "volume")))
    return chart(share.symbol, bars)


def _partial_bar(share: YahooShare, query: Query, _rng: random.Random) -> Reply:
    """The last bar as it was before the session's end."""
    bars = _within(share, query)
    last = bars[-1]
    last.update(close=last["open"], adjclose=last["open"], volume=last["volume"] // 3)
    return chart(share.symbol, bars)


WRONG_ANSWERS: dict[Kind, Callable[[YahooShare, Query, random.Random], Reply]] = {
    YahooFault.TOO_MANY_REQUESTS: lambda _share, _query, _rng: Reply(429, "Too Many Requests\r\n"),
    YahooFault.SERVER_ERROR: lambda _share, _query, _rng: Reply(500, "Internal Server Error"),
    YahooFault.NO_BARS: lambda share, _query, _rng: chart(share.symbol, []),
    YahooFault.ANSWER_CUT: lambda share, query, _rng: replace(share(query), cut=True),
    YahooFault.NOT_FOUND: lambda *_: error(404, "Not Found", "No data found, symbol may be delisted"),
    YahooFault.HTML_PAGE: lambda _share, _query, _rng: Reply(502, "<html><body>Bad gateway</body></html>"),
    YahooFault.HALF_OF_THE_BARS: _half,
    YahooFault.BARS_WITHOUT_PRICES: _without_prices,
    YahooFault.ANOTHER_SYMBOL: lambda share, query, _rng: chart("MSFT", _within(share, query)),
    YahooFault.PARTIAL_BAR: _partial_bar,
    YahooFault.FORGETS_A_SPLIT: _split_forgotten,
    YahooFault.APPLIES_A_SPLIT_TWICE: _split_applied_twice,
    YahooFault.DOES_NOT_APPLY_A_SPLIT: _split_not_applied,
}
"""The answer about a share in place of the right one."""

COMING: dict[Kind, Callable[[Market, dt.date], bool]] = {
    MarketFault.SPLIT: lambda market, day: market.has(day, lambda one: one.split != 1),
    MarketFault.DIVIDEND: lambda market, day: market.has(day, lambda one: one.dividend > 0),
    MarketFault.HOST_OFF: lambda market, day: SESSIONS.index(day) == SESSIONS.index(market.today) + MONTH_SESSIONS,
}
"""Up to which day the sessions come; after a month no run's window reaches back to the first of them."""

HAPPENINGS: dict[Kind, Callable[[YahooShare, random.Random], bool]] = {
    MarketFault.LATE_EVENT: lambda share, _rng: _learns(share),
    MarketFault.VOLUMES_RESTATED: lambda share, rng: _revise(share, rng, count=5),
}
"""Changes of a share that stay; each returns false where no more of its kind are to come."""
