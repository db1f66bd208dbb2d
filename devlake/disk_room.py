"""Says before an ingestion what the kept lake may take of the disk, and refuses what the disk cannot hold."""

import asyncio
import dataclasses
import datetime as dt
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from obstore.store import S3Store

from b3lake.ingest.catch_up import catch_up
from b3lake.ingest.commands.fetch import FetchRequest, parse
from b3lake.lake.calendar import sessions_between
from b3lake.lake.errors import B3LakeError
from b3lake.lake.indexes import MEMBERS_MARK
from b3lake.lake.words import counted
from devlake.errors import DevLakeError

BYTES_PER_QUOTE = 25_000
"""Measured on ext4, with blocks of 4 KiB: an object of bronze and one refined, each with a file about it beside it, in
a folder of its own."""
OF_ALL_TICKERS = 1_300
"""In a session: B3's file of a recent year has some 320,000 records of the cash market."""
OF_AN_INDEX = 100
WORTH_SAYING = 1_000
"""Quotes; fewer are nothing to a disk."""
_CODE, _MARKET, _CASH = slice(12, 24), slice(24, 27), b"010"


def demand_room(environ: Mapping[str, str], folder: Path, now: dt.datetime, store: S3Store | None = None) -> str:
    """The sentence about what `make ingest` with `environ` into the lake of `store` may take.

    It is empty where that is next to nothing. Without `store` the lake is taken for empty.

    Raises DevLakeError when the disk of `folder` has less than that free.
    """
    return judge_room(most_quotes(environ, now, store), shutil.disk_usage(folder).free, folder)


def judge_room(quotes: int, free: int, folder: Path) -> str:
    """The same of so many quotes and so many free bytes."""
    needed = quotes * BYTES_PER_QUOTE
    if needed > free:
        raise DevLakeError(
            f"{counted(quotes, 'quote')} may take {_size(needed)} of the disk, and {_size(free)} are free where "
            f"{folder} is: make room, or ask for fewer tickers or days. Nothing was fetched."
        )
    if quotes < WORTH_SAYING:
        return ""
    return f"Up to {counted(quotes, 'quote')}: about {_size(needed)} of the disk, of which {_size(free)} are free."


def most_quotes(environ: Mapping[str, str], now: dt.datetime, store: S3Store | None = None) -> int:
    """How many quotes the ingestion asks for at most; 0 where it cannot be told, as of a wrong setting.

    Where no first day is named, that is since the newest day in `store`, of whatever ticker.
    """
    try:
        return _most(parse([], environ, now), environ.get("B3_FILES", ""), store)
    except B3LakeError:  # the ingestion says it
        return 0


def _most(request: FetchRequest, files: str, store: S3Store | None) -> int:
    if files:
        return sum(_count(stream, request) for stream in _texts(Path(files).expanduser()))
    wanted = request.wanted
    each = OF_ALL_TICKERS
    if wanted.tickers is not None:
        each = sum(OF_AN_INDEX if name.startswith(MEMBERS_MARK) else 1 for name in wanted.tickers)
    start = _begins(store, request) if store is not None and request.catches_up else wanted.start
    return each * len(sessions_between(start, min(wanted.end, request.last)))


def _begins(store: S3Store, request: FetchRequest) -> dt.date:
    """The first day of an ingestion that fetches what the lake lacks before the days that it is for, too."""
    of_any = dataclasses.replace(request.wanted, tickers=None)
    return asyncio.run(catch_up(store, of_any, extend=True, together=True)).wanted.start


def _count(stream: IO[bytes], request: FetchRequest) -> int:
    """The records of the cash market in a COTAHIST file that are of the wanted tickers and days."""
    wanted = request.wanted
    first, last = (day.strftime("%Y%m%d").encode() for day in (wanted.start, wanted.end))
    codes = None if wanted.tickers is None else {name.encode() for name in wanted.tickers}
    return sum(
        line[_MARKET] == _CASH
        and first <= line[2:10] <= last
        and (codes is None or line[_CODE].replace(b" ", b"") in codes)
        for line in stream
    )


def _texts(place: Path) -> Iterator[IO[bytes]]:
    """The texts of the files at `place`, those in archives too; what cannot be read is left to the ingestion."""
    for file in sorted(place.iterdir()) if place.is_dir() else [place]:
        with suppress(OSError, zipfile.BadZipFile):
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    for name in archive.namelist():
                        with archive.open(name) as stream:
                            yield stream
            elif file.is_file():
                with file.open("rb") as text:
                    yield text


def _size(number: int) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e8 else f"{number / 1e6:,.0f} MB"
