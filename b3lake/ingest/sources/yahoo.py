"""Yahoo's quotes as facts: one request a ticker, patient with rate limits, suspicious of answers.

Yahoo gives everything in the shares of the day on which it is asked. So it is always asked up to the present, for every
later split must be in the answer, and what is wanted is cut out afterwards: `b3lake.ingest.as_traded`.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from yfinance.data import YfData
from yfinance.exceptions import YFRateLimitError

from b3lake.ingest.as_traded import as_traded, restore
from b3lake.ingest.errors import NoDataError, RateLimitedError, TickerError
from b3lake.ingest.sources.http_get import BackOff
from b3lake.ingest.sources.shared_back_off import SharedBackOff
from b3lake.ingest.sources.source import Delivery, Failure, Notice, Selection
from b3lake.ingest.sources.yahoo_chart import DAILY, NO_BARS, Chart, interval_to_ask_for, read_chart
from b3lake.ingest.sources.yahoo_session import YAHOO_URL, open_yahoo_session
from b3lake.ingest.steps import Step
from b3lake.ingest.validate import validate
from b3lake.lake import labels
from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.errors import UsageError
from b3lake.lake.tickers import yahoo_symbol

LABEL = labels.YAHOO
FETCHERS = 4
"""Requests to Yahoo at a time: more are refused sooner."""

PATIENT = BackOff(attempts=6, first_seconds=2, longest_seconds=60, timeout_seconds=20)
EVIDENCE = dt.timedelta(days=30)
"""So long before the first day that is wanted prices tell whether Yahoo has applied the splits that it lists."""

_SERVER_ERROR = 500


@dataclass(frozen=True)
class YahooSource:
    """Yahoo's chart API at `base_url`."""

    base_url: str = YAHOO_URL
    label: str = LABEL
    back_off: BackOff = PATIENT

    @property
    def has_events(self) -> bool:
        """As Source.has_events: Yahoo tells its own."""
        return True

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
    """yfinance's way to Yahoo (cookies, crumbs, consent), asking one address with one back-off for all threads."""

    def __init__(self, source: YahooSource) -> None:
        self.back_off = SharedBackOff(source.back_off)
        self._source, self._session = source, open_yahoo_session(source.base_url)
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)

    def ask(self, ticker: str, wanted: Selection) -> Delivery:
        """The facts of `ticker`; a second request where bars shorter than a day are wanted, which have no events.

        Raises NoDataError, RateLimitedError or InvalidAnswerError, and TickerError for anything that kept failing.
        """
        today = max(wanted.end, wanted.now.astimezone(B3_ZONE).date())
        first = wanted.start - EVIDENCE
        daily = self._chart(ticker, first, today, DAILY)
        daily.check_length(ticker, DAILY)
        possible = validate(daily.bars, start=first, end=today, adjusted=True)
        facts = as_traded(
            possible.bars,
            [split for split in daily.splits if first <= split.day <= today],
            [payment for payment in daily.payments if first <= payment.day <= today],
        )
        bars, doubts = facts.bars, dict(facts.doubts())
        if wanted.interval != DAILY:
            given = self._chart(ticker, wanted.start, wanted.end, wanted.interval)
            given.check_length(ticker, wanted.interval)
            possible = validate(given.bars, start=wanted.start, end=wanted.end, adjusted=True)
            bars = restore(possible.bars, facts.of_days)
            doubts |= given.short_days(wanted.interval, wanted.now)
        refused = possible.refused.get(ticker, {})
        since = daily.listed_since(today)
        return _deliver(ticker, wanted, bars, facts.steps, doubts=doubts, refused=refused, first_trade=since)

    def _chart(self, ticker: str, first: dt.date, last: dt.date, interval: str) -> Chart:
        """The chart of the days `first` to `last`. Raises as `ask`."""
        kind: type[TickerError]
        cause: Exception
        for attempt in range(self._source.back_off.attempts):
            try:
                self.back_off.wait()
                return read_chart(ticker, self._ask_once(ticker, first, last, interval), interval, self._source.label)
            except InterruptedError as error:
                raise TickerError(ticker, str(error)) from error
            except YFRateLimitError as error:
                kind, cause = RateLimitedError, error
                said, advice = f"Yahoo refused {attempt + 1} requests in a row (429)", "wait a while and run again"
            except TickerError:
                raise
            except Exception as error:  # noqa: BLE001 - yfinance lets its HTTP client's and its own through
                kind, cause = TickerError, error
                said, advice = f"Yahoo could not be asked ({_first_line(error)})", "check the network and run again"
            self.back_off.refused(attempt, said)
        raise kind(ticker, f"{said}; {advice}") from cause

    def _ask_once(self, ticker: str, first: dt.date, last: dt.date, interval: str) -> Any:
        """Yahoo's answer. Raises YFRateLimitError, OSError for a server's error, and whatever the network raises."""
        response = YfData(session=self._session).get(
            f"{YAHOO_URL}/v8/finance/chart/{yahoo_symbol(ticker)}",
            params={
                "period1": _midnight(first),
                "period2": _midnight(last + dt.timedelta(days=1)),
                "interval": interval_to_ask_for(interval),
                "includePrePost": "false",
                "events": "div,splits,capitalGains",
            },
            timeout=self._source.back_off.timeout_seconds,
        )
        if response.status_code >= _SERVER_ERROR:
            raise OSError(f"it answered {response.status_code}")
        return response.json()


def _midnight(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), B3_ZONE).timestamp())


def _deliver(
    ticker: str,
    wanted: Selection,
    bars: pa.Table,
    steps: Sequence[Step],
    *,
    doubts: Mapping[dt.date, str],
    refused: Mapping[dt.date, str],
    first_trade: dt.date | None,
) -> Delivery:
    """The bars that are wanted. Raises NoDataError when there is no bar, and none was refused."""
    start, end = wanted.start, wanted.end
    bars = bars.filter((pc.field("day") >= pa.scalar(start)) & (pc.field("day") <= pa.scalar(end)))
    had = set(bars["day"].to_pylist())
    refused = {day: reason for day, reason in refused.items() if start <= day <= end and day not in had}
    if not had and not refused:
        raise NoDataError(ticker, NO_BARS)
    return Delivery(
        ticker,
        (ticker,),
        start,
        end,
        (bars,),
        listed_since={ticker: first_trade} if first_trade else {},
        refused={ticker: refused},
        doubts={ticker: {day: text for day, text in doubts.items() if start <= day <= end}},
        # What a split does to the days before it is of their concern, whenever it was.
        steps={ticker: [step for step in steps if step.day >= start and (step.day <= end or step.listed != 1)]},
    )


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line.split(". See http")[0][:160]  # curl's own advice is to read its list of error numbers
