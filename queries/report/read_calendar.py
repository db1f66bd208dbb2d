"""B3's calendar, as exchange-calendars keeps it."""

import datetime as dt

from exchange_calendars.exchange_calendar_bvmf import BVMFExchangeCalendar

CLOSE_UTC = dt.timedelta(hours=22)
"""A day's bar is complete by then: B3 closes at 17:00 or 18:00 in São Paulo, which is UTC-3."""


def list_sessions(first: dt.date, now: dt.datetime) -> list[dt.date]:
    """B3's sessions from `first` to the newest that was over at `now` (UTC), ascending."""
    last = (now - CLOSE_UTC).date()
    if last < first:
        return []
    margin = dt.timedelta(days=15)  # the calendar wants bounds with sessions between them
    calendar = BVMFExchangeCalendar(start=first - margin, end=last + margin)
    return [session.date() for session in calendar.sessions_in_range(first.isoformat(), last.isoformat())]
