"""The fake Yahoo's view of a share, as the bars and events that `as_traded` takes."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from b3lake.ingest.as_traded import Payment, Split
from b3lake.lake.calendar import day_start_utc
from devlake.traded_days import PRICES, TradedDay
from devlake.yahoo_share import YahooShare


@dataclass(frozen=True)
class YahooView:
    """Yahoo's bars, splits and payments."""

    bars: pa.Table
    splits: list[Split]
    payments: list[Payment]


def seen_by_yahoo(
    traded: Sequence[TradedDay],
    known_until: dt.date = dt.date.max,
    applied: Mapping[int, int] | None = None,
    *,
    forgotten: Sequence[int] = (),
) -> YahooView:
    """Yahoo's answer about `traded` on `known_until` (default: the last day), which is what comes to this day.

    `applied` says how often the split of a day, by its position, is divided out (default 1), `forgotten` which days'
    events are not listed.
    """
    times = {traded[i].day: count for i, count in (applied or {}).items()}
    share = YahooShare("PETR4.SA", traded, known_until, times, {traded[i].day for i in forgotten})
    told = share.bars()
    columns: dict[str, list[object]] = {"day": [bar["day"] for bar in told]}
    columns["ts"] = [day_start_utc(bar["day"]) for bar in told]
    columns |= {name: [bar[name] for bar in told] for name in (*PRICES, "volume")}
    types = {"day": pa.date32(), "ts": pa.timestamp("us"), "volume": pa.int64()}
    bars = pa.table({name: pa.array(values, types.get(name, pa.float64())) for name, values in columns.items()})
    splits = [Split(day, float(ratio)) for day, ratio in share.splits()]
    return YahooView(bars, splits, [Payment(day, amount) for day, amount in share.dividends()])
