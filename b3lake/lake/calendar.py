"""When B3 trades: its sessions, and which of them are final."""

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

import exchange_calendars

B3_ZONE = ZoneInfo("America/Sao_Paulo")
FIRST_DAY = dt.date(1986, 1, 2)
"""The day of the oldest COTAHIST file."""

FINAL_AT = dt.time(20, 0)
"""Local time from which a session's bar no longer moves: the after-market ends before 19:00, Yahoo lags 15 minutes."""


@cache
def _all_sessions() -> tuple[dt.date, ...]:
    last = dt.date(dt.datetime.now(B3_ZONE).year + 1, 12, 31)
    calendar = exchange_calendars.get_calendar("BVMF", start=FIRST_DAY.isoformat(), end=last.isoformat())
    return tuple(session.date() for session in calendar.sessions)


@cache
def _session_set() -> frozenset[dt.date]:
    return frozenset(_all_sessions())


def sessions_between(start: dt.date, end: dt.date) -> list[dt.date]:
    """The sessions from `start` to `end`, both included, oldest first."""
    return [day for day in _all_sessions() if start <= day <= end]


def is_session(day: dt.date) -> bool:
    """Whether B3 trades on `day`."""
    return day in _session_set()


def last_final_session(now: dt.datetime) -> dt.date:
    """The newest session whose bar no longer moves at `now` (aware, any zone)."""
    local = now.astimezone(B3_ZONE)
    newest = local.date() if local.time() >= FINAL_AT else local.date() - dt.timedelta(days=1)
    return sessions_between(newest - dt.timedelta(days=30), newest)[-1]


def is_final(day: dt.date, moment: dt.datetime) -> bool:
    """Whether the bar of `day` no longer moved at `moment` (aware, any zone)."""
    return moment >= dt.datetime.combine(day, FINAL_AT, B3_ZONE)


def trailing_window(end: dt.date, count: int) -> dt.date:
    """The first day of the `count` sessions that end on or before `end`, or the first of all where there are fewer."""
    far_back = min(count * 2 + 30, (end - FIRST_DAY).days)
    return sessions_between(end - dt.timedelta(days=far_back), end)[-count:][0]


def day_start_utc(day: dt.date) -> dt.datetime:
    """Midnight of `day` at B3, as a naive UTC timestamp: the `ts` of a daily bar."""
    return dt.datetime.combine(day, dt.time(), B3_ZONE).astimezone(dt.timezone.utc).replace(tzinfo=None)
