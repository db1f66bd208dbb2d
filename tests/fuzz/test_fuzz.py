"""The two parsers that read foreign bytes: whatever comes, a valid result or the parser's own error, in bounded time.

Two seconds each in `make test`, always the same inputs; `make fuzz SECONDS=300` goes on for longer, with new ones.
"""

import logging
import math
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from b3lake.ingest.sources.cotahist import CotahistError, as_date, read_file
from b3lake.lake.calendar import FIRST_DAY
from b3lake.lake.tickers import is_code
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


def test_cotahist_is_read_whole_or_refused(fast_folder: Path) -> None:
    file = fast_folder / "COTAHIST_A2024.TXT"
    outcomes = {"read": 0, "refused": 0, "left a record out": 0}

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
        return [Run(datetime.max.replace(tzinfo=timezone.utc), "SUCCEEDED")]

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
