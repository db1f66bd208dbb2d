"""COTAHIST files: a real day, damaged ones, and any that B3 could write."""

import datetime as dt
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.sources import b3
from b3lake.ingest.sources.b3_files import files_here, files_on_site, period_of
from b3lake.ingest.sources.cotahist import BLOCK_RECORDS, CotahistError, Period, read_quotes
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import sessions_between
from b3lake.lake.errors import UsageError

DAY = dt.date(2024, 5, 2)


def record(ticker: str = "PETR4", day: str = "20240502", market: str = "010", **fields: int) -> bytes:
    """One quote; prices are in cents, `factor` is the quotation factor."""
    values = {"open": 1000, "high": 1100, "low": 900, "close": 1050, "volume": 100, "factor": 1} | fields
    line = bytearray(b"01" + day.encode() + b"02" + ticker.ljust(12).encode("latin-1") + market.encode())
    line += "PETROBR\u00c1S  PN      N2      R$  ".encode("latin-1")[:29].ljust(29)
    for name in ("open", "high", "low"):
        line += b"%013d" % values[name]
    line += b"%013d%013d%013d%013d" % (values["close"], values["close"], 0, 0)
    line += b"%05d%018d%018d" % (7, values["volume"], 0)
    line += b"0" * 22 + b"%07d" % values["factor"]
    return bytes(line.ljust(245))


def text(records: list[bytes], year: str = "2024", ending: bytes = b"\r\n", count: int | None = None) -> bytes:
    """A whole file around `records`."""
    head = f"COTAHIST.{year}BOVESPA {year}1230".encode()
    told = len(records) + 2 if count is None else count
    lines = [(b"00" + head).ljust(245), *records, (b"99" + head + b"%011d" % told).ljust(245)]
    return b"".join(line + ending for line in lines)


def read(tmp_path: Path, content: bytes, name: str = "COTAHIST_A2024.TXT") -> np.ndarray:
    path = tmp_path / name
    path.write_bytes(content)
    return read_quotes(path, period_of(name))


def test_the_recorded_day(shared_data: Path):
    path = shared_data / "cotahist" / "COTAHIST_D03022022.TXT.zip"
    quotes = read_quotes(path, period_of(path.name))
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(archive.namelist()[0]).decode("latin-1").split("\r\n")
    cash = [line for line in lines if line[:2] == "01" and line[24:27] == "010"]
    assert len(quotes) == len(cash) == 1191
    for quote, line in zip(quotes, cash, strict=True):
        factor = int(line[210:217])
        assert quote["ticker"].decode() == line[12:24].strip()
        assert quote["volume"] == int(line[152:170])
        for name, first in (("open", 56), ("high", 69), ("low", 82), ("close", 108)):
            assert quote[name] == int(line[first : first + 13]) / (100 * factor)


def test_bars_of_the_recorded_day(shared_data: Path):
    path = shared_data / "cotahist" / "COTAHIST_D03022022.TXT.zip"
    (bars,) = b3.batches(read_quotes(path))
    assert bars.schema == BARS_SCHEMA
    assert set(bars["day"].to_pylist()) == {dt.date(2022, 2, 3)}
    assert bars["adj_close"].null_count == bars["dividends"].null_count == len(bars)


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
def test_quotes_per_thousand_and_other_markets(tmp_path: Path, ending: bytes):
    records = [record(), record("FNAM11", factor=1000), record("PETRE123", market="070")]
    quotes = read(tmp_path, text(records, ending=ending))
    assert [(q["ticker"], q["close"], q["volume"]) for q in quotes] == [(b"PETR4", 10.5, 100), (b"FNAM11", 0.0105, 100)]


WHOLE = text([record()] * 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (WHOLE[: -247 * 2], "without a trailer"),
        (WHOLE[:-1], "record 5 is not 245 bytes long"),
        (WHOLE[:-100], "record 5 is not 245 bytes long"),
        (text([record(), record()[:-1], record()]), "record 3 is not 245 bytes long"),
        (text([record()] * 3, count=1745), "does not fit its 5 records"),
        (text([record()] * 3) + record() + b"\r\n", "no quote before its trailer"),
        (text([record(), b"02" + record()[2:]]), "no quote before its trailer"),
        (text([record(day="20230502")]), "outside 2024-01-01 to 2024-12-31"),
        (text([record(day="20240230")]), "20240230, which is no day"),
        (text([record(), record().replace(b"0000000001050", b"00000000 1050")]), "something else than digits"),
        (text([record(factor=0)]), "factor of zero"),
        (text([record(day="20230502")], year="2023"), "its header is of 2023, its name of 2024"),
        (b"<html>not found</html>", "does not begin with a COTAHIST header"),
        (b"", "does not begin with a COTAHIST header"),
        (b"PK\x03\x04 half a zip", "does not begin with a COTAHIST header"),
    ],
)
def test_damaged_file_is_refused_whole(tmp_path: Path, content: bytes, says: str):
    with pytest.raises(CotahistError, match=says) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith("COTAHIST_A2024.TXT: ")
    assert str(caught.value).count("\n") == 0


def test_something_after_the_trailer_of_a_full_block(tmp_path: Path):
    content = text([record()] * (BLOCK_RECORDS - 1)) + record() + b"\r\n"
    with pytest.raises(CotahistError, match="goes on after its trailer"):
        read(tmp_path, content)


def test_damaged_zip_is_refused(tmp_path: Path):
    path = tmp_path / "COTAHIST_A2024.ZIP"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("COTAHIST_A2024.TXT", text([record(volume=n) for n in range(1, 2000)]))
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 255]) + whole[201:])
    with pytest.raises(CotahistError, match="broken ZIP file"):
        read_quotes(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.txt", "1")
        archive.writestr("two.txt", "2")
    with pytest.raises(CotahistError, match="it holds 2 files"):
        read_quotes(path)


quotes_given = st.lists(
    st.tuples(
        st.from_regex(r"[A-Z]{4}[0-9]{1,2}", fullmatch=True),
        st.sampled_from(["20240502", "20240503", "20241230"]),
        st.sampled_from(["010", "020", "070"]),
        st.integers(1, 10**13 - 1),
        st.integers(0, 10**18 - 1),
        st.sampled_from([1, 1000]),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(given_quotes=quotes_given)
def test_whatever_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, given_quotes: list):
    records = [
        record(ticker, day, market, close=close, volume=volume, factor=factor)
        for ticker, day, market, close, volume, factor in given_quotes
    ]
    quotes = read(tmp_path_factory.mktemp("cotahist"), text(records))
    expected = [
        (int(day), ticker.encode(), close / (100 * factor), volume)
        for ticker, day, market, close, volume, factor in given_quotes
        if market == "010"
    ]
    assert [(q["day"], q["ticker"], q["close"], q["volume"]) for q in quotes] == expected


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(1, len(WHOLE) - 1))
def test_cut_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int):
    with pytest.raises(CotahistError):
        read(tmp_path_factory.mktemp("cotahist"), WHOLE[:cut])


def test_batches_hold_whole_days_and_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(b3, "BATCH_ROWS", 3)
    days = ["20240503", "20240502", "20240506"]
    quotes = read(tmp_path, text([record(f"PETR{n}", day) for n in range(2) for day in days]))
    batches = list(b3.batches(quotes))
    assert [sorted(set(bars["day"].to_pylist())) for bars in batches] == [
        [dt.date(2024, 5, 2), dt.date(2024, 5, 3)],
        [dt.date(2024, 5, 6)],
    ]
    assert sum(map(len, batches)) == 6


def test_files_of_the_site():
    sessions = sessions_between(dt.date(2023, 12, 27), dt.date(2024, 5, 3))
    names = [file.name for file in files_on_site(sessions, dt.date(2024, 5, 6))]
    assert names == [
        "COTAHIST_A2023.ZIP",
        "COTAHIST_M012024.ZIP",
        "COTAHIST_M022024.ZIP",
        "COTAHIST_M032024.ZIP",
        "COTAHIST_M042024.ZIP",
        "COTAHIST_D02052024.ZIP",
        "COTAHIST_D03052024.ZIP",
    ]


@settings(max_examples=40, deadline=None)
@given(start=st.dates(dt.date(2020, 1, 1), dt.date(2024, 5, 2)), length=st.integers(0, 900))
def test_files_of_the_site_cover_every_session(start: dt.date, length: int):
    sessions = sessions_between(start, min(start + dt.timedelta(days=length), dt.date(2024, 5, 3)))
    files = files_on_site(sessions, dt.date(2024, 5, 6))
    assert all(sum(file.covers(day) for file in files) == 1 for day in sessions)


def test_files_of_a_folder(tmp_path: Path):
    for name in ("COTAHIST_D02052024.ZIP", "COTAHIST_A2024.ZIP", "cotahist_m052024.txt", "COTAHIST_A1999.ZIP", "x.csv"):
        (tmp_path / name).touch()
    names = [file.name for file in files_here(tmp_path, [DAY])]
    assert names == ["COTAHIST_A2024.ZIP", "cotahist_m052024.txt", "COTAHIST_D02052024.ZIP"]
    with pytest.raises(UsageError, match="has no COTAHIST file of these days"):
        files_here(tmp_path, [dt.date(2010, 5, 3)])


@pytest.mark.parametrize(
    ("name", "period"),
    [
        ("COTAHIST_A2024.ZIP", Period(dt.date(2024, 1, 1), dt.date(2024, 12, 31))),
        ("COTAHIST_M022024.ZIP", Period(dt.date(2024, 2, 1), dt.date(2024, 2, 29))),
        ("COTAHIST_D03022022.TXT.zip", Period(dt.date(2022, 2, 3), dt.date(2022, 2, 3))),
        ("COTAHIST_D31022022.ZIP", None),
        ("quotes.zip", None),
    ],
)
def test_period_of_a_name(name: str, period: Period | None):
    assert period_of(name) == period
