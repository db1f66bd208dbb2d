"""Sessions that the lake lacks before a run's first day: fetched too, or told. A host that was off leaves no hole."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from obstore.store import S3Store

from b3lake.ingest.objects import list_days
from b3lake.ingest.sources.source import Selection
from b3lake.lake.calendar import sessions_between, trailing_window
from b3lake.lake.keys import FIRST_DAY
from b3lake.lake.tickers import ALL_TICKERS
from b3lake.lake.words import counted

REACH = dt.timedelta(days=365)
"""So far before the window a run goes back by itself."""
SHORT_REACH = dt.timedelta(days=45)
"""As REACH, of bars shorter than an hour: Yahoo has those of the last 60 days."""
LOOKED_AT = 100_000
"""Keys that are looked at, about, before what was not found counts as new to the lake."""

_LONG_BARS = {"1d", "1h", "60m"}
_SHORTEST_BAR = "1m"  # of which Yahoo gives a week at a time
_ONE_DAY = dt.timedelta(days=1)
_WIDER = 4
_NAMED = 5


@dataclass(frozen=True)
class CatchUp:
    """`wanted`, begun earlier where the lake ends before it; and by ticker the sessions before that it lacks still.

    `told` says in one sentence what is fetched beyond the range that was asked for, "" where nothing is.
    """

    wanted: Selection
    missing: Mapping[str, list[dt.date]] = field(default_factory=dict)
    told: str = ""


async def catch_up(store: S3Store, wanted: Selection, *, extend: bool, together: bool) -> CatchUp:
    """Look what the lake lacks between its newest row before `wanted` and the first day of that, ticker by ticker.

    With `extend` it is wanted too, at most REACH back. `together`: the source gives all tickers in the same files, so
    they begin on one day, the one after the newest of any. Raises AwsError.
    """
    newest = await newest_before(store, wanted.tickers, wanted.start)
    if not newest:
        return CatchUp(wanted)
    floor = wanted.start - _reach(wanted.interval) if extend else wanted.start
    common = max(newest.values()) if together else None
    since, missing = {}, {}
    for ticker, day in newest.items():
        begin = max(floor, (common or day) + _ONE_DAY)
        if sessions_between(begin, wanted.start - _ONE_DAY):
            since[ticker] = begin
        if left := sessions_between(day + _ONE_DAY, begin - _ONE_DAY):
            missing[ticker] = left
    told = _sentence(wanted.start, since)
    if common and since:
        return CatchUp(dataclasses.replace(wanted, start=min(since.values())), missing, told)
    return CatchUp(dataclasses.replace(wanted, since=since), missing, told)


async def newest_before(store: S3Store, tickers: Collection[str] | None, day: dt.date) -> dict[str, dt.date]:
    """The newest day before `day` that the lake has of each of `tickers`; of `*` where they are None.

    It looks at the session before first, then farther and farther back. Raises AwsError.
    """
    left = set(tickers or (ALL_TICKERS,))
    found: dict[str, dt.date] = {}
    last, sessions, looked_at = day - _ONE_DAY, 1, 0
    while left and last >= FIRST_DAY and looked_at < LOOKED_AT:
        first = trailing_window(last, sessions)
        async for one in list_days(store, first, last):
            looked_at += 1
            ticker = one.ticker if tickers else ALL_TICKERS
            if ticker in left:
                found[ticker] = one.day  # the keys are in order: the last that is met is the newest
        left -= found.keys()
        last, sessions = first - _ONE_DAY, sessions * _WIDER
    return found


def _reach(interval: str) -> dt.timedelta:
    if interval == _SHORTEST_BAR:
        return dt.timedelta()
    return REACH if interval in _LONG_BARS else SHORT_REACH


def _sentence(start: dt.date, since: Mapping[str, dt.date]) -> str:
    if not since:
        return ""
    oldest = sorted(since.items(), key=lambda item: (item[1], item[0]))
    named = ", ".join(f"{ticker} from {day}" for ticker, day in oldest[:_NAMED])
    named = f"{named} and {len(oldest) - _NAMED} more" if len(oldest) > _NAMED else named
    return f"The lake ends before {start}, so what it lacks is fetched too: {named}."


def phrase(missing: list[dt.date]) -> str:
    """The sessions that the lake lacks before a run's first day, and what to do, without a full stop."""
    return (
        f"before that the lake lacks {counted(len(missing), 'session')}, {missing[0]} to {missing[-1]}: "
        f"if it traded then, fetch once with START_DATE={missing[0]}"
    )
