"""B3's calendar, as exchange-calendars keeps it."""

import datetime as dt

from exchange_calendars.exchange_calendar_bvmf import BVMFExchangeCalendar

FINAL_UTC = dt.timedelta(hours=23)
"""The ingestion takes a day's bar from 20:00 in São Paulo on, which is UTC-3."""


def list_sessions(first: dt.date, now: dt.datetime) -> list[dt.date]:
    """B3's sessions from `first` to the newest whose bar was final at `now` (UTC), ascending."""
    last = (now - FINAL_UTC).date()
    if last < first:
        return []
    margin = dt.timedelta(days=15)  # the calendar wants bounds with sessions between them
    calendar = BVMFExchangeCalendar(start=first - margin, end=last + margin)
    return [session.date() for session in calendar.sessions_in_range(first.isoformat(), last.isoformat())]
