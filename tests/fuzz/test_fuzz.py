"""The parsers that read foreign bytes, as far as the stored rows: whatever comes, a valid result or their own error.

Two seconds each in `make test`, always the same inputs; `make fuzz SECONDS=300` goes on for longer, with new ones.
"""

import datetime as dt
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from b3lake.ingest.doctor.strays import is_stray
from b3lake.ingest.load import prepare
from b3lake.ingest.parquet import decode
from b3lake.ingest.sources.b3 import batches, told_twice
from b3lake.ingest.sources.cotahist import CotahistError, Quotes, as_date, read_file
from b3lake.ingest.validate import BARS_SCHEMA, validate
from b3lake.lake.calendar import day_start_utc
from b3lake.lake.keys import FIRST_DAY, RAW_PREFIX, is_reachable, parse_partition_key, raw_key
from b3lake.lake.tickers import is_code
from b3lake.refine.bars import read_bars
from functions.start_glue_job.coalesce import start_for_messages
from functions.start_glue_job.refine_runs import Run
from functions.start_glue_job.s3_events import MalformedEventError, read_events
from tests.fuzz import cotahist_inputs, event_inputs
from tests.fuzz.fuzzing import SECONDS, fuzz

pytestmark = pytest.mark.timeout(SECONDS * 3 + 120)


@pytest.fixture
def fast_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: writing takes ten times as long as reading on a disk."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def store(quotes: Quotes) -> int:
    """Take quotes as far as their objects, and read those as the job does; how many there were."""
    told_twice(quotes)
    count = 0
    for bars in batches(quotes) if len(quotes) else ():
        sound = validate(bars, start=FIRST_DAY, end=dt.date.max, official=True).bars
        for one in prepare(sound.select(BARS_SCHEMA.names)):
            key = raw_key(one.day, one.ticker)
            assert parse_partition_key(RAW_PREFIX, key) == (one.day, one.ticker)
            assert is_reachable(key)
            assert not is_stray(key)
            assert decode(one.body).equals(one.rows)
            rows = read_bars(one.body)
            assert len(rows) == len(one.rows) == 1
            assert rows["ts"][0].as_py() == day_start_utc(one.day).replace(tzinfo=None)
            assert 0 < rows["low"][0].as_py() <= rows["high"][0].as_py() < math.inf
            count += 1
    return count


def test_cotahist_is_read_whole_or_refused(fast_folder: Path) -> None:
    file = fast_folder / "COTAHIST_A2024.TXT"
    outcomes = {"read": 0, "refused": 0, "left a record out": 0, "stored": 0}

    def holds(body: bytes) -> None:
        file.write_bytes(body)
        try:
            found = read_file(file)
        except CotahistError:
            outcomes["refused"] += 1
            return
        outcomes["read"] += 1
        outcomes["left a record out"] += bool(found.refused)
        assert all(day >= FIRST_DAY for day in found.days)
        assert all(one.ticker.isascii() and one.ticker.isprintable() for one in found.refused)
        for one in found.quotes:
            assert as_date(int(one["day"])) in found.days
            assert is_code(one["ticker"].decode("latin-1"))
            assert all(math.isfinite(one[name]) and one[name] >= 0 for name in ("open", "high", "low", "close"))
            assert min(one["volume"], one["turnover"], one["trades"]) >= 0
            assert one["factor"] > 0
            assert one["currency"] == b"R$"
        outcomes["stored"] += store(found.quotes)

    assert fuzz("COTAHIST", cotahist_inputs.INPUTS, holds) >= 100
    print(outcomes)
    assert min(outcomes.values()) > 0


def test_an_event_is_read_or_malformed() -> None:
    outcomes = {"read": 0, "malformed": 0}

    def holds(document: Any) -> None:
        try:
            events = read_events(document, "raw/b3/")
        except MalformedEventError:
            outcomes["malformed"] += 1
            return
        outcomes["read"] += 1
        for event in events:
            assert event.key.startswith("raw/b3/")
            assert event.time.tzinfo

    assert fuzz("S3 events", event_inputs.DOCUMENT, holds) >= 100
    print(outcomes)
    assert min(outcomes.values()) > 0


class _Runs:
    """A Glue whose newest run started after every event, and succeeded."""

    def newest(self) -> list[Run]:
        return [Run(dt.datetime.max.replace(tzinfo=dt.timezone.utc), "SUCCEEDED")]

    def start(self) -> str:
        return "jr_1"


def test_a_batch_gives_back_just_what_cannot_be_read() -> None:
    """A body that nobody can read must not take the messages beside it with it."""
    logging.getLogger("coalesce").setLevel(logging.CRITICAL)
    sound = '{"Records": [{"eventTime": "2024-01-03T10:00:00Z", "s3": {"object": {"key": "raw/b3/a.parquet"}}}]}'

    def holds(bodies: list[str]) -> None:
        records = [{"messageId": str(number), "body": body} for number, body in enumerate([*bodies, sound])]
        back = [one["itemIdentifier"] for one in start_for_messages(records, _Runs(), "raw/b3/")["batchItemFailures"]]
        assert len(set(back)) == len(back)
        assert set(back) <= {str(number) for number in range(len(bodies))}

    assert fuzz("SQS batches", event_inputs.BODIES, holds) >= 100
