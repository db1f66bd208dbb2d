"""The model of Glue's runs answers as Glue does, on the wire and through a client."""

from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from devlake.glue_runs import GlueClient, GlueRuns, JobRun

START = datetime(2024, 1, 3, 12, 0, 0, 123456, tzinfo=timezone.utc)
REFUSED = (400, {"__type": "ConcurrentRunsExceededException", "message": "ConcurrentRunsExceededException"})


class Clock:
    """A clock that the test moves on."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runs(clock: Clock) -> GlueRuns:
    return GlueRuns("job", clock=clock)


def test_one_run_at_a_time(runs: GlueRuns, clock: Clock) -> None:
    assert runs.answer("StartJobRun", {}) == (200, {"JobRunId": "jr_0"})
    assert runs.answer("StartJobRun", {}) == REFUSED
    first = runs.requested()
    assert first == JobRun("jr_0", START, "STARTING")
    runs.begin(first)
    assert runs.requested() is None
    assert runs.answer("StartJobRun", {}) == REFUSED
    runs.end("STOPPING")
    assert runs.answer("StartJobRun", {}) == REFUSED
    runs.end("FAILED")
    clock.now += timedelta(seconds=5)
    given = {"--tickers": "PETR4"}
    assert runs.answer("StartJobRun", {"Arguments": given}) == (200, {"JobRunId": "jr_1"})
    of_both = {"JobName": "job"}
    started = {"StartedOn": START.timestamp() + 5, "JobRunState": "STARTING", "Arguments": given}
    failed = {"StartedOn": START.timestamp(), "JobRunState": "FAILED", "Arguments": {}}
    listed = [of_both | {"Id": "jr_1"} | started, of_both | {"Id": "jr_0"} | failed]
    assert runs.answer("GetJobRuns", {}) == (200, {"JobRuns": listed})
    assert runs.answer("GetJobRuns", {"MaxResults": 1}) == (200, {"JobRuns": listed[:1]})
    assert runs.refused == 3


def test_refusals_and_errors_come_as_often_as_told(runs: GlueRuns) -> None:
    runs.refusals = 2
    assert [runs.answer("StartJobRun", {}) for _ in range(2)] == [REFUSED, REFUSED]
    runs.errors = ["ThrottlingException", "", "AccessDeniedException"]
    answers = [runs.answer("GetJobRuns", {}) for _ in range(4)]
    assert [answer[1].get("__type") for answer in answers] == [
        "ThrottlingException",
        None,
        "AccessDeniedException",
        None,
    ]
    assert runs.answer("StartJobRun", {}) == (200, {"JobRunId": "jr_0"})


def test_a_run_ends_by_itself_when_its_time_is_over(clock: Clock) -> None:
    runs = GlueRuns("job", clock=clock, run_seconds=60)
    runs.request()
    clock.now += timedelta(seconds=59)
    assert runs.answer("StartJobRun", {}) == REFUSED
    clock.now += timedelta(seconds=1)
    assert runs.answer("StartJobRun", {}) == (200, {"JobRunId": "jr_1"})
    assert [run.state for run in runs.runs] == ["SUCCEEDED", "STARTING"]


def test_other_operations_are_not_its_own(runs: GlueRuns) -> None:
    assert runs.answer("CreateJob", {}) is None


def test_a_client_gets_times_and_errors_as_boto3_gives_them(runs: GlueRuns) -> None:
    client = GlueClient(runs)
    assert client.start_job_run(JobName="job") == {"JobRunId": "jr_0"}
    assert client.get_job_runs(JobName="job", MaxResults=5)["JobRuns"][0]["StartedOn"] == START
    with pytest.raises(ClientError) as refused:
        client.start_job_run(JobName="job")
    assert refused.value.response["Error"]["Code"] == "ConcurrentRunsExceededException"
    assert refused.value.operation_name == "StartJobRun"
