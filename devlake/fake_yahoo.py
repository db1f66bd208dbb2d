"""A fake Yahoo, as its chart API answers: synthetic quotes on B3's sessions, or whatever a test scripts.

The prices are invented, and a function of ticker and date alone: every request for the same days gets the same
quotes, whatever its range, on every machine. `python -m devlake.fake_yahoo --port 8900` serves until interrupted;
`with serving(FakeYahoo()) as url:` serves inside a program. The ingestion asks it where
B3LAKE_YAHOO_URL says so.
"""

import argparse
import datetime as dt
import json
import re
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np

ZONE = ZoneInfo("America/Sao_Paulo")
FIRST_SESSION = dt.date(2000, 1, 3)
OPENS_AT = dt.time(10, 0)
SESSION_MINUTES = 480
_CHART = re.compile(r"/v8/finance/chart/([^/]+)")
_CRUMB, _COOKIE_PAGE = "/v1/test/getcrumb", "/"
_KNOWN = re.compile(r"[A-Z][A-Z0-9]{3}\d{1,2}[A-Z]?\.SA|\^BVSP")
_MINUTES = {"1m": 1, "2m": 2, "5m": 5, "15m": 15, "30m": 30, "60m": 60, "1h": 60, "90m": 90, "1d": SESSION_MINUTES}
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Query:
    """One request: the symbol, the half-open range in epoch seconds, the interval."""

    symbol: str
    start: int
    end: int
    interval: str


@dataclass(frozen=True)
class Answer:
    """What is sent back: a status and a body (text is sent as it is, anything else as JSON)."""

    status: int
    body: object


Responder = Callable[[Query], Answer]


@dataclass
class FakeYahoo:
    """What is served: per symbol a list of answers, taken in turn, the last one for good; else synthetic quotes."""

    scripted: dict[str, list[Answer | Responder]] = field(default_factory=dict)
    requests: list[Query] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, query: Query) -> Answer:
        with self._lock:
            self.requests.append(query)
            script = self.scripted.get(query.symbol)
            step = (script.pop(0) if len(script) > 1 else script[0]) if script else synthetic
        return step(query) if callable(step) else step


def error(status: int, code: str, description: str) -> Answer:
    """An answer in the form of Yahoo's errors."""
    return Answer(status, {"chart": {"result": None, "error": {"code": code, "description": description}}})


def chart(symbol: str, bars: Sequence[Mapping[str, Any]], interval: str = "1d", **meta: object) -> Answer:
    """An answer with `bars`: dicts of ts (epoch seconds), open, high, low, close, volume and, optionally, adjclose."""
    described = {
        "currency": "BRL",
        "symbol": symbol,
        "exchangeName": "SAO",
        "instrumentType": "INDEX" if symbol.startswith("^") else "EQUITY",
        "firstTradeDate": _epoch(FIRST_SESSION),
        "gmtoffset": -10800,
        "timezone": "BRT",
        "exchangeTimezoneName": ZONE.key,
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
    result = {"meta": described, "timestamp": [bar["ts"] for bar in bars], "indicators": indicators}
    return Answer(200, {"chart": {"result": [result], "error": None}})


def recorded(path: Path) -> Answer:
    """The answer that a file of `shared/data/yahoo_chart` holds: a body, or a request with its response."""
    held = json.loads(path.read_text(encoding="utf-8"))
    if "response" not in held:
        return Answer(200, held)
    response = held["response"]
    return Answer(response["status"], response.get("bodyJson") or response.get("body"))


def synthetic(query: Query) -> Answer:
    """Invented quotes of any well-formed symbol; 404 for others, 400 where the range has none, as Yahoo does."""
    if not _KNOWN.fullmatch(query.symbol):
        return error(404, "Not Found", "No data found, symbol may be delisted")
    bars = [bar for bar in _bars(query) if query.start <= bar["ts"] < query.end]
    if not bars:
        return error(400, "Bad Request", f"Data doesn't exist for startDate = {query.start}, endDate = {query.end}")
    return chart(query.symbol, bars, query.interval)


def _bars(query: Query) -> Iterator[dict[str, Any]]:
    days, closes, volumes = _history(query.symbol)
    minutes = _MINUTES[query.interval]
    first = np.searchsorted(days, _day(query.start).toordinal())
    past = np.searchsorted(days, _day(query.end).toordinal(), side="right")
    for i in range(int(first), int(past)):
        day = dt.date.fromordinal(int(days[i]))
        previous = closes[i - 1] if i else closes[i]
        steps = max(1, SESSION_MINUTES // minutes)
        path = np.linspace(previous, closes[i], steps + 1).round(2)
        for step in range(steps):
            low, high = sorted((path[step], path[step + 1]))
            yield {
                "ts": _epoch(day) + step * minutes * 60,
                "open": float(path[step]),
                "high": round(float(high) * 1.004, 2),
                "low": round(float(low) * 0.996, 2),
                "close": float(path[step + 1]),
                "volume": int(volumes[i]) // steps,
            }


@lru_cache(maxsize=256)
def _history(symbol: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ordinals, closes (BRL) and volumes (shares) of every session: a random walk that the symbol seeds."""
    days = _session_ordinals()
    chance = np.random.default_rng(zlib.crc32(symbol.encode()))
    level = 120_000.0 if symbol.startswith("^") else float(chance.uniform(8, 80))
    # Pulled back to its level, so that no price nears zero in decades.
    walk, steps = np.empty(len(days)), chance.normal(0, 0.017, len(days))
    position = 0.0
    for i, step in enumerate(steps):
        position = position * 0.995 + step
        walk[i] = position
    volumes = chance.lognormal(16.5, 0.4, len(days)).astype(np.int64) // 100 * 100
    return days, (level * np.exp(walk)).round(2), volumes


@lru_cache(maxsize=1)
def _session_ordinals() -> np.ndarray:
    end = dt.datetime.now(ZONE).date() + dt.timedelta(days=300)
    calendar = exchange_calendars.get_calendar("BVMF", start=FIRST_SESSION.isoformat(), end=end.isoformat())
    return np.array([session.toordinal() for session in calendar.sessions])


def _epoch(day: dt.date) -> int:
    return int(dt.datetime.combine(day, OPENS_AT, ZONE).timestamp())


def _day(epoch: int) -> dt.date:
    return dt.datetime.fromtimestamp(min(max(epoch, 0), 4_000_000_000), ZONE).date()


def _trading_periods(bars: Sequence[Mapping[str, Any]]) -> list[list[dict[str, object]]]:
    days = sorted({_day(bar["ts"]) for bar in bars})
    return [
        [{"timezone": "BRT", "start": _epoch(day), "end": _epoch(day) + SESSION_MINUTES * 60, "gmtoffset": -10800}]
        for day in days
    ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake_yahoo: FakeYahoo

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == _CRUMB:
            self._send(Answer(200, "fake.crumb"))
            return
        if parts.path == _COOKIE_PAGE:  # Yahoo, too, answers 404 there, and the cookie with it
            self._send(Answer(404, ""), {"Set-Cookie": "A3=fake; Path=/; HttpOnly"})
            return
        match = _CHART.fullmatch(parts.path)
        if not match:
            self._send(error(404, "Not Found", f"the fake Yahoo serves charts only, not {parts.path}"))
            return
        values = {name: value[-1] for name, value in parse_qs(parts.query).items()}
        now = int(dt.datetime.now(dt.timezone.utc).timestamp())
        query = Query(
            symbol=unquote(match[1]),
            start=int(values.get("period1", now - 7 * 86400)),
            end=int(values.get("period2", now)),
            interval=values.get("interval", "1d"),
        )
        self._send(self.fake_yahoo.answer(query))

    def _send(self, answer: Answer, headers: Mapping[str, str] | None = None) -> None:
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        body = text.encode()
        self.send_response(answer.status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Say nothing: the ingestion reports what it asked and got."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed while it asks is no fault of the server, and nothing to print."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(fake_yahoo: FakeYahoo, port: int = 0) -> Iterator[str]:
    """Serve `fake_yahoo` on a loopback port (0: a free one) for the length of a `with` block; gives the URL."""
    handler = type("Handler", (_Handler,), {"fake_yahoo": fake_yahoo})
    server = _Server(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> int:
    parser = argparse.ArgumentParser(description="Serve synthetic quotes as Yahoo's chart API would.")
    parser.add_argument("--port", type=int, default=0, help="loopback port; a free one by default")
    port = parser.parse_args().port
    try:
        with serving(FakeYahoo(), port) as url:
            print(url, flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    except OSError as refused:
        print(f"fake_yahoo: port {port} cannot be listened on ({refused}); choose another.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
