"""A fake of the central bank's time series service: invented rates, and the real one's manners.

The rates are invented, and a function of series and date alone. As the real one it takes at most ten years of a daily
series a request (406 otherwise, or without a first day), has 404 where it has nothing, decimals as text, and gives
Selic's target for days that are still to come.
"""

import calendar
import datetime as dt
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import exchange_calendars

from b3lake.lake.calendar import B3_ZONE
from devlake.fake_http import Reply, Request

_PATH = re.compile(r"/dados/serie/bcdata\.sgs\.(\d+)/dados")
_SELIC, _CDI, _TARGET, _IPCA = 11, 12, 432, 433
_BEGIN = {_SELIC: dt.date(1986, 6, 4), _CDI: dt.date(1986, 3, 6), _TARGET: dt.date(1999, 3, 5)}
_IPCA_BEGINS = dt.date(1980, 1, 1)
DAYS_AHEAD = 45
"""The target is known up to the next meeting."""

NOT_FOUND = Reply(
    404,
    {
        "erro": {
            "statusCode": 404,
            "detail": "br.gov.bcb.pec.sgs.comum.excecoes.SGSNegocioException: Value(s) not found",
        }
    },
)
TOO_LONG = Reply(
    406,
    {
        "error": "O sistema aceita uma janela de consulta de, no máximo, 10 anos em séries de periodicidade diária",
        "message": "Para acessar uma série de periodicidade diária, é necessário informar a dataInicial",
    },
)


def today() -> dt.date:
    """Today in Brazil."""
    return dt.datetime.now(B3_ZONE).date()


@dataclass
class FakeCentralBank:
    """The service as it is on the day `today`; `values` by series and day stand in place of the invented ones."""

    today: dt.date = field(default_factory=today)
    values: dict[tuple[int, dt.date], str] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        match = _PATH.fullmatch(request.path)
        if not match or request.query.get("formato") != "json":
            return Reply(404, "<html><body><h1>Not Found</h1></body></html>", "text/html")
        code = int(match[1])
        start, end = _date(request.query.get("dataInicial")), _date(request.query.get("dataFinal"))
        end = end or self.today
        if code in _BEGIN and (not start or end > _ten_years_after(start)):
            return TOO_LONG
        rows = [
            {"data": f"{day:%d/%m/%Y}", "valor": self.values.get((code, day)) or invented(code, day)}
            for day in self._days(code, start or _IPCA_BEGINS, end)
        ]
        return Reply(200, rows) if rows else NOT_FOUND

    def _days(self, code: int, start: dt.date, end: dt.date) -> Iterator[dt.date]:
        if code == _IPCA:
            # A month is known some ten days after its end, and is given when any day of it is asked for.
            known = min(end, self.today - dt.timedelta(days=40))
            yield from _months(max(start, _IPCA_BEGINS), known)
        elif code == _TARGET:
            # Whatever last day was asked for.
            last = self.today + dt.timedelta(days=DAYS_AHEAD) if end >= self.today else end
            yield from _each_day(max(start, _BEGIN[code]), last)
        elif code in _BEGIN:
            days = bank_days()
            yield from (day for day in _each_day(max(start, _BEGIN[code]), min(end, self.today)) if day in days)


def invented(code: int, day: dt.date) -> str:
    """The rate of a day as the service writes it; a pure function of both."""
    level = 6 + zlib.crc32(f"{day.year}-{(day.month - 1) // 3}".encode()) % 33 / 4
    if code == _TARGET:
        return f"{level:.2f}"
    if code == _IPCA:
        return f"{zlib.crc32(f'ipca {day:%Y-%m}'.encode()) % 120 / 100 - 0.2:.2f}"
    return f"{((1 + (level - 0.10) / 100) ** (1 / 252) - 1) * 100:.6f}"


@lru_cache(maxsize=1)
def bank_days() -> frozenset[dt.date]:
    """B3's sessions, and the last weekday of each year, on which banks lend and B3 is closed."""
    this_year = today().year
    sessions = exchange_calendars.get_calendar("BVMF", start="1994-07-01", end=f"{this_year + 1}-12-31").sessions
    days = {session.date() for session in sessions}
    ends = (dt.date(year, 12, 31) for year in range(1994, this_year + 2))
    return frozenset(days | {day for day in ends if day.weekday() < 5})


def _months(start: dt.date, end: dt.date) -> Iterator[dt.date]:
    month = start.replace(day=1)
    while month <= end:
        yield month
        month += dt.timedelta(days=calendar.monthrange(month.year, month.month)[1])


def _each_day(start: dt.date, end: dt.date) -> Iterator[dt.date]:
    for number in range(start.toordinal(), end.toordinal() + 1):
        yield dt.date.fromordinal(number)


def _ten_years_after(day: dt.date) -> dt.date:
    leap = day.month == 2 and day.day == 29
    return dt.date(day.year + 10, day.month, 28 if leap else day.day)


def _date(text: str | None) -> dt.date | None:
    try:
        return dt.datetime.strptime(text or "", "%d/%m/%Y").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        return None
