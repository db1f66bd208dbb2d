"""Which COTAHIST files of B3's site hold a range of days, and how they are had.

>>> [file.name for file in files_on_site([date(2023, 5, 2), date(2024, 5, 2)], today=date(2024, 5, 6))]
['COTAHIST_A2023.ZIP', 'COTAHIST_D02052024.ZIP']
"""

import calendar
import datetime as dt
import http.client
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from b3lake.ingest.errors import MissingSessionsError
from b3lake.ingest.sources.cotahist import CASH_MARKET, Cotahist, CotahistError, Period, read_file
from b3lake.ingest.sources.http_get import (
    BackOff,
    PassingError,
    ServiceError,
    opened,
    parts,
    repeated,
)
from b3lake.lake.calendar import is_session
from b3lake.lake.errors import B3LakeError

B3_URL = "https://bvmf.bmfbovespa.com.br"
FOLDER = "InstDados/SerHist"
"""Where the files lie on B3's site."""

FEW_SESSIONS = 7
"""Up to this many sessions of a month are taken from daily files, more from the month's or the year's."""

LATE_DAYS = 3
"""So long after its last day a file that is not there may still come."""

FILE_BACK_OFF = BackOff(
    attempts=4,
    first_seconds=1.0,
    longest_seconds=20.0,
    timeout_seconds=60.0,
    whole_seconds=30 * 60,
    largest_bytes=2 << 30,
)
_ACCEPT = "application/zip, application/octet-stream, */*"
_BY_HAND = "give the file with --b3-files"


@dataclass(frozen=True)
class SiteFile:
    """A file of B3's site and the days that it covers."""

    name: str
    period: Period


class DownloadError(B3LakeError):
    """B3's site did not give a file."""


class NotPublishedError(MissingSessionsError):
    """B3 has not published a file yet: the next run takes its days."""


class ClosedError(DownloadError):
    """B3's site has no file of a day on which B3 was closed, and needs none."""


def files_on_site(days: Sequence[dt.date], today: dt.date) -> list[SiteFile]:
    """The fewest files of B3's site that hold `days`: whole past years, and months or days of this year.

    The site keeps daily and monthly files for the last year only. A weekday of this year on which B3 was closed by the
    calendar is asked for by its own file: should there be one, then the calendar is wrong.
    """
    files: dict[str, SiteFile] = {}
    of_month: dict[tuple[int, int], int] = {}
    sessions = [day for day in days if is_session(day)]
    for day in sessions:
        of_month[day.year, day.month] = of_month.get((day.year, day.month), 0) + 1
    for day in days:
        if day.year < today.year:
            if not is_session(day):
                continue
            name, period = f"COTAHIST_A{day.year}.ZIP", _year(day.year)
        elif of_month.get((day.year, day.month), 0) > FEW_SESSIONS and day.month < today.month:
            name, period = f"COTAHIST_M{day:%m%Y}.ZIP", _month(day.year, day.month)
        else:
            name, period = f"COTAHIST_D{day:%d%m%Y}.ZIP", Period(day, day)
        files[name] = SiteFile(name, period)
    return list(files.values())


def read_from_site(
    file: SiteFile,
    base_url: str,
    today: dt.date,
    markets: Collection[bytes] = (CASH_MARKET,),
    back_off: BackOff = FILE_BACK_OFF,
) -> Cotahist:
    """Download a file and read the quotes of `markets` to its end; one that came damaged is downloaded again.

    Raises DownloadError, of which ClosedError is one, and NotPublishedError.
    """
    with TemporaryDirectory(prefix="cotahist-") as folder:
        path = Path(folder) / file.name

        def download() -> Cotahist:
            with opened(f"{base_url}/{FOLDER}/{file.name}", _ACCEPT, back_off.timeout_seconds) as response:
                _check_status(response.status or 0, file, today)
                _save(parts(response, back_off), path)
            try:
                return read_file(path, file.period, markets)
            except CotahistError as error:
                raise PassingError(f"what came is no such file: {error.cause}") from error

        try:
            return repeated(download, file.name, back_off)
        except ServiceError as error:
            raise DownloadError(f"{file.name}: {error}, or {_BY_HAND}.") from error


def _check_status(status: int, file: SiteFile, today: dt.date) -> None:
    if status == 200:
        return
    if status == 404:
        raise _missing(file, today)
    phrase = http.client.responses.get(status, "of no known meaning")
    if status in {403, 406}:
        raise DownloadError(
            f"{file.name}: B3's server refuses this program ({status} {phrase}): "
            f"download the file with a browser, and {_BY_HAND}."
        )
    raise DownloadError(f"{file.name}: B3's server answered {status} {phrase}: run again later, or {_BY_HAND}.")


def _missing(file: SiteFile, today: dt.date) -> B3LakeError:
    """Why B3 does not have a file, as the calendar tells it."""
    start, end = file.period.start, file.period.end
    if start == end and not is_session(start):
        return ClosedError(f"{file.name}: B3 was closed on {start}, and has no file of it.")
    if (today - end).days <= LATE_DAYS:
        return NotPublishedError(
            f"{file.name}: not published yet: B3 publishes a session's file in its evening, "
            "some hours after the close; run again later."
        )
    return DownloadError(f"{file.name}: B3's site does not have it (404): {_BY_HAND}.")


def _save(content: Iterator[bytes], path: Path) -> None:
    """Write a ZIP file from B3's site to `path`. Raises PassingError for anything else, and as `parts`."""
    first = next(content, b"")
    if not first.startswith(b"PK"):
        what = "a page" if first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else "something else"
        raise PassingError(f"it answered with {what} where a ZIP file belongs")
    with path.open("wb") as sink:
        sink.write(first)
        sink.writelines(content)


def _year(year: int) -> Period:
    return Period(dt.date(year, 1, 1), dt.date(year, 12, 31))


def _month(year: int, month: int) -> Period:
    return Period(dt.date(year, month, 1), dt.date(year, month, calendar.monthrange(year, month)[1]))
