"""Which COTAHIST files hold a range of days, and their quotes as bars."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.sources import b3
from b3lake.ingest.sources.b3_files import files_here, files_on_site, period_of
from b3lake.ingest.sources.cotahist import Period, read_file
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import sessions_between
from b3lake.lake.errors import UsageError
from devlake.cotahist_writer import quote, whole_file

DAY = dt.date(2024, 5, 2)


def test_bars_of_the_recorded_day(shared_data: Path):
    path = shared_data / "cotahist" / "COTAHIST_D03022022.TXT.zip"
    (bars,) = b3.batches(read_file(path).quotes)
    assert bars.schema == BARS_SCHEMA
    assert set(bars["day"].to_pylist()) == {dt.date(2022, 2, 3)}
    assert bars["adj_close"].null_count == bars["dividends"].null_count == len(bars)


def test_batches_hold_whole_days_and_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(b3, "BATCH_ROWS", 3)
    days = [20240503, 20240502, 20240506]
    path = tmp_path / "COTAHIST_A2024.TXT"
    path.write_bytes(whole_file([quote(code=f"PETR{n}", day=day) for n in range(2) for day in days]))
    batches = list(b3.batches(read_file(path).quotes))
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
