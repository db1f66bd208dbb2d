"""Whatever happens, in any order: no event is acknowledged unless a run covers it, and in the end all are covered."""

from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from functions.start_glue_job.coalesce import start_for_messages
from functions.start_glue_job.refine_runs import RefineRuns
from tests.trigger.glue_model import EPOCH, GlueModel, QueueModel, message

FAULTS = [
    "ConcurrentRunsExceededException",  # somebody else started a run in between
    "ThrottlingException",
    "ResourceNumberLimitExceededException",
    "AccessDeniedException",
    "",  # this call works, the one after it may not
]
COVERING = ["STARTING", "RUNNING", "SUCCEEDED"]
ENDS = ["SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "STOPPING", "ERROR", "EXPIRED", "WAITING"]


class Deliveries(RuleBasedStateMachine):
    """Drives the handler through a queue that redelivers, and a Glue that refuses, throttles and fails."""

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.glue = GlueModel()
        self.queue = QueueModel(visibility_seconds=300)
        self.queue.dice.seed(seed)
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
        self.glue.faults = faults

    @rule(state=st.sampled_from(ENDS))
    def the_run_ends(self, state: str) -> None:
        self.glue.end_run(state)

    @rule(seconds=st.sampled_from([0.001, 1.0, 60.0, 301.0]))
    def time_passes(self, seconds: float) -> None:
        self.glue.advance(seconds)

    @rule(size=st.integers(1, 10), function_dies=st.booleans())
    def a_batch_is_served(self, size: int, function_dies: bool) -> None:
        runs_before = len(self.glue.runs)
        batch = self.queue.receive(self.glue.now, size)
        try:
            failures = start_for_messages(batch, self.runs)["batchItemFailures"]
        except ClientError:
            return  # Lambda deletes nothing
        if function_dies:
            return
        covering = [run["StartedOn"] for run in self.glue.runs if run["JobRunState"] in COVERING]
        started_here = self.glue.runs[runs_before:]
        for id_ in self.queue.delete_but(batch, failures):
            assert started_here or any(start > self.newest[id_] for start in covering), id_

    def teardown(self) -> None:
        """Once Glue works again, every event is soon covered by a run that started at or after it and succeeded."""
        if not hasattr(self, "glue"):
            return
        self.glue.faults = []
        for _ in range(8):
            self.glue.end_run("SUCCEEDED")
            self.glue.advance(self.queue.visibility_seconds)
            batch = self.queue.receive(self.glue.now, 10_000)
            self.queue.delete_but(batch, start_for_messages(batch, self.runs)["batchItemFailures"])
        assert not self.queue.messages
        assert len({run["Id"] for run in self.glue.runs}) == len(self.glue.runs)


Deliveries.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestDeliveries = Deliveries.TestCase


def test_events_in_the_run_s_own_millisecond_need_another_run() -> None:
    """Equal times prove no order, so the event counts as newer than the run."""
    glue = GlueModel()
    glue.runs = [{"Id": "jr_0", "StartedOn": EPOCH, "JobRunState": "SUCCEEDED"}]
    assert start_for_messages([message(1, EPOCH)], RefineRuns(glue, "job")) == {"batchItemFailures": []}
    assert len(glue.runs) == 2


def test_covered_events_are_acknowledged_without_a_run() -> None:
    glue = GlueModel()
    glue.runs = [{"Id": "jr_0", "StartedOn": EPOCH + timedelta(milliseconds=1), "JobRunState": "RUNNING"}]
    assert start_for_messages([message(1, EPOCH)], RefineRuns(glue, "job")) == {"batchItemFailures": []}
    assert len(glue.runs) == 1


def test_only_the_uncovered_go_back_when_a_run_is_on() -> None:
    glue = GlueModel()
    glue.runs = [{"Id": "jr_0", "StartedOn": EPOCH, "JobRunState": "RUNNING"}]
    batch = [message(1, EPOCH - timedelta(seconds=1)), message(2, EPOCH + timedelta(seconds=1))]
    assert start_for_messages(batch, RefineRuns(glue, "job")) == {"batchItemFailures": [{"itemIdentifier": "2"}]}


def test_a_message_is_as_new_as_its_newest_event() -> None:
    glue = GlueModel()
    glue.runs = [{"Id": "jr_0", "StartedOn": EPOCH, "JobRunState": "RUNNING"}]
    batch = [message(1, EPOCH + timedelta(seconds=1), EPOCH - timedelta(seconds=1))]
    assert start_for_messages(batch, RefineRuns(glue, "job")) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
