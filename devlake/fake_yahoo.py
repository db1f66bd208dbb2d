"""A fake Yahoo, as its chart API answers: invented quotes on B3's sessions, or whatever a test scripts.

`python -m devlake.fake_yahoo --port 8900` serves until interrupted; `with serving(FakeYahoo()) as url:` serves inside a
program. The ingestion asks it where B3LAKE_YAHOO_URL says so.

`devlake.yahoo_share` has a share with splits and dividends, told in the shares of any day.
"""

import datetime as dt
import json
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from b3lake.lake.calendar import B3_ZONE
from devlake.fake_http import Reply, Request, serve_until_interrupted
from devlake.invented_quotes import FIRST_SESSION, SESSION_MINUTES, bars, has_quotes, opening

_CHART = re.compile(r"/v8/finance/chart/([^/]+)")
_CRUMB = Reply(200, "fake.crumb")
# Yahoo, too, answers 404 there, and the cookie with it.
_COOKIE_PAGE = Reply(404, "", headers={"Set-Cookie": "A3=fake; Path=/; HttpOnly"})
MINUTES = {"1m": 1, "2m": 2, "5m": 5, "15m": 15, "30m": 30, "60m": 60, "1h": 60, "90m": 90, "1d": SESSION_MINUTES}
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Query:
    """One request: the symbol, the half-open range in epoch seconds, the interval."""

    symbol: str
    start: int
    end: int
    interval: str


Responder = Callable[[Query], Reply]


@dataclass
class FakeYahoo:
    """Answers for a symbol what `scripted` has for it, in turn, the last one for good; else what `others` answers, by
    default with invented quotes.

    `requests` are the charts that were asked for.
    """

    scripted: dict[str, list[Reply | Responder]] = field(default_factory=dict)
    requests: list[Query] = field(default_factory=list)
    others: Responder | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply:
        if request.path == "/v1/test/getcrumb":
            return _CRUMB
        if request.path == "/":
            return _COOKIE_PAGE
        match = _CHART.fullmatch(request.path)
        if not match:
            return error(404, "Not Found", f"the fake Yahoo serves charts only, not {request.path}")
        now = int(dt.datetime.now(dt.timezone.utc).timestamp())
        asked = request.query
        query = Query(
            symbol=match[1],
            start=int(asked.get("period1", now - 7 * 86400)),
            end=int(asked.get("period2", now)),
            interval=asked.get("interval", "1d"),
        )
        return self._chart(query)

    def _chart(self, query: Query) -> Reply:
        with self._lock:
            self.requests.append(query)
            script = self.scripted.get(query.symbol)
            step = (script.pop(0) if len(script) > 1 else script[0]) if script else (self.others or synthetic)
        return step(query) if callable(step) else step


def error(status: int, code: str, description: str) -> Reply:
    """An answer in the form of Yahoo's errors."""
    return Reply(status, {"chart": {"result": None, "error": {"code": code, "description": description}}})


def chart(
    symbol: str,
    bars: Sequence[Mapping[str, Any]],
    interval: str = "1d",
    events: Mapping[str, Mapping[str, Mapping[str, object]]] | None = None,
    **meta: object,
) -> Reply:
    """An answer with `bars`: dicts of ts (epoch seconds), open, high, low, close, volume and, optionally, adjclose.

    `events` are in Yahoo's form: `{"splits": {"1704200400": {"date": 1704200400, "numerator": 4, …}}}`.
    """
    described = {
        "currency": "BRL",
        "symbol": symbol,
        "exchangeName": "SAO",
        "instrumentType": "INDEX" if symbol.startswith("^") else "EQUITY",
        "firstTradeDate": opening(FIRST_SESSION),
        "gmtoffset": -10800,
        "timezone": "BRT",
        "exchangeTimezoneName": B3_ZONE.key,
        "dataGranularity": interval,
        "range": "",
        "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"],
    } | meta
    quote = {name: [bar[name] for bar in bars] for name in (*_PRICES, "volume")}
    indicators: dict[str, object] = {"quote": [quote]}
    if interval == "1d":
        indicators["adjclose"] = [{"adjclose": [bar.get("adjclose", bar["close"]) for bar in bars]}]
    else:
        described["tradingPeriods"] = _trading_periods(bars)
    result: dict[str, object] = {"meta": described, "timestamp": [bar["ts"] for bar in bars], "indicators": indicators}
    if events:
        result["events"] = events
    return Reply(200, {"chart": {"result": [result], "error": None}})


def recorded(path: Path) -> Reply:
    """The answer that a file of `shared/data/yahoo_chart` holds: a body, or a request with its response."""
    held = json.loads(path.read_text(encoding="utf-8"))
    if "response" not in held:
        return Reply(200, held)
    response = held["response"]
    return Reply(response["status"], response.get("bodyJson") or response.get("body"))


def synthetic(query: Query) -> Reply:
    """Invented quotes of any well-formed symbol; 404 for others, 400 where the range has none, as Yahoo does."""
    if not has_quotes(query.symbol):
        return error(404, "Not Found", "No data found, symbol may be delisted")
    around = bars(query.symbol, _day(query.start), _day(query.end), MINUTES[query.interval])
    within = [bar for bar in around if query.start <= bar["ts"] < query.end]
    if not within:
        return error(400, "Bad Request", f"Data doesn't exist for startDate = {query.start}, endDate = {query.end}")
    return chart(query.symbol, within, query.interval)


def _day(epoch: int) -> dt.date:
    return dt.datetime.fromtimestamp(min(max(epoch, 0), 4_000_000_000), B3_ZONE).date()


def _trading_periods(bars: Sequence[Mapping[str, Any]]) -> list[list[dict[str, object]]]:
    days = sorted({_day(bar["ts"]) for bar in bars})
    return [
        [{"timezone": "BRT", "start": opening(day), "end": opening(day) + SESSION_MINUTES * 60, "gmtoffset": -10800}]
        for day in days
    ]


if __name__ == "__main__":
    sys.exit(serve_until_interrupted(FakeYahoo(), "Serve invented quotes as Yahoo's chart API would."))
