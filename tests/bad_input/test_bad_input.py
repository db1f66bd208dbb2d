"""The tables of bad input in docs/reliability.md are what comes out when each is tried.

`make bad-input-table` writes them anew (BAD_INPUT=rewrite); these tests fail where the committed ones differ.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from devlake.emulator import Emulator
from tests.bad_input import try_events, try_ingestion, try_job
from tests.bad_input.tried import Tried, agree

REWRITE = os.environ.get("BAD_INPUT") == "rewrite"


def check(area: str, tried: Iterable[Tried]) -> None:
    assert agree(area, list(tried), rewrite=REWRITE), f"the table of {area} differs: run make bad-input-table"


def test_configurations() -> None:
    tried = list(try_ingestion.try_configurations())
    assert {one.written for one in tried} == {"nothing: 0 requests to AWS"}
    assert all(one.came_out.startswith("exit 2: ") for one in tried)
    check("configuration", tried)


def test_arguments_of_the_job() -> None:
    check("job arguments", try_job.try_arguments())


def test_bars() -> None:
    check("bars", try_ingestion.try_bars())


def test_cotahist(tmp_path: Path) -> None:
    check("COTAHIST", try_ingestion.try_cotahist(tmp_path))


def test_raw_objects() -> None:
    check("raw objects", try_job.try_raw_objects())


def test_events() -> None:
    check("events", try_events.try_events())


@pytest.mark.slow
def test_sql(emulator: Emulator, tmp_path: Path) -> None:
    from tests.bad_input import try_cloud

    tried = list(try_cloud.try_sql(emulator, tmp_path))
    assert {one.written for one in tried} == {"nothing"}
    check("SQL", tried)


@pytest.mark.slow
def test_iam(emulator: Emulator) -> None:
    from tests.bad_input import try_cloud

    tried = list(try_cloud.try_iam(emulator))
    assert {one.written for one in tried} == {"nothing"}
    assert try_cloud.may(emulator, "StartGlueJobRole", "glue:StartJobRun", try_cloud.OWN_JOB)  # refused is not all
    check("IAM", tried)
