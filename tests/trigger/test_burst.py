"""A backfill's burst of events starts a handful of runs, on a model of Glue and on moto's Glue."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.moto_api import state_manager

from functions.start_glue_job.coalesce import start_for_messages
from functions.start_glue_job.refine_runs import RefineRuns
from tests.trigger.models import EPOCH, ClockedGlue, QueueModel, message

RECORDS = 10_000
BURST_SECONDS = 250  # 40 objects a second
RUN_SECONDS = 600
BATCH = 1_000


def test_ten_thousand_events_start_few_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Duplicated, out of order, in batches, while a run is on for most of the time."""
    rng = random.Random(7)
    times = [EPOCH + timedelta(seconds=rng.uniform(0, BURST_SECONDS)) for _ in range(RECORDS)]
    arrivals = [(time + timedelta(seconds=rng.uniform(0, 30)), number) for number, time in enumerate(times)]
    arrivals += [(when + timedelta(seconds=rng.uniform(0, 900)), number) for when, number in arrivals[::10]]
    arrivals.sort()
    glue, queue = ClockedGlue(run_seconds=RUN_SECONDS), QueueModel(visibility_seconds=300)
    runs, batches, sent = RefineRuns(glue, "job"), 0, 0
    while sent < len(arrivals) or queue.messages:
        while sent < len(arrivals) and arrivals[sent][0] <= glue.now:
            queue.send(message(arrivals[sent][1], times[arrivals[sent][1]]), glue.now)
            sent += 1
        while batch := queue.receive(glue.now, BATCH):
            queue.delete_but(batch, start_for_messages(batch, runs, "raw/b3/")["batchItemFailures"])
            batches += 1
        glue.advance(10)
    with capsys.disabled():
        print(
            f"\n{RECORDS:,} events, {len(arrivals):,} deliveries, {batches} batches: {len(glue.job.runs)} runs; "
            f"a message was received {max(queue.receives.values())} times at most"
        )
    assert len(glue.job.runs) <= 3
    assert glue.job.runs[-1].started > max(times)
    assert max(queue.receives.values()) < 60  # the stack's maxReceiveCount


@pytest.fixture
def moto_glue() -> Iterator[Any]:
    """moto's Glue with a job of one run at a time, whose runs go on until they are looked up one by one."""
    with mock_aws():
        state_manager.set_transition("glue::job_run", {"progression": "manual", "times": 2})
        client = boto3.client("glue", region_name="us-east-1")
        client.create_job(Name="job", Role="r", Command={"Name": "glueetl"}, ExecutionProperty={"MaxConcurrentRuns": 1})
        yield client
        state_manager.unset_transition("glue::job_run")


def test_moto_s_glue_refuses_the_second_run_and_the_events_wait(moto_glue: Any) -> None:
    runs = RefineRuns(moto_glue, "job")

    def left(*messages: dict[str, Any]) -> list[str]:
        failures = start_for_messages(messages, runs, "raw/b3/")["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in failures]

    first = message(1, EPOCH)
    assert left(first) == ["1"]
    started = moto_glue.get_job_runs(JobName="job")["JobRuns"][0]["StartedOn"]
    late = message(2, started + timedelta(seconds=1))
    assert left(first, late) == ["1", "2"]
    assert len(moto_glue.get_job_runs(JobName="job")["JobRuns"]) == 1

    run_id = moto_glue.get_job_runs(JobName="job")["JobRuns"][0]["Id"]
    while moto_glue.get_job_run(JobName="job", RunId=run_id)["JobRun"]["JobRunState"] != "SUCCEEDED":
        pass
    assert left(first, late) == ["2"]
    assert len(moto_glue.get_job_runs(JobName="job")["JobRuns"]) == 2
