"""Invented prices and others never lie in one lake, whatever command would put them there."""
# ruff: noqa: F811 - fixtures that are imported

from pathlib import Path

import pytest

from b3lake.ingest.parquet import encode
from b3lake.lake.schemas import RAW_SCHEMA
from devlake.cotahist_writer import quote, whole_file
from devlake.emulator import Emulator
from devlake.fake_yahoo import FakeYahoo
from devlake.ingest_quotes import holds_synthetic_prices
from tests.ingest.lake_cases import DAYS, TestLake, key_of, table
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures

DAY = ("--start-date", str(DAYS[0]), "--end-date", str(DAYS[0]))


@pytest.fixture
def b3_files(tmp_path: Path) -> tuple[str, ...]:
    """Options that take a real quote of VALE3 from B3's file."""
    path = tmp_path / "COTAHIST_D02052024.TXT"
    path.write_bytes(whole_file([quote(code="VALE3", day=int(f"{DAYS[0]:%Y%m%d}"))]))
    return ("--source", "b3", "--b3-files", str(path))


def hold(lake: TestLake, source: str | None, body: bytes | None = None) -> None:
    """Let the lake hold a row with this `source`, or an object that is no Parquet file."""
    rows = table("PETR4", days=[DAYS[1]], source=[source]).select(RAW_SCHEMA.names)
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(DAYS[1]), Body=body or encode(rows))


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_no_real_price_enters_a_synthetic_lake(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo, b3_files: tuple[str, ...], dry_run: tuple[str, ...]
):
    hold(lake, "synthetic")
    for source in (b3_files, ()):
        assert command("--tickers", "VALE3", *DAY, *source, *dry_run) == 1
        assert command.err == (
            "fetch_b3_data: This lake holds synthetic prices (their source is synthetic), and no real ones are mixed "
            "with them: take another lake, or empty this one first.\n"
        )
    assert set(lake.written()) == {key_of(DAYS[1])}
    assert fake_yahoo.requests == []


@pytest.mark.parametrize("held", ["yahoo", "b3"])
def test_no_invented_price_enters_a_real_lake(
    command: Command,
    lake: TestLake,
    b3_files: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    held: str,
):
    hold(lake, held)
    monkeypatch.setenv("B3LAKE_SOURCE_LABEL", "synthetic")
    for source in (b3_files, ()):
        assert command("--tickers", "VALE3", *DAY, *source) == 1
        assert f"This lake holds real prices (their source is {held}), and no synthetic ones are mixed" in command.err
    assert set(lake.written()) == {key_of(DAYS[1])}


@pytest.mark.parametrize("held", ["127.0.0.1", "synthetic", None])
def test_a_label_that_nobody_knows_is_taken_for_invented(command: Command, lake: TestLake, b3_files, held: str | None):
    hold(lake, held)
    assert command("--tickers", "VALE3", *DAY, *b3_files) == 1
    assert f"(their source is {held})" in command.err


def test_a_repair_mixes_nothing_either(command: Command, lake: TestLake, fake_yahoo: FakeYahoo, b3_files):
    hold(lake, "synthetic")
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(DAYS[0], "VALE3"), Body=b"PAR1 half a fi")
    assert command.doctor("--fix", *b3_files) == 1
    assert "This lake holds synthetic prices" in command.err
    assert lake.everything()[key_of(DAYS[0], "VALE3")] == b"PAR1 half a fi"


@pytest.mark.parametrize("held", ["yahoo", "b3"])
def test_real_sources_may_lie_side_by_side(command: Command, lake: TestLake, b3_files, held: str):
    hold(lake, held)
    assert command("--tickers", "VALE3", *DAY, *b3_files) == 0
    assert lake.rows(key_of(DAYS[0], "VALE3"))[0]["source"] == "b3"


def test_invented_prices_go_on_in_their_lake(
    command: Command, lake: TestLake, fake_yahoo: FakeYahoo, monkeypatch: pytest.MonkeyPatch
):
    hold(lake, "synthetic")
    monkeypatch.setenv("B3LAKE_SOURCE_LABEL", "synthetic")
    assert command("--tickers", "VALE3", *DAY) == 0
    assert lake.rows(key_of(DAYS[0], "VALE3"))[0]["source"] == "synthetic"


def test_what_cannot_be_read_tells_nothing(command: Command, lake: TestLake, b3_files):
    """The next object is asked; where none can be read, the doctor is who says so."""
    hold(lake, None, body=b"PAR1 half a fi")
    assert command("--tickers", "VALE3", *DAY, *b3_files) == 0
    lake.s3.delete_object(Bucket=lake.bucket, Key=key_of(DAYS[0], "VALE3"))
    rows = table("PETR4", days=[DAYS[2]], source=["synthetic"]).select(RAW_SCHEMA.names)
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(DAYS[2]), Body=encode(rows))
    assert command("--tickers", "VALE3", *DAY, *b3_files) == 1


@pytest.mark.parametrize(
    ("labels", "synthetic"),
    [([], None), (["synthetic"], True), (["yahoo"], False), (["b3"], False), ([None, "b3"], False), ([None], None)],
)
def test_the_local_run_asks_the_rows_of_which_kind_they_are(
    lake: TestLake, labels: list, synthetic: bool | None
) -> None:
    """None: an object that cannot be read."""
    for number, label in enumerate(labels):
        rows = table(days=[DAYS[number]], source=[label]).select(RAW_SCHEMA.names)
        body = encode(rows) if label else b"PAR1 half a fi"
        lake.s3.put_object(Bucket=lake.bucket, Key=key_of(DAYS[number]), Body=body)
    lake.s3.put_object(Bucket=lake.bucket, Key="raw/b3/_SUCCESS", Body=b"")
    aws = Emulator(lake.url, 0, Path(), "any")
    assert holds_synthetic_prices(aws, lake.bucket) is synthetic
