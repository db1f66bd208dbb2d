"""B3's files, asked of an address in the settings."""

import asyncio
import datetime as dt
import functools
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from b3lake.ingest.sources.b3 import B3Source
from b3lake.ingest.sources.http_get import BackOff
from b3lake.ingest.sources.source import Failure, Selection
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_b3 import FakeB3
from devlake.fake_http import serving
from tests.ingest.lake_cases import TestLake, key_of
from tests.ingest.test_run import Command, command  # noqa: F401 - a fixture

DAY = dt.date(2024, 1, 2)
OF_THE_DAY = ("--source", "b3", "--b3-events", "none", "--start-date", str(DAY), "--end-date", str(DAY))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a server in B3's place, which the environment points at."""
    folder = tmp_path / "InstDados" / "SerHist"
    folder.mkdir(parents=True)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    monkeypatch.setenv("B3LAKE_B3_URL", f"http://127.0.0.1:{server.server_address[1]}")
    yield folder
    server.shutdown()
    server.server_close()


def zipped(text: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("COTAHIST_A2024.TXT", text)
    return sink.getvalue()


def test_files_come_from_the_other_address_and_the_rows_say_so(command: Command, lake: TestLake, site: Path):  # noqa: F811
    (site / "COTAHIST_A2024.ZIP").write_bytes(zipped(whole_file([quote()])))
    assert command("--tickers", "PETR4", *OF_THE_DAY, "--json") == 0
    (row,) = lake.rows(key_of(DAY))
    assert (row["close"], row["source"]) == (37.78, "127.0.0.1")


def test_the_label_of_the_settings_is_the_rows_source(
    command: Command,  # noqa: F811
    lake: TestLake,
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("B3LAKE_SOURCE_LABEL", "b3")
    (site / "COTAHIST_A2024.ZIP").write_bytes(zipped(whole_file([quote()])))
    assert command("--tickers", "PETR4", *OF_THE_DAY) == 0
    assert lake.rows(key_of(DAY))[0]["source"] == "b3"


def test_a_file_that_is_not_there_fails_the_tickers_that_lack_its_days(command: Command, lake: TestLake, site: Path):  # noqa: F811
    assert command("--tickers", "PETR4,VALE3", *OF_THE_DAY, "--json") == 1
    records = command.records()
    assert {record["status"] for record in records.values()} == {"failed"}
    assert records["VALE3"]["cause"].startswith("COTAHIST_A2024.ZIP: B3's site does not have it (404): ")
    assert lake.written() == {}


def test_the_whole_market_has_one_line_for_a_failed_file(command: Command, lake: TestLake, site: Path):  # noqa: F811
    assert command("--tickers", "*", *OF_THE_DAY, "--json") == 1
    ((ticker, record),) = command.records().items()
    assert (ticker, record["status"]) == ("*", "failed")
    assert record["cause"].startswith("COTAHIST_A2024.ZIP: B3's site does not have it (404): ")


def test_a_site_that_does_not_answer_is_asked_for_one_file():
    """Seven daily files, each with its own waits, took a minute."""
    with serving(FakeB3()) as url:
        pass
    now = dt.datetime(2026, 5, 13, 22, tzinfo=dt.timezone.utc)
    wanted = Selection(("PETR4",), dt.date(2026, 5, 4), dt.date(2026, 5, 12), now)
    source = B3Source(url, back_off=BackOff(attempts=1))

    async def answers() -> list[object]:
        return [answer async for answer in source.fetch(wanted)]

    [failure] = asyncio.run(answers())
    assert isinstance(failure, Failure)
    assert str(failure.error).startswith(
        "COTAHIST_D04052026.ZIP: it could not be reached (Connection refused), at the first try"
    )
    assert (failure.days, len(wanted.sessions)) == (frozenset(wanted.sessions), 7)
