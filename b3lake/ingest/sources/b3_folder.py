"""COTAHIST files on this machine: known by their headers, whatever their names."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from b3lake.ingest.sources.cotahist import CotahistError, Header, read_header
from b3lake.lake.errors import B3LakeError, UsageError
from b3lake.lake.words import printable

_SHOWN = 10


@dataclass(frozen=True)
class LocalFile:
    """A COTAHIST file and what its header tells."""

    path: Path
    header: Header


@dataclass
class LocalFiles:
    """The COTAHIST files of a place, those first whose records stand; what looked like one; and other files' names."""

    files: list[LocalFile] = field(default_factory=list)
    damaged: list[B3LakeError] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def files_here(place: Path, years: Iterable[int] | None) -> LocalFiles:
    """The files of a folder (not of those in it) that are of `years` (None: of any); or the one file that `place` is.

    Of two files that have a day, the one made later stands, and of those made on one day the larger one. Raises
    UsageError when no file is of these years.
    """
    found, wanted = LocalFiles(), None if years is None else set(years)
    others_years: set[int] = set()
    for path in [place] if place.is_file() else _in_folder(place):
        if not path.is_file():  # a pipe would keep who opens it
            found.others.append(path.name)
            continue
        try:
            header = read_header(path)
        except B3LakeError as error:
            if path == place or "COTAHIST" in path.name.upper():
                found.damaged.append(error)
            else:
                found.others.append(path.name)
            continue
        if header is None and path == place:
            found.damaged.append(CotahistError(path.name, "it does not begin as a COTAHIST file does"))
        elif header is None:
            found.others.append(path.name)
        elif wanted is None or header.year in wanted:
            found.files.append(LocalFile(path, header))
        else:
            others_years.add(header.year)
    if not found.files and not found.damaged:
        raise UsageError(_nothing(place, others_years))
    found.files.sort(key=_rank, reverse=True)
    return found


def _in_folder(place: Path) -> list[Path]:
    try:
        return sorted(path for path in place.iterdir() if not path.is_dir())
    except OSError as error:
        raise UsageError(f"{place}: it cannot be read ({error.strerror}): give a folder that you may read.") from error


def name_others(names: list[str]) -> str:
    """A sentence that names files that are none of B3's."""
    shown = printable(", ".join(names[:_SHOWN]))
    shown = f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
    return f"Left out, for they do not begin as a COTAHIST file does: {shown}."


def _rank(file: LocalFile) -> tuple[dt.date, int]:
    return file.header.made or dt.date.min, file.path.stat().st_size


def _nothing(place: Path, years: set[int]) -> str:
    why = f"it has those of {', '.join(map(str, sorted(years)))}" if years else "no file in it begins as one does"
    return f"{place} has no COTAHIST file of these days: {why}."
