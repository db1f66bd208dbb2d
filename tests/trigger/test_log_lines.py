"""What the function writes to its log: who looks for a lost event finds the counts, the cause and the run there."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from functions.start_glue_job.coalesce import start_for_event, start_for_messages
from functions.start_glue_job.refine_runs import RefineRuns
from tests.trigger.models import EPOCH, ClockedGlue, message

BEFORE = EPOCH - timedelta(seconds=1)
ODD = {"messageId": "odd", "body": "{"}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="functions.start_glue_job")
    return caplog


def told(log: pytest.LogCaptureFixture, *names: str) -> list[tuple[Any, ...]]:
    """Level, text and these fields of each line that was written since."""
    lines = [(one.levelname, one.getMessage(), *(getattr(one, name, None) for name in names)) for one in log.records]
    assert {one.name for one in log.records} <= {"functions.start_glue_job.coalesce"}
    log.clear()
    return lines


def test_a_batch_tells_its_counts_and_its_run(log: pytest.LogCaptureFixture) -> None:
    glue = ClockedGlue()
    start_for_messages([message(1, BEFORE), message(2, BEFORE), ODD], RefineRuns(glue, "job"), "raw/b3/")
    malformed, started, served = told(log, "message_id", "job_run_id", "messages", "back_to_queue", "malformed")
    assert malformed[0] == "WARNING"
    assert malformed[1].startswith("Malformed message: Expecting property name")
    assert malformed[2:] == ("odd", None, None, None, None)
    assert started == ("INFO", "Run started.", None, "jr_0", 2, None, None)
    assert served == ("INFO", "Batch served.", None, None, 3, 2, 1)


@pytest.mark.parametrize(("before", "text"), [([], "Glue tells no runs now."), ([""], "No run now.")])
def test_a_refusal_tells_its_cause(log: pytest.LogCaptureFixture, before: list[str], text: str) -> None:
    glue = ClockedGlue()
    glue.job.errors = [*before, "ThrottlingException"]
    start_for_messages([message(1, BEFORE)], RefineRuns(glue, "job"), "raw/b3/")
    assert told(log, "cause", "messages", "back_to_queue") == [
        ("INFO", text, "ThrottlingException", 1, None),
        ("INFO", "Batch served.", None, 1, 1),
    ]


def test_events_that_are_given_up_are_a_warning(log: pytest.LogCaptureFixture) -> None:
    glue = ClockedGlue()
    for seconds in (1, 2):
        glue.add_run(EPOCH + timedelta(seconds=seconds), "FAILED")
    start_for_messages([message(1, BEFORE)], RefineRuns(glue, "job"), "raw/b3/")
    warning, _ = told(log, "messages")
    assert warning == (
        "WARNING",
        "The newest runs failed: their events wait until one succeeds. See the job's log.",
        1,
    )


def test_a_bare_event_tells_its_objects_and_its_run(log: pytest.LogCaptureFixture) -> None:
    key = {"eventTime": "2024-01-03T00:00:00Z", "s3": {"object": {"key": "raw/b3/x.parquet"}}}
    start_for_event({"Records": [key, key]}, RefineRuns(ClockedGlue(), "job"), "raw/b3/")
    assert told(log, "objects", "job_run_id") == [("INFO", "Bare event.", 2, "jr_0")]
