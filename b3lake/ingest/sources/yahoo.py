"""Yahoo's quotes, through yfinance: one request a ticker, patient with rate limits, suspicious of answers."""

import datetime as dt
import logging
import random
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import yfinance as yf
from yfinance.data import YfData
from yfinance.exceptions import YFPricesMissingError, YFRateLimitError

from b3lake.ingest.errors import InvalidAnswerError, NoDataError, RateLimitedError, TickerError
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.tickers import RENAMED, yahoo_symbol

SOURCE = "yahoo"
ATTEMPTS = 6
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT_SECONDS = 20

_COLUMNS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adj_close",
    "Volume": "volume",
    "Dividends": "dividends",
    "Stock Splits": "stock_splits",
}


@dataclass(frozen=True)
class YahooQuotes:
    """One ticker's answer: its bars (BARS_SCHEMA) as they came, and the day of its first trade if Yahoo says."""

    bars: pa.Table
    listed_since: dt.date | None


class BackOff:
    """The one brake of all fetching threads: when Yahoo refuses one, all wait, longer each time, with jitter."""

    def __init__(
        self, first_seconds: float = FIRST_WAIT_SECONDS, longest_seconds: float = LONGEST_WAIT_SECONDS
    ) -> None:
        self._first, self._longest = first_seconds, longest_seconds
        self._free_at = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def wait(self) -> None:
        """Sleep until requests are welcome again. Raises InterruptedError after `stop`."""
        with self._lock:
            seconds = self._free_at - time.monotonic()
        if self._stopped.wait(max(0.0, seconds)):
            raise InterruptedError("the run was stopped")

    def refused(self, attempt: int) -> None:
        """Note that attempt number `attempt` (from 0) was refused."""
        ceiling = min(self._longest, self._first * 2**attempt)
        seconds = random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic() + seconds)

    def stop(self) -> None:
        """Let nobody wait any longer, nor ask: an interrupted run would wait for its threads, minutes maybe."""
        self._stopped.set()


def prepare() -> None:
    """Make yfinance raise what it would otherwise log and swallow."""
    yf.config.debug.hide_exceptions = False
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    # It uses what the next pandas will drop; no user of the ingestion can do anything about that.
    warnings.filterwarnings("ignore", module="yfinance")


def fetch(ticker: str, start: dt.date, end: dt.date, interval: str, back_off: BackOff) -> YahooQuotes:
    """The bars of `ticker` from `start` to `end`, both included.

    Raises NoDataError, RateLimitedError or InvalidAnswerError, and TickerError for anything that kept failing.
    """
    kind: type[TickerError]
    last: Exception
    for attempt in range(ATTEMPTS):
        try:
            back_off.wait()
            return _ask(ticker, start, end, interval)
        except InterruptedError as error:
            raise TickerError(ticker, str(error)) from error
        except YFRateLimitError as error:
            kind, last = RateLimitedError, error
            text = f"Yahoo refused {ATTEMPTS} requests in a row (429); wait a while and run again"
        except TickerError:
            raise
        except Exception as error:  # noqa: BLE001 - yfinance lets its HTTP client's, pandas' and its own errors through
            kind, last = TickerError, error
            text = f"Yahoo could not be asked ({_first_line(error)}); check the network and run again"
        back_off.refused(attempt)
        # yfinance keeps every answer of a past range, a 502 too, and would serve it again.
        YfData.cache_get.cache_clear()
    raise kind(ticker, text) from last


def _ask(ticker: str, start: dt.date, end: dt.date, interval: str) -> YahooQuotes:
    symbol = yahoo_symbol(ticker)
    client = yf.Ticker(symbol)
    # The zone is known; without it yfinance spends a second request, just to learn it.
    client._tz = B3_ZONE.key
    try:
        frame = client.history(
            start=start.isoformat(),
            end=(end + dt.timedelta(days=1)).isoformat(),
            interval=interval,
            auto_adjust=False,
            actions=True,
            keepna=True,
            timeout=TIMEOUT_SECONDS,
        )
    except YFPricesMissingError as error:
        raise NoDataError(ticker, _no_data_cause(ticker, error)) from error
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        if _is_chart(client):
            raise NoDataError(ticker, "Yahoo answered without any bars for this range") from error
        raise
    meta = client.history_metadata
    _check_meta(ticker, symbol, meta)
    if frame.empty:
        raise NoDataError(ticker, "Yahoo answered without any bars for this range")
    return YahooQuotes(to_bars(ticker, frame), _b3_day(meta.get("firstTradeDate")))


def _is_chart(client: yf.Ticker) -> bool:
    """Whether the answer that yfinance tripped over was a chart (then it was one without bars), not a broken page."""
    history = client._price_history
    return bool(history and (history._history_metadata or {}).get("symbol"))


def _no_data_cause(ticker: str, error: YFPricesMissingError) -> str:
    reason = error.yahoo_reason or "no prices for this range"
    if ticker in RENAMED:
        return f"Yahoo says {reason!r}; the share trades as {RENAMED[ticker]} now: ask for that"
    return f"Yahoo says {reason!r}; check the ticker and the dates"


def _check_meta(ticker: str, symbol: str, meta: Mapping[str, object]) -> None:
    answered = meta.get("symbol")
    if answered != symbol:
        raise InvalidAnswerError(ticker, f"Yahoo was asked for {symbol} and answered for {answered}: ask for that name")
    if meta.get("currency") not in {"BRL", None}:
        raise InvalidAnswerError(ticker, f"Yahoo quotes {symbol} in {meta['currency']}, and this lake is in BRL")


def _b3_day(moment: object) -> dt.date | None:
    if isinstance(moment, pd.Timestamp):
        return moment.tz_convert(B3_ZONE).date() if moment.tz else moment.date()
    if isinstance(moment, (int, float)):
        return dt.datetime.fromtimestamp(moment, B3_ZONE).date()
    return None


def to_bars(ticker: str, frame: pd.DataFrame) -> pa.Table:
    """yfinance's frame of one ticker (zone-aware index; maybe the ticker as second column level) as BARS_SCHEMA."""
    if frame.columns.nlevels > 1:
        frame = frame.droplevel("Ticker", axis="columns")
    local = pd.DatetimeIndex(frame.index).tz_convert(B3_ZONE)
    columns: dict[str, Any] = {
        "day": local.date,
        "ticker": [ticker] * len(frame),
        "ts": local.tz_convert("UTC").tz_localize(None).to_numpy(),
        "source": [SOURCE] * len(frame),
    }
    columns |= {ours: frame[theirs].to_numpy() for theirs, ours in _COLUMNS.items()}
    arrays = [pa.array(columns[column.name], type=column.type, from_pandas=True) for column in BARS_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=BARS_SCHEMA)


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line.split(". See http")[0][:160]  # curl's own advice is to read its list of error numbers
