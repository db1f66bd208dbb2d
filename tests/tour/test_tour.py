"""The tour's sentences, its language, and the two forms of the function's log."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from b3lake.lake.names import Names
from b3lake.texts.told import PORTUGUESE, language_of
from b3lake.tour.command import told
from b3lake.tour.lake import Invocation, NotSeenError, TouredLake
from b3lake.tour.stages import STAGES, Result, _invocation_of
from b3lake.tour.texts import TEXTS

REQUEST = "4f0a2b1c-0000-4000-8000-000000000001"
AT = dt.datetime(2024, 1, 2, 22, 0, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_its_sentences(stage: str) -> None:
    assert {f"stage.{stage}", f"seen.{stage}"} <= TEXTS.keys()


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "pt"),
        ({"LANG": "C.UTF-8"}, "pt"),
        ({"LANG": "pt_BR.UTF-8"}, "pt"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "pt_BR"}, "pt"),
    ],
)
def test_the_locale_chooses_the_language(environ: dict[str, str], language: str) -> None:
    assert language_of(environ, PORTUGUESE) == language


def test_a_long_sentence_fits_eighty_columns() -> None:
    values = {"bucket": "b" * 60, "queue": "q" * 40}
    lines = told(3, Result("event", seen=False, key="missing.notification", values=values), "pt").splitlines()
    assert lines[1] == "✗ 3 O bucket aciona a função Lambda"
    assert max(map(len, lines)) <= 80


class _Logs:
    """CloudWatch's log of one stream with these lines."""

    def __init__(self, *lines: str) -> None:
        self._lines = lines

    def describe_log_streams(self, **_: Any) -> dict[str, Any]:
        return {"logStreams": [{"logStreamName": "one"}] if self._lines else []}

    def get_log_events(self, **_: Any) -> dict[str, Any]:
        seconds = int(AT.timestamp() * 1000)
        return {"events": [{"timestamp": seconds + i, "message": line} for i, line in enumerate(self._lines)]}


def _lake(logs: _Logs) -> TouredLake:
    return TouredLake(Names(), "bucket", {"logs": logs}.__getitem__, lambda _: pa.table({}))


def test_the_log_of_an_account_says_which_run_was_started() -> None:
    lines = (
        f'{{"time":"x","type":"platform.start","record":{{"requestId":"{REQUEST}","version":"$LATEST"}}}}',
        f'{{"level":"INFO","message":"Run started.","requestId":"{REQUEST}","job_run_id":"jr_1","messages":3}}',
        f'{{"time":"x","type":"platform.report","record":{{"requestId":"{REQUEST}"}}}}',
    )
    (found,) = _lake(_Logs(*lines)).invocations
    assert (found.request, found.started) == (REQUEST, "jr_1")


def test_without_an_invocation_the_log_is_named() -> None:
    with pytest.raises(NotSeenError) as raised:
        assert _lake(_Logs()).invocations
    assert raised.value.values == {"group": "/aws/lambda/tech_challenge2_dev_start_glue_job"}


def test_a_run_that_the_log_does_not_name_is_of_nobody() -> None:
    named = Invocation(AT, REQUEST, "jr_1")
    assert _invocation_of("jr_1", AT, [named]) == named
    assert _invocation_of("jr_2", AT, [named]) is None


@pytest.mark.parametrize(("seconds", "found"), [(-2, False), (0, True), (30, True), (31, False)])
def test_a_log_without_the_functions_own_lines_tells_by_the_time(seconds: int, *, found: bool) -> None:
    silent = Invocation(AT + dt.timedelta(seconds=seconds), REQUEST, "")
    assert (_invocation_of("x", AT, [silent]) is not None) == found


class _S3:
    """An S3 whose bucket holds these keys."""

    def __init__(self, *keys: str) -> None:
        self._keys = keys

    def get_paginator(self, _operation: str) -> "_S3":
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str = "") -> list[dict[str, Any]]:  # noqa: N803 - boto3's
        found = [key for key in self._keys if key.startswith(Prefix)]
        if not Delimiter:
            return [{"Contents": [{"Key": key} for key in found]}] if found else [{}]
        folders = {key[: key.find(Delimiter, len(Prefix)) + 1] for key in found}
        return [{"CommonPrefixes": [{"Prefix": folder} for folder in folders]}]


def test_folders_of_strays_are_passed_over() -> None:
    day = "raw/b3/dt=2024-05-02/ticker=VALE3/data.parquet"
    strays = ["raw/b3/dt=zzz/x", "raw/b3/dt=9999-99-99/x", "raw/b3/dt=2024-05-31//ticker=PETR4/data.parquet"]
    for bucket, days in ((_S3(day, *strays), [dt.date(2024, 5, 2)]), (_S3(*strays), None)):
        lake = TouredLake(Names("dev"), "b", lambda _service, one=bucket: one, lambda _sql: pa.table({}))
        if days:
            assert (lake.days, lake.tickers) == (days, ["VALE3"])
        else:
            with pytest.raises(NotSeenError, match=r"missing\.raw"):
                _ = lake.days
