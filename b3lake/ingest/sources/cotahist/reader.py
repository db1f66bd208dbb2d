"""Reads a COTAHIST text or ZIP file whole.

A file is taken whole or refused whole: its header, the length and type of every record, the dates, the digits and the
total in its trailer are checked before anything of it is given away. Single records are left out only for what they
are: older than the lake, in another currency, or of a code that no key can have.
"""

import datetime as dt
import lzma
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from b3lake.ingest.sources.cotahist.layout import (
    CASH_MARKET,
    FILE_MARK,
    FIRST_FILE_YEAR,
    HEADER_TYPE,
    LAST_FILE_YEAR,
    QUOTE_TYPE,
    RECORD_BYTES,
    TRAILER_TYPE,
    Bytes,
    Cotahist,
    CotahistError,
    Header,
    Period,
    Quotes,
    as_date,
    as_number,
)
from b3lake.ingest.sources.cotahist.records import BlockParser
from b3lake.lake.errors import B3LakeError
from b3lake.lake.words import counted

BLOCK_RECORDS = 1 << 13
"""Two megabytes: what a processor's own memory holds is parsed twice as fast."""

_LINE_ENDINGS = (b"\r\n", b"\n")
_ZIP_MARK = b"PK\x03\x04"
# What zipfile raises for damaged members: RuntimeError for one that seems encrypted or of an unknown method, OSError
# from bzip2 and from seeking to where a damaged directory says that a member is.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError)


def read_file(path: Path, period: Period | None = None, markets: Collection[bytes] = (CASH_MARKET,)) -> Cotahist:
    """A COTAHIST text or ZIP file; its quotes are those of `markets` (TPMERC).

    With `period`, a record outside it condemns the file; else one outside the header's year does. Raises CotahistError,
    and B3LakeError for a file that this user may not read.
    """
    with _reading(path), _open_text(path) as stream:
        return _read(stream, path.name, period, markets)


def read_header(path: Path) -> Header | None:
    """The header of a COTAHIST text or ZIP file, whatever its name; None when it does not begin with one.

    Raises CotahistError for a damaged ZIP file, and B3LakeError for a file that this user may not read.
    """
    with _reading(path), _open_text(path) as stream:
        try:
            return _parse_header(stream.read(RECORD_BYTES), path.name)
        except CotahistError:
            return None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (PermissionError, IsADirectoryError) as error:
        raise B3LakeError(f"{path}: it cannot be read ({error.strerror}): give a file that you may read.") from error
    except _BROKEN_ZIP as error:
        raise CotahistError(path.name, f"it is a broken ZIP file ({error})") from error


@contextmanager
def _open_text(path: Path) -> Iterator[IO[bytes]]:
    """The text of a file: itself, or the one COTAHIST file in a ZIP file."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            if stream.read(len(_ZIP_MARK)) == _ZIP_MARK:
                raise CotahistError(path.name, "it is a broken ZIP file (its end is missing)")
            stream.seek(0)
            yield stream
        return
    with zipfile.ZipFile(path) as archive, archive.open(_member(archive, path.name)) as stream:
        yield stream


def _member(archive: zipfile.ZipFile, file: str) -> str:
    members = [name for name in archive.namelist() if not name.endswith("/")]
    if len(members) > 1:  # a system's own notes may lie beside it
        members = [name for name in members if _begins(archive, name)] or members
    if len(members) != 1:
        raise CotahistError(file, f"it holds {len(members)} files where one is expected")
    return members[0]


def _begins(archive: zipfile.ZipFile, member: str) -> bool:
    with archive.open(member) as stream:
        return stream.read(len(HEADER_TYPE + FILE_MARK)) == HEADER_TYPE + FILE_MARK


def _read(stream: IO[bytes], file: str, period: Period | None, markets: Collection[bytes]) -> Cotahist:
    first = stream.readline(RECORD_BYTES + max(map(len, _LINE_ENDINGS)))
    header, ending = _parse_header(first[:RECORD_BYTES], file), first[RECORD_BYTES:]
    if ending not in _LINE_ENDINGS:
        raise CotahistError(file, f"it does not begin with a COTAHIST header of {RECORD_BYTES} bytes")
    period = _checked_period(header, file, period)
    parser = BlockParser(file, as_number(period.start), as_number(period.end), markets)
    blocks: list[Quotes] = []
    count, trailer = 1, b""
    for records in _blocks(stream, ending, file):
        if trailer:
            raise CotahistError(file, f"it goes on after its trailer, record {count}")
        count += len(records)
        if records[-1, :2].tobytes() == TRAILER_TYPE:
            trailer = records[-1].tobytes()
        blocks.append(parser.parse(records[:-1] if trailer else records))
    if not trailer:
        raise CotahistError(file, f"it is truncated: it ends after {counted(count, 'record')} without a trailer")
    _check_trailer(trailer, first, file, count)
    days = frozenset(map(as_date, parser.days))
    return Cotahist(header, _joined(blocks), days, parser.left_out, tuple(parser.refused))


def _parse_header(record: bytes, file: str) -> Header:
    if len(record) != RECORD_BYTES or not record.startswith(HEADER_TYPE + FILE_MARK):
        raise CotahistError(file, f"it does not begin with a COTAHIST header of {RECORD_BYTES} bytes")
    year = int(record[11:15]) if record[11:15].isdigit() else 0
    if not FIRST_FILE_YEAR <= year <= LAST_FILE_YEAR:
        raise CotahistError(file, f"its header tells no year ({record[2:31].decode('latin-1')!r})")
    try:
        made = as_date(int(record[23:31]))
    except ValueError:
        made = None
    return Header(year, made)


def _checked_period(header: Header, file: str, period: Period | None) -> Period:
    if period is None:
        return Period(dt.date(header.year, 1, 1), dt.date(header.year, 12, 31))
    if header.year != period.start.year:
        raise CotahistError(file, f"its header is of {header.year}, its name of {period.start.year}")
    return period


def _check_trailer(trailer: bytes, header: bytes, file: str, count: int) -> None:
    """The total counts all records (files made up to 2024) or the quotes only (files of 2026)."""
    told = trailer[31:42]
    if trailer[2:15] != header[2:15] or not told.isdigit() or int(told) not in {count, count - 2}:
        said = trailer[2:42].decode("latin-1")
        raise CotahistError(file, f"its trailer ({said!r}) does not fit its {counted(count, 'record')}")


def _blocks(stream: IO[bytes], ending: bytes, file: str) -> Iterator[Bytes]:
    """The records after the header, as arrays (records, bytes of a line), each line ended as the first was."""
    size = RECORD_BYTES + len(ending)
    tail = np.frombuffer(ending, np.uint8)
    done = 1
    while block := stream.read(size * BLOCK_RECORDS):
        whole, rest = divmod(len(block), size)
        records = np.frombuffer(block, np.uint8, whole * size).reshape(-1, size)
        wrong = np.flatnonzero((records[:, RECORD_BYTES:] != tail).any(axis=1))
        if rest or len(wrong):
            place = done + (int(wrong[0]) if len(wrong) else whole) + 1
            raise CotahistError(file, f"record {place} is not {RECORD_BYTES} bytes long: it is truncated or damaged")
        done += whole
        yield records


def _joined(blocks: list[Quotes]) -> Quotes:
    """The blocks as one array, from the last to the first, each freed once it is copied: memory for one and a bit."""
    end = sum(map(len, blocks))
    whole = np.empty(end, QUOTE_TYPE)
    while blocks:
        block = blocks.pop()
        whole[end - len(block) : end] = block
        end -= len(block)
    return whole
