"""Yahoo's quotes, through yfinance: one request a ticker, patient with rate limits, suspicious of answers."""

import asyncio
import datetime as dt
import logging
import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import yfinance as yf
from yfinance.data import YfData
from yfinance.exceptions import YFPricesMissingError, YFRateLimitError

from b3lake.ingest.errors import InvalidAnswerError, NoDataError, RateLimitedError, TickerError
from b3lake.ingest.sources.http_get import BackOff
from b3lake.ingest.sources.shared_back_off import SharedBackOff
from b3lake.ingest.sources.source import Delivery, Failure, Notice, Selection
from b3lake.ingest.sources.yahoo_session import YAHOO_URL, open_yahoo_session
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake import labels
from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.errors import UsageError
from b3lake.lake.renames import newest_code
from b3lake.lake.tickers import yahoo_symbol

LABEL = labels.YAHOO
FETCHERS = 4
"""Requests to Yahoo at a time: more are refused sooner."""

PATIENT = BackOff(attempts=6, first_seconds=2, longest_seconds=60, timeout_seconds=20)
NO_BARS = "Yahoo answered without any bars for this range"

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
class YahooSource:
    """Yahoo's chart API at `base_url`."""

    base_url: str = YAHOO_URL
    label: str = LABEL
    back_off: BackOff = PATIENT

    def may_have(self, wanted: Selection) -> bool:
        """As Source.may_have."""
        return bool(wanted.weekdays)

    async def fetch(self, wanted: Selection) -> AsyncIterator[Delivery | Failure | Notice]:
        """Deliver ticker by ticker. Raises UsageError when every ticker is wanted, which Yahoo cannot list."""
        if wanted.tickers is None:
            raise UsageError("Yahoo cannot list the whole market: give tickers, or take --source b3.")
        client = _Client(self)
        free = asyncio.Semaphore(FETCHERS)

        async def ask(ticker: str) -> Delivery | Failure:
            async with free:
                try:
                    return await asyncio.to_thread(client.ask, ticker, wanted)
                except TickerError as error:
                    return Failure(error, ticker)

        tasks = [asyncio.create_task(ask(ticker)) for ticker in wanted.tickers]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            client.back_off.stop()
            for task in tasks:
                task.cancel()

    def why_no_bars(self, _ticker: str) -> str:
        """As Source.why_no_bars."""
        return NO_BARS


class _Client:
    """yfinance, asking one address with one back-off for all threads."""

    def __init__(self, source: YahooSource) -> None:
        self.back_off = SharedBackOff(source.back_off)
        self._source, self._session = source, open_yahoo_session(source.base_url)
        # It is to raise what it would otherwise log and swallow.
        yf.config.debug.hide_exceptions = False
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        # It uses what the next pandas will drop; no user of the ingestion can do anything about that.
        warnings.filterwarnings("ignore", module="yfinance")

    def ask(self, ticker: str, wanted: Selection) -> Delivery:
        """The bars of `ticker`.

        Raises NoDataError, RateLimitedError or InvalidAnswerError, and TickerError for anything that kept failing.
        """
        kind: type[TickerError]
        last: Exception
        for attempt in range(self._source.back_off.attempts):
            try:
                self.back_off.wait()
                return self._ask_once(ticker, wanted)
            except InterruptedError as error:
                raise TickerError(ticker, str(error)) from error
            except YFRateLimitError as error:
                kind, last = RateLimitedError, error
                text = f"Yahoo refused {attempt + 1} requests in a row (429); wait a while and run again"
            except TickerError:
                raise
            except Exception as error:  # noqa: BLE001 - yfinance lets its HTTP client's, pandas' and its own through
                kind, last = TickerError, error
                text = f"Yahoo could not be asked ({_first_line(error)}); check the network and run again"
            self.back_off.refused(attempt)
        raise kind(ticker, text) from last

    def _ask_once(self, ticker: str, wanted: Selection) -> Delivery:
        symbol = yahoo_symbol(ticker)
        # yfinance keeps every answer of a past range, a 502 too, and would serve it again.
        YfData.cache_get.cache_clear()
        client = yf.Ticker(symbol, session=self._session)
        # The zone is known; without it yfinance spends a second request, just to learn it.
        client._tz = B3_ZONE.key
        try:
            frame = client.history(
                start=wanted.start.isoformat(),
                end=(wanted.end + dt.timedelta(days=1)).isoformat(),
                interval=wanted.interval,
                auto_adjust=False,
                actions=True,
                keepna=True,
                timeout=self._source.back_off.timeout_seconds,
            )
        except YFPricesMissingError as error:
            raise NoDataError(ticker, _no_data_cause(ticker, error)) from error
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            if _is_chart(client):
                raise NoDataError(ticker, NO_BARS) from error
            raise
        meta = client.history_metadata
        _check_meta(ticker, symbol, meta)
        if frame.empty:
            raise NoDataError(ticker, NO_BARS)
        first_trade = _b3_day(meta.get("firstTradeDate"))
        listed_since = {ticker: first_trade} if first_trade else {}
        bars = to_bars(ticker, frame, self._source.label)
        return Delivery(ticker, (ticker,), wanted.start, wanted.end, (bars,), listed_since)


def _is_chart(client: yf.Ticker) -> bool:
    """Whether the answer that yfinance tripped over was a chart (then it was one without bars), not a broken page."""
    history = client._price_history
    return bool(history and (history._history_metadata or {}).get("symbol"))


def _no_data_cause(ticker: str, error: YFPricesMissingError) -> str:
    reason = error.yahoo_reason or "no prices for this range"
    if newest := newest_code(ticker):
        return f"Yahoo says {reason!r}; the share trades as {newest} now: ask for that"
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


def to_bars(ticker: str, frame: pd.DataFrame, label: str) -> pa.Table:
    """yfinance's frame of one ticker (zone-aware index; maybe the ticker as second column level) as BARS_SCHEMA."""
    if frame.columns.nlevels > 1:
        frame = frame.droplevel("Ticker", axis="columns")
    local = pd.DatetimeIndex(frame.index).tz_convert(B3_ZONE)
    columns: dict[str, Any] = {
        "day": local.date,
        "ticker": [ticker] * len(frame),
        "ts": local.tz_convert("UTC").tz_localize(None).to_numpy(),
        "source": [label] * len(frame),
    }
    columns |= {ours: frame[theirs].to_numpy() for theirs, ours in _COLUMNS.items()}
    arrays = [pa.array(columns[column.name], type=column.type, from_pandas=True) for column in BARS_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=BARS_SCHEMA)


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line.split(". See http")[0][:160]  # curl's own advice is to read its list of error numbers
