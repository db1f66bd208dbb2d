"""Each event of events/, through the handler: the Glue calls made and the value returned."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from devlake import paths
from functions.start_glue_job import app
from functions.start_glue_job.coalesce import start_for_event, start_for_messages
from functions.start_glue_job.refine_runs import RefineRuns, RunRefusedError
from functions.start_glue_job.s3_events import MalformedEventError, read_events
from tests.trigger.models import client_error

JOB = "tech_challenge2_dev_refine_job"
PREFIX = "raw/b3/"
EVENTS = paths.ROOT / "events"
LIST = ("get_job_runs", {"JobName": JOB, "MaxResults": 50})
START = ("start_job_run", {"JobName": JOB})


class RecordingGlue:
    """Notes the calls; answers with no runs and with run jr_1, or raises `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.error = error

    def get_job_runs(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(("get_job_runs", arguments))
        return {"JobRuns": []}

    def start_job_run(self, **arguments: Any) -> dict[str, str]:
        self.calls.append(("start_job_run", arguments))
        if self.error:
            raise self.error
        return {"JobRunId": "jr_1"}


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingGlue]:
    """The handler's boto3.client("glue")."""
    recording = RecordingGlue()
    monkeypatch.setenv("REFINE_JOB_NAME", JOB)
    monkeypatch.setenv("RAW_PREFIX", PREFIX)
    monkeypatch.setattr(app, "boto3", SimpleNamespace(client=lambda service, config: {"glue": recording}[service]))
    app._configured.cache_clear()
    yield recording
    app._configured.cache_clear()


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def back(*numbers: int) -> dict[str, list[dict[str, str]]]:
    """The answer that sends these messages back to the queue."""
    return {"batchItemFailures": [{"itemIdentifier": f"00000000-0000-4000-8000-{number:012d}"} for number in numbers]}


@pytest.mark.parametrize(
    ("name", "calls", "answer"),
    [
        ("s3_put", [START], {"job_run_id": "jr_1", "objects": 1}),
        ("s3_several", [START], {"job_run_id": "jr_1", "objects": 3}),
        ("s3_removed", [START], {"job_run_id": "jr_1", "objects": 1}),
        ("s3_test_event", [], {"job_run_id": None, "objects": 0}),
        ("s3_foreign_key", [], {"job_run_id": None, "objects": 0}),
        ("s3_folder_marker", [], {"job_run_id": None, "objects": 0}),
        # Messages stay in the queue until the run that was started for them has succeeded; malformed ones stay, too.
        ("sqs_put", [LIST, START], back(1, 2)),
        ("sqs_mixed", [LIST, START], back(1, 4, 5)),
    ],
)
def test_each_event_makes_its_calls(
    glue: RecordingGlue, name: str, calls: list[tuple[str, dict[str, Any]]], answer: dict[str, Any]
) -> None:
    assert app.lambda_handler(event(name), None) == answer
    assert glue.calls == calls


def test_a_malformed_bare_event_is_an_error_and_starts_nothing(glue: RecordingGlue) -> None:
    with pytest.raises(MalformedEventError, match="no S3 event"):
        app.lambda_handler(event("malformed"), None)
    assert glue.calls == []


def test_no_event_file_is_left_untested() -> None:
    marks = test_each_event_makes_its_calls.pytestmark[0].args[1]
    assert {name for name, *_ in marks} | {"malformed"} == {file.stem for file in EVENTS.glob("*.json")}


def test_keys_and_times_are_decoded() -> None:
    found = read_events(event("s3_several"), PREFIX)
    assert [(item.key, item.time.isoformat()) for item in found] == [
        ("raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet", "2024-01-03T21:30:00.123000+00:00"),
        ("raw/b3/dt=2024-01-03/ticker=VALE3/data.parquet", "2024-01-03T21:30:01.456000+00:00"),
        ("raw/b3/dt=2024-01-03/ticker=ITUB4/data.parquet", "2024-01-03T21:30:03.789000+00:00"),
    ]


def test_a_bare_event_that_glue_refuses_is_an_error(glue: RecordingGlue) -> None:
    glue.error = client_error("ConcurrentRunsExceededException", "StartJobRun")
    with pytest.raises(RunRefusedError, match="ConcurrentRunsExceededException"):
        app.lambda_handler(event("s3_put"), None)
    assert glue.calls == [START]


@pytest.mark.parametrize("code", ["AccessDeniedException", "EntityNotFoundException"])
def test_other_errors_fail_the_invocation_so_that_its_alarm_sounds(glue: RecordingGlue, code: str) -> None:
    glue.error = client_error(code, "StartJobRun")
    with pytest.raises(ClientError, match=code):
        app.lambda_handler(event("sqs_put"), None)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("REFINE_JOB_NAME", "it names the Glue job to start"),
        ("RAW_PREFIX", "it is what the keys of raw objects begin with"),
    ],
)
@pytest.mark.parametrize("value", [None, ""])
def test_a_setting_that_is_missing_is_named(
    glue: RecordingGlue, monkeypatch: pytest.MonkeyPatch, name: str, meaning: str, value: str | None
) -> None:
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=rf"^{name} is not set: {meaning}\. template\.yaml sets it\.$"):
        app.lambda_handler(event("s3_put"), None)
    assert glue.calls == []


def test_the_prefix_is_the_one_that_the_environment_names(glue: RecordingGlue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAW_PREFIX", "refined/b3/")
    assert app.lambda_handler(event("s3_foreign_key"), None) == {"job_run_id": "jr_1", "objects": 1}
    assert app.lambda_handler(event("s3_put"), None) == {"job_run_id": None, "objects": 0}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Records", "s3", "object", "key", "eventTime", "eventSource"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_anything_that_is_no_event_is_malformed_and_nothing_else(document: Any) -> None:
    """No input makes the handler fail with an error that does not say what is wrong."""
    glue = RecordingGlue()
    try:
        start_for_event(document, RefineRuns(glue, JOB), PREFIX)
    except MalformedEventError:
        pass
    else:
        assert glue.calls == []


@given(JSON)
def test_a_message_of_anything_goes_back_alone(document: Any) -> None:
    glue = RecordingGlue()
    records = [{"messageId": "odd", "body": json.dumps(document)}, event("sqs_put")["Records"][0]]
    failures = start_for_messages(records, RefineRuns(glue, JOB), PREFIX)
    assert failures in (back(1), {"batchItemFailures": [*back(1)["batchItemFailures"], {"itemIdentifier": "odd"}]})
    assert glue.calls == [LIST, START]
