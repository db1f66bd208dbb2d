"""Whatever happens, in any order: no event is acknowledged before a run of the whole lake that started after it has
succeeded, nothing is asked of a job that runs, and a job that fails is not started for ever."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from devlake.glue_runs import JobRun
from functions.start_glue_job.coalesce import start_for_messages
from functions.start_glue_job.refine_runs import RefineRuns
from tests.trigger.models import EPOCH, ClockedGlue, QueueModel, message

PREFIX = "raw/b3/"
FAULTS = [
    "ConcurrentRunsExceededException",  # somebody else started a run in between
    "ThrottlingException",
    "ResourceNumberLimitExceededException",
    "AccessDeniedException",
    "",  # this call works, the one after it may not
]
FAILURES = ["FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED"]
ON = ["STARTING", "RUNNING", "STOPPING", "WAITING"]
VISIBILITY_SECONDS = 300
WHOLE: list[dict[str, str]] = [{}, {"refine_mode": "full"}, {"max_removed_share": "1", "refine_mode": "incremental"}]
PARTIAL = [
    {"tickers": "PETR4,VALE3"},
    {"start_date": "2024-01-02"},
    {"end_date": "2024-01-02"},
    {"start_date": "2024-01-02", "end_date": "2024-12-30", "refine_mode": "full"},
]
"""Arguments of runs, without their dashes: docs/refine.md says which refine only some of the lake."""


class Deliveries(RuleBasedStateMachine):
    """Drives the handler through a queue that redelivers, and a Glue that refuses, throttles and fails.

    `met` counts how the run that started after a message fared when the message was seen, and whether it was whole.
    """

    met: ClassVar[Counter[tuple[str, bool]]] = Counter()

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.glue = ClockedGlue()
        self.queue = QueueModel(visibility_seconds=VISIBILITY_SECONDS)
        self.queue.rng.seed(seed)
        self.runs = RefineRuns(self.glue, "job")
        self.newest: dict[str, datetime] = {}
        self.sent: dict[str, dict[str, Any]] = {}

    @rule(ages=st.lists(st.floats(0, 900), min_size=1, max_size=3))
    def objects_change(self, ages: list[float]) -> None:
        """An event arrives, late by up to a quarter of an hour."""
        times = [self.glue.now - timedelta(seconds=age) for age in ages]
        record = message(len(self.sent), *times)
        # What S3 writes has milliseconds.
        self.newest[record["messageId"]] = max(t.replace(microsecond=t.microsecond // 1000 * 1000) for t in times)
        self.sent[record["messageId"]] = record
        self.queue.send(record, self.glue.now)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def a_message_is_delivered_again(self, data: st.DataObject) -> None:
        self.queue.send(self.sent[data.draw(st.sampled_from(sorted(self.sent)))], self.glue.now)

    @rule(faults=st.lists(st.sampled_from(FAULTS), max_size=3))
    def glue_fails(self, faults: list[str]) -> None:
        self.glue.job.errors = faults

    @rule(whole=st.booleans(), state=st.sampled_from(["SUCCEEDED", *ON, *FAILURES]), data=st.data())
    def somebody_starts_a_run(self, whole: bool, state: str, data: st.DataObject) -> None:
        """A millisecond after an event, which is then looked at; the run that was on is stopped."""
        self.objects_change(ages=[0])
        self.glue.advance(0.001)
        self.glue.job.end("STOPPED")
        self.glue.add_run(self.glue.now, state, **data.draw(st.sampled_from(WHOLE if whole else PARTIAL)))
        self.a_batch_is_served(size=10_000, function_dies=False)

    @rule(state=st.sampled_from(["SUCCEEDED", "STOPPING", "WAITING", *FAILURES]))
    def the_run_ends(self, state: str) -> None:
        self.glue.job.end(state)

    @rule(seconds=st.sampled_from([0.001, 1.0, 60.0, 301.0]))
    def time_passes(self, seconds: float) -> None:
        self.glue.advance(seconds)

    @rule(size=st.integers(1, 10), function_dies=st.booleans())
    def a_batch_is_served(self, size: int, function_dies: bool) -> None:
        batch = self.queue.receive(self.glue.now, size)
        refused = self.glue.job.refused
        self.note_covering(batch)
        try:
            failures = start_for_messages(batch, self.runs, PREFIX)["batchItemFailures"]
        except ClientError:
            return  # Lambda deletes nothing
        assert self.glue.job.refused == refused, "a run was asked for while one was on"
        if function_dies:
            return
        succeeded = [run.started for run in self.glue.job.runs if run.state == "SUCCEEDED" and is_whole(run)]
        for id_ in self.queue.delete_but(batch, failures):
            assert any(start > self.newest[id_] for start in succeeded), id_

    def note_covering(self, batch: list[dict[str, Any]]) -> None:
        for record in batch:
            later = [run for run in self.glue.job.runs if run.started > self.newest[record["messageId"]]]
            self.met.update((run.state, is_whole(run)) for run in later[-1:])

    def teardown(self) -> None:
        """Once Glue works again, and somebody has started the job where it was given up, every event is served."""
        if not hasattr(self, "glue"):
            return
        self.glue.job.errors = []
        self.glue.job.end("SUCCEEDED")
        self.glue.advance(1)
        self.glue.start_job_run(JobName="job")
        for _ in range(8):
            self.glue.advance(VISIBILITY_SECONDS)
            self.glue.job.end("SUCCEEDED")
            batch = self.queue.receive(self.glue.now, 10_000)
            self.queue.delete_but(batch, start_for_messages(batch, self.runs, PREFIX)["batchItemFailures"])
        assert not self.queue.messages
        assert len({run.id for run in self.glue.job.runs}) == len(self.glue.job.runs)


def is_whole(run: JobRun) -> bool:
    return not any(run.arguments == {f"--{name}": value for name, value in given.items()} for given in PARTIAL)


def test_no_event_is_lost_whatever_happens() -> None:
    Deliveries.met.clear()
    run_state_machine_as_test(Deliveries, settings=settings(max_examples=150, stateful_step_count=40, deadline=None))
    unmet = {(state, whole) for state in ["SUCCEEDED", *ON, *FAILURES] for whole in (True, False)} - set(Deliveries.met)
    assert not unmet, "the machine did not come to every case: it proves nothing of these"


@pytest.mark.parametrize("arguments", PARTIAL)
def test_a_run_for_some_serves_no_event(arguments: dict[str, str]) -> None:
    glue = ClockedGlue()
    record = message(1, EPOCH)
    glue.add_run(EPOCH + timedelta(seconds=1), "SUCCEEDED", **arguments)
    assert left(glue, record) == ["1"]
    assert glue.job.runs[-1].arguments == {}, "a run of the whole lake was started"
    glue.job.end("SUCCEEDED")
    glue.job.runs[-1].started += timedelta(seconds=1)
    assert left(glue, record) == []


@pytest.mark.parametrize("arguments", WHOLE)
def test_a_run_of_the_whole_lake_serves_whatever_else_it_was_told(arguments: dict[str, str]) -> None:
    glue = ClockedGlue()
    glue.add_run(EPOCH + timedelta(seconds=1), "SUCCEEDED", **arguments)
    assert left(glue, message(1, EPOCH)) == []
    assert len(glue.job.runs) == 1


def test_while_a_run_for_some_is_on_the_events_wait_and_then_get_their_own() -> None:
    glue = ClockedGlue()
    glue.add_run(EPOCH + timedelta(seconds=1), "RUNNING", tickers="PETR4")
    assert left(glue, message(1, EPOCH)) == ["1"]
    assert len(glue.job.runs) == 1
    glue.job.end("SUCCEEDED")
    assert left(glue, message(1, EPOCH)) == ["1"]
    assert [run.arguments for run in glue.job.runs] == [{"--tickers": "PETR4"}, {}]


def test_runs_for_some_that_fail_are_no_reason_to_give_an_event_up() -> None:
    glue = ClockedGlue()
    glue.add_run(EPOCH + timedelta(seconds=1), "FAILED")
    for number in range(3):
        glue.add_run(EPOCH + timedelta(seconds=number + 2), "FAILED", tickers="PETR4")
    glue.advance(60)
    assert left(glue, message(1, EPOCH)) == ["1"]
    assert glue.states() == ["FAILED"] * 4 + ["STARTING"]


def left(glue: ClockedGlue, *messages: dict[str, Any]) -> list[str]:
    """The ids of the messages that go back to the queue."""
    answer = start_for_messages(messages, RefineRuns(glue, "job"), PREFIX)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def seen_every_five_minutes(glue: ClockedGlue, record: dict[str, Any], times: int) -> list[str]:
    """Deliver one message so many times as long as it comes back."""
    back = [record["messageId"]]
    for _ in range(times):
        back = left(glue, record) if back else back
        glue.advance(VISIBILITY_SECONDS)
    return back


@pytest.mark.parametrize("state", FAILURES)
def test_a_run_that_did_not_succeed_is_started_again_once(state: str) -> None:
    """Sixty deliveries, five minutes apart: then the message is a dead letter, and an alarm tells of it."""
    glue = ClockedGlue()
    glue.add_run(EPOCH - timedelta(days=1), "SUCCEEDED")
    record = message(1, EPOCH - timedelta(seconds=1))
    back: list[str] = []
    for _ in range(60):
        back = left(glue, record)
        glue.job.end(state)
        glue.advance(VISIBILITY_SECONDS)
    assert back == ["1"]
    assert len(glue.job.runs) == 1 + 2


def test_the_second_run_succeeds_and_the_event_is_served() -> None:
    glue = ClockedGlue()
    record = message(1, EPOCH - timedelta(seconds=1))
    assert left(glue, record) == ["1"]
    glue.job.end("TIMEOUT")
    glue.job.run_seconds = 120
    glue.advance(60)
    assert seen_every_five_minutes(glue, record, 3) == []
    assert glue.states() == ["TIMEOUT", "SUCCEEDED"]


def test_a_job_that_keeps_failing_has_one_run_a_day_and_not_two() -> None:
    """Each day's event gets a run; that it is tried twice is for what passes by itself, which this is not."""
    glue = ClockedGlue()
    for day in range(5):
        record = message(day, glue.now)
        glue.advance(1)
        for _ in range(60):
            left(glue, record)
            glue.job.end("FAILED")
            glue.advance(VISIBILITY_SECONDS)
        glue.advance(86_400)
    assert len(glue.job.runs) == 5 + 1


def test_events_that_were_given_up_are_served_by_the_run_that_somebody_starts() -> None:
    glue = ClockedGlue()
    record = message(1, EPOCH - timedelta(seconds=1))
    for _ in range(4):
        left(glue, record)
        glue.job.end("FAILED")
        glue.advance(VISIBILITY_SECONDS)
    glue.start_job_run(JobName="job")
    assert left(glue, record) == ["1"]
    glue.job.end("SUCCEEDED")
    assert left(glue, record) == []
    assert len(glue.job.runs) == 3


def test_a_new_event_after_two_failed_runs_gets_a_run_and_the_old_ones_with_it() -> None:
    glue = ClockedGlue()
    old = message(1, EPOCH - timedelta(seconds=1))
    for _ in range(3):
        left(glue, old)
        glue.job.end("FAILED")
        glue.advance(VISIBILITY_SECONDS)
    new = message(2, glue.now - timedelta(seconds=1))
    assert left(glue, old, new) == ["1", "2"]
    glue.job.end("SUCCEEDED")
    assert left(glue, old, new) == []


def test_events_in_the_run_s_own_millisecond_need_another_run() -> None:
    """Equal times prove no order, so the event counts as newer than the run."""
    glue = ClockedGlue()
    glue.add_run(EPOCH, "SUCCEEDED")
    assert left(glue, message(1, EPOCH)) == ["1"]
    assert len(glue.job.runs) == 2


@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "STOPPING", "WAITING"])
def test_while_a_run_is_on_nothing_is_asked_for_and_every_event_waits(state: str) -> None:
    glue = ClockedGlue()
    glue.add_run(EPOCH, state)
    batch = [message(1, EPOCH - timedelta(seconds=1)), message(2, EPOCH + timedelta(seconds=1))]
    assert left(glue, *batch) == ["1", "2"]
    assert len(glue.job.runs) == 1


def test_a_served_event_is_acknowledged_without_a_run_beside_one_that_needs_one() -> None:
    glue = ClockedGlue()
    glue.add_run(EPOCH, "SUCCEEDED")
    assert left(glue, message(1, EPOCH - timedelta(seconds=1))) == []
    assert len(glue.job.runs) == 1
    batch = [message(1, EPOCH - timedelta(seconds=1)), message(2, EPOCH + timedelta(seconds=1))]
    assert left(glue, *batch) == ["2"]
    assert len(glue.job.runs) == 2


def test_a_message_is_as_new_as_its_newest_event() -> None:
    glue = ClockedGlue()
    glue.add_run(EPOCH, "SUCCEEDED")
    batch = [message(1, EPOCH + timedelta(seconds=1), EPOCH - timedelta(seconds=1))]
    assert left(glue, *batch) == ["1"]
