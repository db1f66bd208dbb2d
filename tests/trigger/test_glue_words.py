"""Glue's own words, as its documentation lists them: none may leave or enter the function's lists unnoticed."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.start_glue_job.coalesce import start_for_messages
from functions.start_glue_job.refine_runs import RefineRuns
from tests.trigger.models import EPOCH, ClockedGlue, message

# The states of a run, after the API's reference: those under way, the one success, and the others at an end.
UNDER_WAY = ["STARTING", "RUNNING", "STOPPING", "WAITING"]
AT_AN_END = ["STOPPED", "FAILED", "TIMEOUT", "ERROR", "EXPIRED"]

# What says "not now", from Glue's common errors and from those of GetJobRuns and StartJobRun.
NOT_NOW = [
    "ConcurrentRunsExceededException",
    "InternalServiceException",
    "OperationTimeoutException",
    "RequestLimitExceeded",
    "ResourceNumberLimitExceededException",
    "ServiceUnavailable",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
]
NEVER = [
    "AccessDeniedException",
    "EntityNotFoundException",
    "InvalidInputException",
    "ExpiredTokenException",
    "IdempotentParameterMismatchException",
]
BEFORE, AFTER = EPOCH - timedelta(seconds=1), EPOCH + timedelta(seconds=1)


def left(glue: ClockedGlue, *messages: dict[str, Any]) -> list[str]:
    """The ids of the messages that go back to the queue."""
    answer = start_for_messages(messages, RefineRuns(glue, "job"), "raw/b3/")
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_run_that_succeeded_serves_what_was_before_it_and_nothing_else() -> None:
    glue = ClockedGlue()
    glue.add_run(EPOCH, "SUCCEEDED")
    assert left(glue, message(1, BEFORE)) == []
    assert glue.states() == ["SUCCEEDED"]
    assert left(glue, message(2, AFTER)) == ["2"]
    assert glue.states() == ["SUCCEEDED", "STARTING"]


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_run_that_is_on_serves_nothing_yet_and_is_waited_for(state: str) -> None:
    glue = ClockedGlue()
    glue.add_run(EPOCH, state)
    assert left(glue, message(1, BEFORE), message(2, AFTER)) == ["1", "2"]
    assert glue.states() == [state], "no second run beside it"
    assert glue.job.refused == 0, "and none is asked for"


@pytest.mark.parametrize("state", AT_AN_END)
def test_a_run_that_ended_otherwise_serves_nothing_and_is_not_waited_for(state: str) -> None:
    glue = ClockedGlue()
    glue.add_run(EPOCH, state)
    assert left(glue, message(1, BEFORE)) == ["1"]
    assert glue.states() == [state, "STARTING"]


@pytest.mark.parametrize("code", NOT_NOW)
@pytest.mark.parametrize("works_before", [0, 1], ids=["asked for its runs", "asked to start one"])
def test_a_refusal_sends_the_messages_back_and_fails_nothing(code: str, works_before: int) -> None:
    glue = ClockedGlue()
    glue.job.errors = [""] * works_before + [code]
    assert left(glue, message(1, BEFORE)) == ["1"]
    assert glue.states() == []
    assert left(glue, message(1, BEFORE)) == ["1"]
    assert glue.states() == ["STARTING"], "the next try starts it"


@pytest.mark.parametrize("code", NEVER)
@pytest.mark.parametrize("works_before", [0, 1], ids=["asked for its runs", "asked to start one"])
def test_any_other_error_fails_the_invocation_so_that_its_alarm_sounds(code: str, works_before: int) -> None:
    glue = ClockedGlue()
    glue.job.errors = [""] * works_before + [code]
    with pytest.raises(ClientError, match=code):
        left(glue, message(1, BEFORE))
