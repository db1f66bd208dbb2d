"""One bad object stops nothing: it is named with its cause, the rest is refined, and once it is gone all is well."""

import io
import json
import logging
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from b3lake.lake.errors import B3LakeError
from b3lake.lake.keys import raw_key
from b3lake.lake.schemas import RAW_SCHEMA
from b3lake.refine.history import HistoryYear
from b3lake.refine.notes import Notes
from b3lake.refine.run import run
from b3lake.refine.unreadable import parse_unreadable
from devlake.aws_requests import AwsRequest
from devlake.proxy import Answer, Proxy, serving
from tests.refine.small_lake import SmallLake, bar, day, parquet_of
from tests.refine.test_gone import through

SSE_C = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided."
REFUSALS = {
    "ARCH3": (403, "InvalidObjectState", "The operation is not valid for the object's storage class"),
    "SSEC3": (400, "InvalidRequest", SSE_C),
    "DENY3": (403, "AccessDenied", "Access Denied"),
    "KMSK3": (400, "KMS.DisabledException", "The key is disabled."),
}
CAUSES = {
    "ARCH3": "it is archived, and S3 gives it out only after it was restored",
    "SSEC3": "it is encrypted with a key that its writer kept (SSE-C)",
    "DENY3": "S3 denies access to it",
    "KMSK3": "S3 refuses it (KMS.DisabledException: The key is disabled)",
    "TWIC3": "it has more than one column close",
    "NONE3": "it holds no bars",
}


def refuse(refusals: dict[str, tuple[int, str, str]]) -> Any:
    def answer(request: AwsRequest) -> Answer | None:
        ticker = request.key.partition("ticker=")[2].partition("/")[0]
        if request.operation != "GetObject" or not request.key.startswith(f"raw/b3/dt={day(3)}/"):
            return None
        if ticker not in refusals:
            return None
        status, code, message = refusals[ticker]
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
        return Answer(status, body.encode(), "application/xml")

    return answer


def with_a_column_twice() -> bytes:
    rows = pa.Table.from_pylist([bar(day(3))], schema=RAW_SCHEMA)
    sink = io.BytesIO()
    pq.write_table(rows.append_column("close", rows["close"]), sink)
    return sink.getvalue()


@pytest.mark.slow
def test_what_is_refused_is_named_and_the_rest_refined(lake: SmallLake, spark: SparkSession) -> None:
    lake.fill([*CAUSES, "PETR4"], range(6))
    for ticker in REFUSALS:
        lake.bars[ticker, day(3)] = None
    lake.put_broken("TWIC3", day(3), with_a_column_twice())
    lake.put_broken("NONE3", day(3), parquet_of([]))
    with serving(Proxy(lake.endpoint, intercept=refuse(REFUSALS))) as url:
        first = run(through(lake.job(), url), lambda: spark)
        again = run(through(lake.job(), url), lambda: spark)
    assert (first["clean"], first["passes"], first["unreadable_objects"]) == (True, 2, len(CAUSES))
    assert (again["clean"], again["passes"], again["unreadable_objects"]) == (True, 2, len(CAUSES))
    lake.check()
    body = lake.s3.get_object(Bucket=lake.bucket, Key="state/refined/b3/unreadable.json")["Body"].read()
    listed = {entry["object"]: entry["cause"] for entry in json.loads(body)["unreadable"]}
    assert listed == {f"s3://{lake.bucket}/{raw_key(day(3), ticker)}": cause for ticker, cause in CAUSES.items()}
    for ticker in CAUSES:
        lake.put(ticker, day(3), bar(day(3), 11.0))
    last = lake.run(spark)
    assert (last["clean"], last["unreadable_objects"]) == (True, 0)
    lake.check()


@pytest.mark.slow
def test_where_s3_denies_every_object_the_run_ends(lake: SmallLake, spark: SparkSession) -> None:
    lake.put("DENY3", day(3), bar(day(3)))
    lake.put("ARCH3", day(3), bar(day(3)))
    denied = dict.fromkeys(REFUSALS, REFUSALS["DENY3"])
    with (
        serving(Proxy(lake.endpoint, intercept=refuse(denied))) as url,
        pytest.raises(B3LakeError, match=f"^AWS denies access to s3://{lake.bucket}/raw/b3: ask for the permissions"),
    ):
        run(through(lake.job(), url), lambda: spark)
    lake.run(spark)
    lake.check()


@pytest.mark.slow
def test_the_jobs_own_objects_may_be_anything(
    lake: SmallLake, spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    """A shard of the ledger under another year's name, and histories of garbage that the notes vouch for."""
    lake.fill(["PETR4", "VALE3"], range(14))
    lake.run(spark)
    ledger = "state/refined/b3/ledger/year={}.parquet"
    lake.s3.copy_object(
        Bucket=lake.bucket, Key=ledger.format(2024), CopySource={"Bucket": lake.bucket, "Key": ledger.format(2023)}
    )
    for number, garbage in ((0, b"garbage"), (1, parquet_of([bar(day(0))] * 3))):
        key = "history/b3/year=2023/data.parquet"
        lake.put_bytes(key, garbage)
        notes = Notes.parse(lake.s3.get_object(Bucket=lake.bucket, Key="state/refined/b3/notes.json")["Body"].read())
        etag = lake.objects(key)[key][0].strip('"')
        notes.history[2023] = HistoryYear(etag, notes.history[2023].seal)
        lake.put_bytes("state/refined/b3/notes.json", notes.dump())
        lake.put("PETR4", day(13), bar(day(13), 20.0 + number))
        with caplog.at_level(logging.WARNING, logger="refine"):
            assert lake.run(spark)["clean"]
        lake.check()
    assert any("year=2024.parquet has entries of other years" in message for message in caplog.messages)
    assert lake.run(spark)["passes"] == 1


DEEP = b"[" * 100_000
NOT_NOTES = [
    b"", b"garbage\xff", b"[]", b"{}", b"null", b"7", DEEP, b'{"raw": ' + DEEP, b"9" * 5_000,
    b'{"version": 2, "raw": "s3://b/raw/b3", "tables": {}, "history": [], "more": 1}',
    b'{"raw": [], "tables": {}, "history": {}}',
    b'{"raw": 5, "tables": {}, "history": {}}',
    b'{"raw": "s3://b/raw/b3", "tables": {"t": 5}, "history": {}}',
    b'{"raw": "s3://b/raw/b3", "tables": {}, "history": {"2024": {"etag": 1, "seal": "s"}}}',
    b'{"raw": "s3://b/raw/b3", "tables": {}, "history": {"2024": {"etag": "e", "seal": "s", "rows": 3}}}',
    b'{"raw": "s3://b/raw/b3", "tables": {}, "history": {"never": {"etag": "e", "seal": "s"}}}',
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_NOTES, ids=range(len(NOT_NOTES)))
def test_notes_of_any_other_shape_are_none(text: bytes) -> None:
    assert Notes.parse(text) == Notes()


NO_LISTS = [
    b"", b"garbage\xff", b"[]", b"{}", b"null", DEEP, b'{"entries": ' + DEEP, b"9" * 5_000,
    b'{"entries": [{"day": "x"}]}', b'{"entries": [{}]}', b'{"entries": [7]}', b'{"entries": {"a": 1}}',
    b'{"entries": [{"ticker": "PETR4", "day": 99999999999, "raw_tag": 1, "error": "e"}]}',
    b'{"entries": [{"ticker": "PETR4", "day": 1, "raw_tag": 99999999999999999999, "error": "e"}]}',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_LISTS, ids=range(len(NO_LISTS)))
def test_any_damaged_list_is_an_empty_one(text: bytes) -> None:
    assert len(parse_unreadable(text)) == 0
