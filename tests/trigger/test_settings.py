"""The function's clients and its first look at an event: what neither a queue nor S3 sends is an error of its own."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from functions.start_glue_job import app
from functions.start_glue_job.refine_runs import Need, RefineRuns, Run, need_of
from functions.start_glue_job.s3_events import MalformedEventError, ObjectEvent, read_events

NOON = datetime(2024, 1, 2, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)


def test_two_calls_of_two_tries_fit_in_the_functions_thirty_seconds() -> None:
    config = app.CLIENT_CONFIG
    assert (config.connect_timeout, config.read_timeout) == (2, 4)
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}
    assert 2 * 2 * (config.connect_timeout + config.read_timeout) < 30


@pytest.mark.parametrize("event", [None, 7, [], {}, {"Records": None}, {"Records": [{}]}, {"Records": ["x"]}])
def test_what_is_no_event_at_all_is_malformed(monkeypatch: pytest.MonkeyPatch, event: Any) -> None:
    monkeypatch.setattr(app, "_configured", lambda: (RefineRuns(None, "job"), "raw/b3/"))
    with pytest.raises(MalformedEventError, match=r"^This is no S3 event: \w+Error\(.*\)\.$"):
        app.lambda_handler(event, None)


def test_no_record_is_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_configured", lambda: (RefineRuns(None, "job"), "raw/b3/"))
    assert app.lambda_handler({"Records": []}, None) == {"job_run_id": None, "objects": 0}
    of_a_queue = {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": '{"Records": []}'}]}
    assert app.lambda_handler(of_a_queue, None) == {"batchItemFailures": []}


def record(key: str, time: str = "2024-01-02T12:00:00Z") -> dict[str, Any]:
    return {"eventTime": time, "s3": {"object": {"key": key}}}


def test_keys_of_raw_parquet_objects_alone_are_events() -> None:
    keys = ["raw/b3/a+b%3D.parquet", "raw/b3/a.csv", "raw/b3/a.parquet.gz", "araw/b3/a.parquet", "raw/b3/"]
    found = read_events({"Records": [record(key) for key in keys]}, "raw/b3/")
    assert found == [ObjectEvent("raw/b3/a b=.parquet", NOON)]
    assert read_events({"Event": "s3:TestEvent"}, "raw/b3/") == []


def test_a_time_without_a_zone_is_malformed() -> None:
    with pytest.raises(MalformedEventError) as caught:
        read_events({"Records": [record("raw/b3/a.parquet", "2024-01-02T12:00:00")]}, "raw/b3/")
    assert str(caught.value) == ("This is no S3 event: ValueError('eventTime 2024-01-02T12:00:00 has no time zone').")


def run(seconds: int, state: str, *, is_whole: bool = True) -> Run:
    return Run(NOON + seconds * SECOND, state, is_whole)


@pytest.mark.parametrize(
    ("runs", "need"),
    [
        ([], Need.RUN),
        ([run(1, "SUCCEEDED")], Need.SERVED),
        ([run(0, "SUCCEEDED")], Need.RUN),
        ([run(1, "SUCCEEDED", is_whole=False)], Need.RUN),
        ([run(2, "FAILED"), run(1, "SUCCEEDED")], Need.SERVED),
        ([run(2, "RUNNING"), run(1, "SUCCEEDED")], Need.SERVED),
        ([run(-1, "RUNNING")], Need.WAIT),
        ([run(1, "RUNNING", is_whole=False)], Need.WAIT),
        ([run(1, "FAILED")], Need.RUN),
        ([run(2, "FAILED"), run(1, "FAILED")], Need.GIVEN_UP),
        ([run(2, "FAILED"), run(-1, "FAILED")], Need.GIVEN_UP),
        ([run(0, "FAILED"), run(-1, "FAILED")], Need.RUN),
        ([run(2, "FAILED"), run(-1, "SUCCEEDED"), run(-2, "FAILED")], Need.RUN),
        ([run(2, "FAILED"), run(1, "FAILED", is_whole=False)], Need.RUN),
    ],
)
def test_how_an_event_stands_to_the_runs(runs: list[Run], need: Need) -> None:
    assert need_of(NOON, runs) is need


class _Glue:
    """A client that has these runs, and none of them in order."""

    def __init__(self, *runs: dict[str, Any]) -> None:
        self._runs = runs

    def get_job_runs(self, **arguments: Any) -> dict[str, Any]:
        assert arguments == {"JobName": "job", "MaxResults": 50}
        return {"JobRuns": list(self._runs)}


@pytest.mark.parametrize("name", ["--tickers", "--start_date", "--end_date"])
def test_a_run_for_some_is_not_of_the_whole_lake(name: str) -> None:
    told = [
        {"StartedOn": NOON, "JobRunState": "FAILED", "Arguments": {"--refine_mode": "full"}},
        {"StartedOn": NOON + SECOND, "JobRunState": "RUNNING", "Arguments": {name: "x"}},
        {"StartedOn": NOON - SECOND, "JobRunState": "SUCCEEDED"},
    ]
    assert RefineRuns(_Glue(*told), "job").newest() == [
        Run(NOON + SECOND, "RUNNING", is_whole=False),
        Run(NOON, "FAILED"),
        Run(NOON - SECOND, "SUCCEEDED", is_whole=True),
    ]
