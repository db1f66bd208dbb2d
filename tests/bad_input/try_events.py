"""Bad events, through the function's own handler."""

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from b3lake.lake.words import counted
from functions.start_glue_job import app
from functions.start_glue_job.s3_events import MalformedEventError
from tests.bad_input.tried import Tried

_TIME = "2024-01-03T10:00:00Z"


def _s3(key: object = "raw/b3/dt%3D2024-01-02/ticker%3DPETR4/data.parquet", time: object = _TIME) -> dict[str, Any]:
    return {"Records": [{"eventSource": "aws:s3", "eventTime": time, "s3": {"object": {"key": key}}}]}


def _sqs(*bodies: str) -> dict[str, Any]:
    records = [{"messageId": f"m{i}", "eventSource": "aws:sqs", "body": body} for i, body in enumerate(bodies, 1)]
    return {"Records": records}


EVENTS: dict[str, Any] = {
    "`{}`": {},
    "`null`": None,
    "an S3 event without a key": {"Records": [{"eventTime": _TIME, "s3": {}}]},
    "a time that is none": _s3(time="yesterday"),
    "a time without a zone": _s3(time="2024-01-03T10:00:00"),
    "S3's own test event": {"Event": "s3:TestEvent", "Bucket": "b"},
    "an object outside raw/b3/": _s3(key="refined/b3/dt%3D2024-01-02/ticker%3DPETR4/data.parquet"),
    "a folder marker": _s3(key="raw/b3/"),
    "a message that is no JSON": _sqs("not JSON"),
    "a message of 100,000 brackets": _sqs("[" * 100_000),
    "a message of 5,000 digits": _sqs("9" * 5000),
    "a message of another service": _sqs('{"Type": "Notification"}'),
    "a sound message beside a broken one": _sqs(json.dumps(_s3()), "not JSON"),
}


class _Glue:
    """Glue with runs that succeed at once."""

    def __init__(self) -> None:
        self.started = 0

    def get_job_runs(self, **_: Any) -> dict[str, Any]:
        run = {"StartedOn": datetime.now(timezone.utc), "JobRunState": "SUCCEEDED"}
        return {"JobRuns": [run] * self.started}

    def start_job_run(self, **_: Any) -> dict[str, str]:
        self.started += 1
        return {"JobRunId": "jr_1"}


def try_events() -> Iterator[Tried]:
    for given, event in EVENTS.items():
        glue = _Glue()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REFINE_JOB_NAME", "job")
            patch.setenv("RAW_PREFIX", "raw/b3/")
            patch.setattr(app, "boto3", SimpleNamespace(client=lambda _service, config, glue=glue: glue))
            app._configured.cache_clear()
            try:
                answer = app.lambda_handler(event, None)
                if "batchItemFailures" in answer:  # what came back is delivered again, after the run
                    answer = app.lambda_handler(event, None)
            except MalformedEventError as error:
                said = f"MalformedEventError: {error}"
            else:
                said = _said(answer)
            app._configured.cache_clear()
        yield Tried(given, said, f"{counted(glue.started, 'run')} started")


def _said(answer: dict[str, Any]) -> str:
    if "batchItemFailures" not in answer:
        return "taken, and left alone"
    back = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
    return f"back to the queue, and in the end to the dead letters: {', '.join(back)}" if back else "acknowledged"
