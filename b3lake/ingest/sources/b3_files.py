"""Which COTAHIST files hold a range of days, and how they are had: from B3's site, or from a file or folder here."""

import calendar
import datetime as dt
import http.client
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import tenacity

from b3lake.ingest.sources.cotahist import Period
from b3lake.lake.errors import B3LakeError, UsageError

B3_URL = "https://bvmf.bmfbovespa.com.br"
FOLDER = "InstDados/SerHist"
"""Where the files lie on B3's site."""

FEW_SESSIONS = 7
"""Up to this many sessions of a month are taken from daily files, more from the month's or the year's."""

ATTEMPTS = 4
TIMEOUT_SECONDS = 60
_NAME = re.compile(
    r"COTAHIST_(?:A(?P<year>\d{4})|M(?P<month>\d{6})|D(?P<day>\d{8}))\.(?:TXT|ZIP|TXT\.ZIP)", re.IGNORECASE
)


@dataclass(frozen=True)
class CotahistFile:
    """A file and the days that its name says it covers (None: the name says nothing); `path` None: on B3's site."""

    name: str
    period: Period | None
    path: Path | None = None

    def covers(self, day: dt.date) -> bool:
        return self.period is None or self.period.start <= day <= self.period.end


class DownloadError(B3LakeError):
    """B3's site did not give a file."""


def period_of(name: str) -> Period | None:
    """The days that a COTAHIST file covers by its name; None when the name says nothing."""
    match = _NAME.fullmatch(name)
    if not match:
        return None
    try:
        if match["year"]:
            return _year(int(match["year"]))
        if match["month"]:
            return _month(int(match["month"][2:]), int(match["month"][:2]))
        day = dt.datetime.strptime(match["day"], "%d%m%Y").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        return None
    return Period(day, day)


def files_on_site(sessions: list[dt.date], today: dt.date) -> list[CotahistFile]:
    """The fewest files of B3's site that hold `sessions`: whole past years, and months or days of this year.

    The site keeps daily and monthly files for the last year only.
    """
    files: dict[str, CotahistFile] = {}
    of_month: dict[tuple[int, int], int] = {}
    for day in sessions:
        of_month[day.year, day.month] = of_month.get((day.year, day.month), 0) + 1
    for day in sessions:
        if day.year < today.year:
            name, period = f"COTAHIST_A{day.year}.ZIP", _year(day.year)
        elif of_month[day.year, day.month] > FEW_SESSIONS and day.month < today.month:
            name, period = f"COTAHIST_M{day:%m%Y}.ZIP", _month(day.year, day.month)
        else:
            name, period = f"COTAHIST_D{day:%d%m%Y}.ZIP", Period(day, day)
        files[name] = CotahistFile(name, period)
    return list(files.values())


def files_here(place: Path, sessions: list[dt.date]) -> list[CotahistFile]:
    """The COTAHIST files of a folder that hold any of `sessions`, those that cover most days first; or just the file.

    Raises UsageError when a folder has none.
    """
    if place.is_file():
        return [CotahistFile(place.name, period_of(place.name), place)]
    named = [(path, period_of(path.name)) for path in sorted(place.iterdir())]
    files = [CotahistFile(path.name, period, path) for path, period in named if period]
    found = [file for file in files if any(file.covers(day) for day in sessions)]
    if not found:
        raise UsageError(f"{place} has no COTAHIST file of these days: names are like COTAHIST_A2024.ZIP.")
    return sorted(found, key=lambda file: file.period.start - file.period.end if file.period else dt.timedelta())


@contextmanager
def at_hand(file: CotahistFile, base_url: str) -> Iterator[Path]:
    """The file on this disk for the length of a `with` block, from `base_url` where it is not here.

    Raises DownloadError.
    """
    if file.path:
        yield file.path
        return
    with TemporaryDirectory(prefix="cotahist-") as folder:
        path = Path(folder) / file.name
        url = f"{base_url}/{FOLDER}/{file.name}"
        try:
            _download(url, path)
        except (OSError, http.client.HTTPException) as error:
            missing = isinstance(error, urllib.error.HTTPError) and error.code == 404
            why = "B3 does not have it (yet)" if missing else f"it could not be downloaded ({error})"
            raise DownloadError(f"{file.name}: {why}; run again later, or give the file with --b3-files.") from error
        yield path


def _is_passing(error: BaseException) -> bool:
    return not (isinstance(error, urllib.error.HTTPError) and error.code < 500)


@tenacity.retry(
    retry=tenacity.retry_if_exception(_is_passing),
    stop=tenacity.stop_after_attempt(ATTEMPTS),
    wait=tenacity.wait_random_exponential(multiplier=1, max=20),
    reraise=True,
)
def _download(url: str, path: Path) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer, path.open("wb") as sink:  # noqa: S310
        shutil.copyfileobj(answer, sink, 1 << 20)
        length = answer.headers.get("Content-Length")
        if length and sink.tell() != int(length):
            raise OSError(f"the connection ended after {sink.tell()} of {length} bytes")


def _year(year: int) -> Period:
    return Period(dt.date(year, 1, 1), dt.date(year, 12, 31))


def _month(year: int, month: int) -> Period:
    return Period(dt.date(year, month, 1), dt.date(year, month, calendar.monthrange(year, month)[1]))
