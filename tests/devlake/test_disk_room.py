"""The disk that an ingestion may take is said before it, and refused where the disk has less."""

import datetime as dt
import uuid
import zipfile
from pathlib import Path

import pytest
from obstore.store import S3Store

from b3lake.lake.keys import raw_key
from devlake.cotahist_writer import quote, whole_file
from devlake.disk_room import demand_room, judge_room, most_quotes
from devlake.emulator import Emulator
from devlake.errors import DevLakeError

NOW = dt.datetime(2026, 1, 15, 23, tzinfo=dt.timezone.utc)
JANUARY = {"START_DATE": "2024-01-01", "END_DATE": "2024-01-31"}  # 22 sessions: the 1st was a holiday
FILE = whole_file(
    [
        quote(day=20240102, code="PETR4"),
        quote(day=20240103, code="PETR4"),
        quote(day=20240103, code="BB  4"),
        quote(day=20240103, code="PETRA10", market="070"),
    ]
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "COTAHIST_A2024.TXT"
    path.write_bytes(FILE)
    return path


@pytest.mark.parametrize(
    ("environ", "quotes"),
    [
        ({"TICKERS": "PETR4,VALE3", **JANUARY}, 2 * 22),
        (JANUARY, 9 * 22),
        ({}, 9 * 7),
        ({"TICKERS": "PETR4", "SESSIONS": "60"}, 60),
        ({"TICKERS": "@IBOV,PETR4", **JANUARY}, 101 * 22),
        ({"TICKERS": "*", "SOURCE": "b3", **JANUARY}, 1300 * 22),
        ({"TICKERS": "PETR4", "START_DATE": "2030-01-02"}, 0),
        ({"TICKERS": "no ticker!"}, 0),
    ],
)
def test_quotes_are_tickers_times_sessions(environ: dict[str, str], quotes: int) -> None:
    assert most_quotes(environ, NOW) == quotes


@pytest.mark.parametrize(
    ("environ", "quotes"),
    [
        ({"TICKERS": "*"}, 3),
        ({"TICKERS": "PETR4"}, 2),
        ({"TICKERS": "BB4"}, 1),
        ({"TICKERS": "*", "START_DATE": "2024-01-03", "END_DATE": "2024-01-31"}, 2),
    ],
)
def test_of_files_the_quotes_are_counted(environ: dict[str, str], quotes: int, file: Path) -> None:
    of_b3 = environ | {"SOURCE": "b3"}
    assert most_quotes(of_b3 | {"B3_FILES": str(file)}, NOW) == quotes
    with zipfile.ZipFile(file.with_suffix(".ZIP"), "w") as archive:
        archive.write(file, file.name)
    assert most_quotes(of_b3 | {"B3_FILES": str(file.with_suffix(".ZIP"))}, NOW) == quotes
    assert most_quotes(of_b3 | {"B3_FILES": str(file.parent)}, NOW) == 2 * quotes


@pytest.fixture
def store(emulator: Emulator) -> S3Store:
    """A lake that has a quote of 30 December 2025, the year's last session, and an older one."""
    s3, bucket = emulator.client("s3"), f"room-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    for day in (dt.date(2025, 11, 3), dt.date(2025, 12, 30)):
        s3.put_object(Bucket=bucket, Key=raw_key(day, "PETR4"), Body=b"x")
    made: S3Store = emulator.store(bucket)
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "quotes"),
    [
        ({"TICKERS": "PETR4,VALE3", "SESSIONS": "3"}, 2 * 10),  # 2, 5 to 9 and 12 to 15 January
        ({"TICKERS": "*", "SOURCE": "b3"}, 1300 * 10),
        ({"TICKERS": "PETR4", "START_DATE": "2026-01-14"}, 2),
    ],
)
def test_a_lake_that_ends_earlier_is_fetched_from_there(environ: dict[str, str], quotes: int, store: S3Store) -> None:
    assert most_quotes(environ, NOW, store) == quotes


def test_a_file_that_is_none_counts_nothing(tmp_path: Path) -> None:
    assert most_quotes({"SOURCE": "b3", "B3_FILES": str(tmp_path / "not-there")}, NOW) == 0


def test_it_is_said_with_what_is_free_and_a_daily_run_says_nothing(tmp_path: Path) -> None:
    ten_years = {"TICKERS": "PETR4,VALE3", "START_DATE": "2016-01-01"}
    said = demand_room(ten_years, tmp_path, NOW)
    assert said.startswith("Up to 4,986 ")
    assert "quotes: about 0.1 GB of the disk, of which " in said
    assert said.endswith(" GB are free.")
    assert demand_room({}, tmp_path, NOW) == ""


def test_more_than_the_disk_has_is_refused() -> None:
    with pytest.raises(DevLakeError) as refused:
        judge_room(4_000, 99_999_999, Path("lake"))
    assert str(refused.value) == (
        "4,000 quotes may take 0.1 GB of the disk, and 100 MB are free where lake is: make room, or ask for fewer "
        "tickers or days. Nothing was fetched."
    )
    assert judge_room(4_000, 100_000_000, Path("lake")).startswith("Up to 4,000 quotes: about 0.1 GB ")
