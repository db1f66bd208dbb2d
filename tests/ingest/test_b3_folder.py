"""COTAHIST files of a folder, known by their headers."""

import datetime as dt
import os
from pathlib import Path

import pytest

from b3lake.ingest.commands import fetch
from b3lake.ingest.sources.b3 import told_twice
from b3lake.ingest.sources.b3_folder import files_here, name_others
from b3lake.ingest.sources.cotahist import CotahistError, read_file
from b3lake.lake.errors import UsageError
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_b3 import zip_of


def put(folder: Path, name: str, year: int, made: str = "20240102", records: int = 1) -> Path:
    """A file of a year under any name, as text or, where the name ends so, in a ZIP file."""
    content = whole_file([quote(day=year * 10_000 + 104)] * records, year=year, made=made)
    path = folder / name
    path.write_bytes(zip_of(f"COTAHIST.A{year}", content) if name.lower().endswith("zip") else content)
    return path


def names(folder: Path, *years: int) -> list[str]:
    return [file.path.name for file in files_here(folder, years).files]


def test_a_folder_as_b3_names_its_years(tmp_path: Path):
    put(tmp_path, "COTAHIST.A1999", 1999, "20000103")
    put(tmp_path, "COTAHIST_A2001", 2001, "20020102")
    put(tmp_path, "COTAHIST_A2002.TXT", 2002, "20030102")
    put(tmp_path, "COTAHIST_A2003 (1).TXT", 2003, "20040102")
    put(tmp_path, "anything.zip", 2004, "20050103")
    (tmp_path / "notes.txt").write_text("not one of B3's")
    (tmp_path / "COTAHIST_A2005.TXT").write_text("<html>")
    (tmp_path / "older").mkdir()
    put(tmp_path / "older", "COTAHIST_A2006.TXT", 2006)
    found = files_here(tmp_path, range(1999, 2010))
    assert [file.header.year for file in found.files] == [2004, 2003, 2002, 2001, 1999]
    assert (found.others, found.damaged) == (["COTAHIST_A2005.TXT", "notes.txt"], [])
    assert names(tmp_path, 1999, 2002, 2006) == ["COTAHIST_A2002.TXT", "COTAHIST.A1999"]


def test_the_file_made_last_stands_and_then_the_larger_one(tmp_path: Path):
    put(tmp_path, "a", 2024, "20240930", records=3)
    put(tmp_path, "b", 2024, "20241001")
    put(tmp_path, "c", 2024, "20240930", records=4)
    put(tmp_path, "d", 2024, "        ", records=9)
    assert names(tmp_path, 2024) == ["b", "c", "a", "d"]


def test_a_file_by_itself_is_taken_whatever_its_name(tmp_path: Path):
    assert names(put(tmp_path, "COTAHIST_A1999.TXT", 2024), 2024) == ["COTAHIST_A1999.TXT"]


def test_a_damaged_file_is_told_from_a_strangers_one(tmp_path: Path):
    (tmp_path / "Cotahist_A2024.zip").write_bytes(zip_of("one", whole_file([quote()]))[:100])
    (tmp_path / "holiday.zip").write_bytes(zip_of("one", b"1" * 1000)[:100])
    found = files_here(tmp_path, [2024])
    assert found.others == ["holiday.zip"]
    assert [str(error) for error in found.damaged] == [
        "Cotahist_A2024.zip: it is a broken ZIP file (its end is missing); download it again."
    ]


def test_something_else_by_itself_is_damaged(tmp_path: Path):
    page = tmp_path / "COTAHIST_A2024.ZIP"
    page.write_text("<html>")
    (error,) = files_here(page, [2024]).damaged
    assert isinstance(error, CotahistError)
    assert str(error) == "COTAHIST_A2024.ZIP: it does not begin as a COTAHIST file does; download it again."


@pytest.mark.parametrize(
    ("others", "why"), [({2022, 2023}, "it has those of 2022, 2023"), (set(), "no file in it begins as one does")]
)
def test_a_folder_without_the_years_is_wrong_usage(tmp_path: Path, others: set[int], why: str):
    for year in others:
        put(tmp_path, f"COTAHIST_A{year}.ZIP", year)
    with pytest.raises(UsageError) as caught:
        files_here(tmp_path, [2024])
    assert str(caught.value) == f"{tmp_path} has no COTAHIST file of these days: {why}."


def test_many_strangers_are_named_in_one_sentence():
    said = name_others([f"{n}.csv" for n in range(12)])
    assert said.startswith("Left out, for they do not begin as a COTAHIST file does: 0.csv, 1.csv,")
    assert said.endswith("9.csv and 2 more.")


def test_a_pipe_among_them_keeps_nobody(tmp_path: Path):
    put(tmp_path, "COTAHIST_A2024.TXT", 2024)
    os.mkfifo(tmp_path / "COTAHIST_A2023.TXT")
    (tmp_path / "loop").symlink_to("loop")
    found = files_here(tmp_path, None)
    assert ([file.header.year for file in found.files], found.others) == ([2024], ["COTAHIST_A2023.TXT", "loop"])


@pytest.mark.timeout(20)
def test_what_is_no_file_and_no_folder_is_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "there").symlink_to(tmp_path / "back")
    (tmp_path / "back").symlink_to(tmp_path / "there")
    no_file = " is no file and no folder: give a COTAHIST file or a folder of them."
    refused = {
        str(tmp_path / "pipe"): no_file,
        "/dev/zero": no_file,
        str(
            tmp_path / "loop"
        ): " cannot be opened (Too many levels of symbolic links): give a COTAHIST file or a folder.",
        str(
            tmp_path / "there" / "x"
        ): " cannot be opened (Too many levels of symbolic links): give a COTAHIST file or a",
        "x" * 5_000: "… cannot be opened (File name too long): give a COTAHIST file or a folder.",
        "/x" * 5_000: "… cannot be opened (File name too long): give a COTAHIST file or a folder.",
        "a\x00b": "B3_FILES=a\\x00b cannot be opened (",
        "/dev/null/x": " cannot be opened (Not a directory): give a COTAHIST file or a folder.",
    }
    for given, said in refused.items():
        with pytest.raises(UsageError) as caught:
            fetch.parse(["--source", "b3", "--b3-files", given], {}, dt.datetime.now(dt.timezone.utc))
        assert said in str(caught.value)
        assert len(str(caught.value)) < 250


def test_one_quote_told_twice_is_named_where_they_differ(tmp_path: Path):
    records = [quote(code="PETR4", close=1010), quote(code="VALE3"), quote(code="PETR4", close=1020)]
    records += [quote(code="VALE3"), quote(code="PETR4", day=20240103)]
    path = tmp_path / "COTAHIST_A2024.TXT"
    path.write_bytes(whole_file(records))
    assert told_twice(read_file(path).quotes) == "PETR4 on 2024-01-02"
    path.write_bytes(whole_file([quote(code=f"AA{n}A3", close=1000 + m) for n in range(9) for m in range(2)]))
    assert told_twice(read_file(path).quotes).endswith("AA4A3 on 2024-01-02 and 4 more")
    path.write_bytes(whole_file([quote()]))
    assert told_twice(read_file(path).quotes) == ""
