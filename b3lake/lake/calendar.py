"""When B3 trades: its sessions, and which of them are final."""

import bisect
import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

import exchange_calendars

from b3lake.lake.keys import FIRST_DAY

B3_ZONE = ZoneInfo("America/Sao_Paulo")
TOO_EARLY = f"before {FIRST_DAY}, the first session in reais, in which this lake is kept"
"""For sentences about older days and quotes."""

FINAL_AT = dt.time(20, 0)
"""Local time from which Yahoo's bar of a session no longer moves, and from which B3's file of it is to be expected.

The after-market ends before 19:00, and Yahoo lags 15 minutes. B3's session is final when B3 publishes it: between 20:30
and 21:05, as far as was seen.
"""

_NOT_HELD = frozenset(
    {
        dt.date(1994, 7, 1),  # the day on which the real began
        dt.date(1994, 10, 3),  # general election
        dt.date(1995, 3, 1),  # Ash Wednesday
        dt.date(1995, 4, 13),  # Maundy Thursday
        dt.date(1996, 2, 21),  # Ash Wednesday
        dt.date(1996, 4, 4),  # Maundy Thursday
        dt.date(1996, 10, 3),  # municipal elections
        dt.date(1997, 3, 27),  # Maundy Thursday
        dt.date(1997, 7, 9),  # holiday of the state of São Paulo
        dt.date(1998, 4, 9),  # Maundy Thursday
        dt.date(1999, 4, 1),  # Maundy Thursday
    }
)
"""Days without a single record in COTAHIST_A1994 to COTAHIST_A1999, which exchange-calendars takes for sessions."""


@cache
def _all_sessions() -> tuple[dt.date, ...]:
    last = dt.date(dt.datetime.now(B3_ZONE).year + 1, 12, 31)
    calendar = exchange_calendars.get_calendar("BVMF", start=FIRST_DAY.isoformat(), end=last.isoformat())
    return tuple(day for session in calendar.sessions if (day := session.date()) not in _NOT_HELD)


@cache
def _session_set() -> frozenset[dt.date]:
    return frozenset(_all_sessions())


def sessions_between(start: dt.date, end: dt.date) -> list[dt.date]:
    """The sessions from `start` to `end`, both included, oldest first."""
    return [day for day in _all_sessions() if start <= day <= end]


def is_session(day: dt.date) -> bool:
    """Whether B3 trades on `day`; not before FIRST_DAY."""
    return day in _session_set()


def session_after(day: dt.date) -> dt.date:
    """The first session after `day`, which is no earlier than FIRST_DAY; the next weekday where the calendar ends."""
    place = bisect.bisect_right(_all_sessions(), day)
    if place < len(_all_sessions()):
        return _all_sessions()[place]
    return day + dt.timedelta(days={4: 3, 5: 2}.get(day.weekday(), 1))


def last_final_day(now: dt.datetime) -> dt.date:
    """The newest day, whether a session or not, that no longer changes at `now` (aware, any zone)."""
    local = now.astimezone(B3_ZONE)
    return local.date() if local.time() >= FINAL_AT else local.date() - dt.timedelta(days=1)


def last_final_session(now: dt.datetime) -> dt.date:
    """The newest session whose bar no longer moves at `now` (aware, any zone)."""
    newest = last_final_day(now)
    return sessions_between(newest - dt.timedelta(days=30), newest)[-1]


def is_final(day: dt.date, moment: dt.datetime, *, published: bool = False) -> bool:
    """Whether the bar of `day` no longer moved at `moment` (aware, any zone).

    One that the exchange has `published` is final whatever the hour, but no day is published before it has come.
    """
    if published:
        return moment.astimezone(B3_ZONE).date() >= day
    return moment >= dt.datetime.combine(day, FINAL_AT, B3_ZONE)


def trailing_window(end: dt.date, count: int) -> dt.date:
    """The first day of the `count` sessions that end on or before `end`, or the first of all where there are fewer."""
    far_back = min(count * 2 + 30, (end - FIRST_DAY).days)
    return sessions_between(end - dt.timedelta(days=far_back), end)[-count:][0]


def day_start_utc(day: dt.date) -> dt.datetime:
    """Midnight of `day` at B3, as a naive UTC timestamp: the `ts` of a daily bar."""
    return dt.datetime.combine(day, dt.time(), B3_ZONE).astimezone(dt.timezone.utc).replace(tzinfo=None)
