"""One share as Yahoo tells of it on a given day: everything in that day's shares, printed as 32-bit floats.

    share = YahooShare("PETR4.SA", trade([4000, 4040, 1015], {2: ("0", "4")}))
    fake = FakeYahoo({share.symbol: [share]})
    share.today = share.days[1].day           # the split has not come yet: 40.00 is 40.00
    share.today = share.days[2].day           # and now it is 10.00

Yahoo's own mistakes are settings: a split that it lists and has not applied, or applied twice, or forgot.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from b3lake.lake.calendar import B3_ZONE
from devlake.fake_http import Reply
from devlake.fake_yahoo import MINUTES, Query, chart, error
from devlake.invented_quotes import OPENS_AT, SESSION_MINUTES, opening
from devlake.traded_days import PRICES, TradedDay, shares_later

DIVIDEND_DECIMALS = 6
DAYS_A_REQUEST = {"1m": 8, "2m": 60, "5m": 60, "15m": 60, "30m": 60, "90m": 60, "1h": 730, "60m": 730}
"""How many days before today bars of this length are served of, and of 1m in one request."""


@dataclass
class YahooShare:
    """Answers a query as Yahoo does on the day `today`, when of `days` those up to it have come.

    `applied` says how often the split of a day is divided out (1), `forgotten` which events are not listed, and
    `currencies` in which currency a day's dividend is said to be (without any it is not said).
    """

    symbol: str
    days: Sequence[TradedDay]
    today: dt.date = dt.date.max
    applied: dict[dt.date, int] = field(default_factory=dict)
    forgotten: set[dt.date] = field(default_factory=set)
    currencies: dict[dt.date, str] = field(default_factory=dict)

    def __call__(self, query: Query) -> Reply:
        if refusal := self._too_far_back(query):
            return refusal
        bars = [bar for bar in self.bars(query.interval) if query.start <= bar["ts"] < query.end]
        if not bars:
            return error(400, "Bad Request", f"Data doesn't exist for startDate = {query.start}, endDate = {query.end}")
        return chart(self.symbol, bars, query.interval, self._events(query), firstTradeDate=opening(self.days[0].day))

    def known(self) -> list[tuple[TradedDay, Fraction]]:
        """The days that have come, each with the shares of today that one of its shares has become."""
        known = [day for day in self.days if day.day <= self.today]
        return list(zip(known, shares_later(known, self.applied), strict=True))

    def bars(self, interval: str = "1d") -> list[dict[str, Any]]:
        """The bars of the days that have come, for `chart`; shorter ones all have the prices of their day."""
        count = SESSION_MINUTES // MINUTES[interval]
        found = []
        for (day, shares), adjusted in zip(self.known(), self._adjusted_closes(), strict=True):
            prices = {
                name: single(Fraction(price, 100) / shares) for name, price in zip(PRICES, day.prices, strict=True)
            }
            begin = opening(day.day)
            found += [
                {"day": day.day, "ts": begin + i * MINUTES[interval] * 60, "adjclose": adjusted, **prices}
                | {"volume": round(day.volume * shares / count)}
                for i in range(count)
            ]
        return found

    def splits(self) -> list[tuple[dt.date, Fraction]]:
        """The splits that are listed."""
        return [(day.day, day.split) for day, _ in self.known() if day.split != 1 and day.day not in self.forgotten]

    def dividends(self) -> list[tuple[dt.date, float]]:
        """The dividends that are listed, per share of today."""
        return [
            (day.day, round(float(day.dividend / shares), DIVIDEND_DECIMALS))
            for day, shares in self.known()
            if day.dividend and day.day not in self.forgotten
        ]

    def _adjusted_closes(self) -> list[float]:
        """Yahoo's Adj Close: what a holder of each day's close would have now, cash put back into the share."""
        known = self.known()
        factor, adjusted = Fraction(1), []
        for i in range(len(known) - 1, -1, -1):
            day, shares = known[i]
            adjusted.append(single(Fraction(day.prices[-1], 100) / shares * factor))
            if i:
                factor *= 1 - day.dividend / Fraction(known[i - 1][0].prices[-1], 100)
        return adjusted[::-1]

    def _events(self, query: Query) -> dict[str, dict[str, dict[str, object]]]:
        """The events listed for the days of the query, in Yahoo's form; answers about shorter bars have no events."""
        if query.interval != "1d":
            return {}
        events: dict[str, dict[str, dict[str, object]]] = {}
        for day, ratio in self.splits():
            numerator, denominator = ratio.as_integer_ratio()
            form = {"numerator": numerator, "denominator": denominator, "splitRatio": f"{numerator}:{denominator}"}
            events.setdefault("splits", {})[str(opening(day))] = {"date": opening(day), **form}
        for day, amount in self.dividends():
            currency = {"currency": self.currencies[day]} if day in self.currencies else {}
            events.setdefault("dividends", {})[str(opening(day))] = {"amount": amount, "date": opening(day), **currency}
        for kind, listed in events.items():
            events[kind] = {key: event for key, event in listed.items() if query.start <= int(key) < query.end}
        return {kind: listed for kind, listed in events.items() if listed}

    def _too_far_back(self, query: Query) -> Reply | None:
        """Yahoo's refusal to tell of bars shorter than a day that are old."""
        if query.interval == "1d":
            return None
        today = min(self.today, self.days[-1].day)
        allowed = DAYS_A_REQUEST[query.interval]
        end = int(dt.datetime.combine(today, OPENS_AT, B3_ZONE).timestamp())
        if query.start >= end - allowed * 86400:
            return None
        text = f"{query.interval} data not available for startTime={query.start} and endTime={query.end}. "
        return error(422, "Unprocessable Entity", f"{text}The requested range must be within the last {allowed} days.")


def single(number: Fraction) -> float:
    """A number as Yahoo prints it."""
    return float(np.float32(float(number)))
