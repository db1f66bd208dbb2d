"""Yahoo's answer about one ticker, as JSON from `v8/finance/chart`, read into bars and events. Pure.

The raw answer is read, not yfinance's frame of it: the frame has no bars after what Yahoo takes for the session's end,
moves the events of a closed day to the day before, and hides a dividend's currency.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ingest.as_traded import BRL, Payment, Split
from b3lake.ingest.errors import InvalidAnswerError, NoDataError
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import B3_ZONE, day_start_utc, is_final
from b3lake.lake.renames import newest_code
from b3lake.lake.tickers import yahoo_symbol
from b3lake.lake.words import counted

DAILY = "1d"
NO_BARS = "Yahoo answered without any bars for this range"

TRADING_MINUTES = 7 * 60
"""Of a day at least, but for Ash Wednesday."""
MINUTES = {"1m": 1, "2m": 2, "5m": 5, "15m": 15, "30m": 30, "60m": 60, "90m": 90, "1h": 60}

_HALF_HOUR = "30m"
_SAME = {"60m": "1h"}

_QUOTE = ("open", "high", "low", "close", "volume")
_HOURS_BEFORE_MIDNIGHT = (22, 23)
"""Yahoo stamps some daily bars with midnight of a summer time that was over, or had not begun: the day before."""


@dataclass(frozen=True)
class Chart:
    """Bars in BARS_SCHEMA, as Yahoo gives them and not validated, and all events that are listed.

    `length` is what Yahoo says of the bars'.
    """

    bars: pa.Table
    splits: list[Split] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    first_trade: dt.date | None = None
    length: str = ""

    def check_length(self, ticker: str, interval: str) -> None:
        """Raise InvalidAnswerError when these bars say that they are not of `interval`."""
        asked = interval_to_ask_for(interval)
        if len(self.bars) and self.length and _SAME.get(self.length, self.length) != _SAME.get(asked, asked):
            text = f"Yahoo was asked for bars of {asked} and answered with bars of {self.length}: ask for that"
            raise InvalidAnswerError(ticker, text)

    def listed_since(self, last: dt.date) -> dt.date | None:
        """The day of the first trade, as far as it can be believed: not after `last`, and not after a bar that is here.

        It explains sessions without a bar, so a wrong one would hide them.
        """
        first_bar = pc.min(self.bars["day"]).as_py()
        if self.first_trade is None or self.first_trade > min(last, first_bar or last):
            return None
        return self.first_trade

    def short_days(self, interval: str, now: dt.datetime) -> dict[dt.date, str]:
        """The days, final at `now` (aware), with less than half of the bars of `interval` that a day has, in words.

        That is as many as the fullest day here, and of one day alone those of its hours of trading.
        """
        counts = Counter(self.bars["day"].to_pylist())
        alone = TRADING_MINUTES // MINUTES.get(interval, TRADING_MINUTES)
        usual = max(counts.values(), default=0) if len(counts) > 1 else alone
        return {
            day: f"{counted(count, 'bar')} of the {usual} that a day has"
            for day, count in sorted(counts.items())
            if 2 * count < usual and is_final(day, now)
        }


def interval_to_ask_for(interval: str) -> str:
    """Yahoo answers with whole hours where half hours are asked for: those are made of quarters."""
    return "15m" if interval == _HALF_HOUR else interval


def read_chart(ticker: str, answer: object, interval: str, label: str) -> Chart:
    """The chart of `ticker` with bars of `interval`; the rows' `source` is `label`.

    Raises NoDataError with Yahoo's reason, and InvalidAnswerError when it cannot be this ticker's chart.
    """
    try:
        chart = cast("dict[str, Any]", answer)["chart"]
        if reason := (chart.get("error") or {}).get("description"):
            raise NoDataError(ticker, _no_data_cause(ticker, reason))
        (result,) = chart["result"]
        _check_meta(ticker, result["meta"])
        first_trade = result["meta"].get("firstTradeDate")
        return Chart(
            _read_bars(ticker, result, interval, label),
            _read_splits(result.get("events") or {}),
            _read_payments(result.get("events") or {}),
            None if first_trade is None else _moment(first_trade).date(),
            result["meta"].get("dataGranularity", ""),
        )
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidAnswerError(ticker, f"Yahoo's answer is no chart ({type(error).__name__}: {error})") from error


def _no_data_cause(ticker: str, reason: str) -> str:
    if newest := newest_code(ticker):
        return f"Yahoo says {reason!r}; the share trades as {newest} now: ask for that"
    return f"Yahoo says {reason!r}; check the ticker and the dates"


def _check_meta(ticker: str, meta: Mapping[str, object]) -> None:
    symbol, answered = yahoo_symbol(ticker), meta.get("symbol")
    if answered != symbol:
        raise InvalidAnswerError(ticker, f"Yahoo was asked for {symbol} and answered for {answered}: ask for that name")
    if meta.get("currency") not in {BRL, None}:
        raise InvalidAnswerError(ticker, f"Yahoo quotes {symbol} in {meta['currency']}, and this lake is in BRL")


def _read_bars(ticker: str, result: Mapping[str, Any], interval: str, label: str) -> pa.Table:
    moments = [_moment(each) for each in result.get("timestamp") or ()]
    (quote,) = result["indicators"]["quote"]
    if interval == DAILY:
        days = [_day(moment) for moment in moments]
        starts = [day_start_utc(day) for day in days]
    else:
        days = [moment.date() for moment in moments]
        starts = [moment.astimezone(dt.timezone.utc).replace(tzinfo=None) for moment in moments]
    columns: dict[str, Any] = {name: _numbers(quote[name]) if moments else [] for name in _QUOTE}
    columns |= {"day": days, "ticker": [ticker] * len(days), "ts": starts, "source": [label] * len(days)}
    columns["volume"] = np.rint(columns["volume"])
    unknown = [None] * len(days)
    arrays = [pa.array(columns.get(one.name, unknown), one.type, from_pandas=True) for one in BARS_SCHEMA]
    bars = pa.Table.from_arrays(arrays, schema=BARS_SCHEMA)
    if interval == DAILY:
        return bars
    # The latest price, at whatever second it was made, is no bar.
    bars = bars.filter(pa.array([moment.second == 0 for moment in moments], pa.bool_()))
    return _half_hours(bars) if interval == _HALF_HOUR else bars


def _half_hours(quarters: pa.Table) -> pa.Table:
    """Bars of half an hour from those of a quarter, in order."""
    halves = pc.floor_temporal(quarters["ts"], 30, "minute")
    made_by = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    rest = [name for name in BARS_SCHEMA.names if name not in {"ts", *made_by}]
    how = [*made_by.items(), *((name, "first") for name in rest)]
    grouped = quarters.set_column(quarters.column_names.index("ts"), "ts", halves)
    grouped = grouped.group_by("ts", use_threads=False).aggregate(how)
    return pa.table(
        {name: grouped[name if name == "ts" else f"{name}_{dict(how)[name]}"] for name in BARS_SCHEMA.names}
    )


def _numbers(values: Sequence[float | None]) -> npt.NDArray[np.float64]:
    return np.array(values, np.float64)


def _moment(epoch: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(epoch, B3_ZONE)


def _day(moment: dt.datetime) -> dt.date:
    """The day that a daily bar or an event is of."""
    before_midnight = moment.hour in _HOURS_BEFORE_MIDNIGHT and (moment.minute, moment.second) == (0, 0)
    return moment.date() + dt.timedelta(days=before_midnight)


def _read_splits(events: Mapping[str, Any]) -> list[Split]:
    found = []
    for each in _events(events, "splits"):
        before = float(each["denominator"])
        found.append(Split(_day(_moment(each["date"])), float(each["numerator"]) / before if before else np.inf))
    return found


def _read_payments(events: Mapping[str, Any]) -> list[Payment]:
    return [
        Payment(_day(_moment(each["date"])), float(each["amount"]), each.get("currency") or "")
        for kind in ("dividends", "capitalGains")
        for each in _events(events, kind)
    ]


def _events(events: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return sorted((events.get(kind) or {}).values(), key=lambda each: float(each["date"]))
