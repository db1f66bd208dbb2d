"""The doctor: each fault that a lake can have is found, and what can be repaired is."""

import datetime as dt
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from obstore.exceptions import PermissionDeniedError

from b3lake.ingest.parquet import decode, encode
from b3lake.lake.calendar import day_start_utc
from b3lake.lake.names import RAW_TABLE
from b3lake.lake.schemas import RAW_SCHEMA
from devlake.fake_yahoo import FakeYahoo
from tests.ingest.lake_cases import DATABASE, DAYS, TestLake, key_of, table
from tests.ingest.test_run import RANGE, Command, command, impatience  # noqa: F401 - fixtures

HOLIDAY = dt.date(2024, 5, 1)


@pytest.fixture
def healthy(command: Command, fake_yahoo: FakeYahoo, lake: TestLake) -> dict[str, bytes]:  # noqa: F811
    """A lake with two tickers over five sessions; gives its objects."""
    assert command("--tickers", "PETR4,VALE3", *RANGE) == 0
    return lake.everything()


def put(lake: TestLake, key: str, body: bytes) -> None:
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=body)


def findings(command: Command, *arguments: str) -> list[tuple[object, object, object]]:  # noqa: F811
    code = command.doctor("--json", *arguments)
    records = [record for record in map(json.loads, command.out.splitlines()) if "finding" in record]
    assert code == (3 if records else 0)
    return [(record["finding"], record["ticker"], record["day"]) for record in records]


def test_healthy_lake(command: Command, healthy: dict[str, bytes]):  # noqa: F811
    assert findings(command) == []
    assert command.summary() == {"objects": 10, "rows": 10, "tickers": 2, "findings": 0, "repaired": 0}
    assert command.doctor() == 0
    assert command.out == "10 objects, 10 rows, 2 tickers read: nothing is wrong; 0 repaired.\n"


def _impossible(rows: pa.Table) -> bytes:
    return encode(rows.set_column(2, "high", pa.array([0.5])))


def _misplaced(rows: pa.Table) -> bytes:
    return encode(rows.set_column(0, "ts", pa.array([day_start_utc(DAYS[3])], pa.timestamp("us"))))


def _other_columns(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows.drop_columns(["source"]), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("unreadable", lambda _rows: b"PAR1 half a fi"),
        ("unreadable", _other_columns),
        ("impossible", _impossible),
        ("misplaced", _misplaced),
        ("duplicate", lambda rows: encode(pa.concat_tables([rows, rows]))),
    ],
)
def test_damaged_object_is_found_and_repaired(command: Command, lake: TestLake, healthy, kind: str, damage):  # noqa: F811
    key = key_of(DAYS[2])
    put(lake, key, damage(decode(healthy[key])))
    assert findings(command) == [(kind, "PETR4", str(DAYS[2]))]
    assert findings(command, "--fix") == []
    assert command.summary()["repaired"] == 1
    assert lake.everything() == healthy


def test_gap_is_found_and_filled(command: Command, lake: TestLake, healthy: dict[str, bytes]):  # noqa: F811
    lake.s3.delete_object(Bucket=lake.bucket, Key=key_of(DAYS[1]))
    missing = [("gap", "PETR4", str(DAYS[1])), ("unbacked", "PETR4", str(DAYS[1]))]
    assert findings(command) == missing
    assert findings(command, "--fix") == []
    assert lake.everything() == healthy
    assert len(lake.partitions()) == 10


def test_gap_that_the_source_cannot_fill_remains(
    command: Command,  # noqa: F811
    lake: TestLake,
    healthy: dict[str, bytes],
    fake_yahoo: FakeYahoo,
):
    from tests.ingest.yahoo_cases import answer_with, bar

    lake.s3.delete_object(Bucket=lake.bucket, Key=key_of(DAYS[1]))
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(DAYS[0])])]
    assert findings(command, "--fix") == [("gap", "PETR4", str(DAYS[1]))]
    assert (str(DAYS[1]), "PETR4") not in lake.partitions()


def test_catalog_is_set_right_both_ways(command: Command, lake: TestLake, healthy: dict[str, bytes]):  # noqa: F811
    lake.glue.delete_partition(DatabaseName=DATABASE, TableName=RAW_TABLE, PartitionValues=[str(DAYS[0]), "VALE3"])
    lake.s3.delete_object(Bucket=lake.bucket, Key=key_of(DAYS[-1]))
    found = [("unbacked", "PETR4", str(DAYS[-1])), ("unregistered", "VALE3", str(DAYS[0]))]
    assert findings(command) == found
    assert findings(command, "--fix") == []
    assert lake.partitions() == {(key.split("/")[2][3:], key.split("/")[3][7:]) for key in lake.written()}


def test_without_fix_nothing_is_made_not_even_the_table(command: Command, lake: TestLake):  # noqa: F811
    put(lake, key_of(DAYS[0]), encode(table(days=DAYS[:1]).select(RAW_SCHEMA.names)))
    assert findings(command) == [("unregistered", "PETR4", str(DAYS[0]))]
    assert lake.glue.get_tables(DatabaseName=DATABASE)["TableList"] == []
    assert findings(command, "--fix") == []
    assert lake.partitions() == {(str(DAYS[0]), "PETR4")}


def test_carried_forward_day_is_removed(command: Command, lake: TestLake, healthy: dict[str, bytes]):  # noqa: F811
    rows = table(days=[HOLIDAY], volume=[0]).select(RAW_SCHEMA.names)
    put(lake, key_of(HOLIDAY), encode(rows))
    where = ("PETR4", str(HOLIDAY))
    assert findings(command) == [("carried-forward", *where), ("unregistered", *where)]
    assert findings(command, "--fix") == []
    assert lake.everything() == healthy
    assert len(lake.partitions()) == 10


def test_object_written_before_its_session_was_final_is_stale(command: Command, lake: TestLake, fake_yahoo: FakeYahoo):  # noqa: F811
    tomorrow = dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(days=1)
    put(lake, key_of(tomorrow), encode(table(days=[tomorrow]).select(RAW_SCHEMA.names)))
    stale = ("stale", "PETR4", str(tomorrow))
    assert stale in findings(command, "--end-date", str(tomorrow))
    assert stale in findings(command, "--end-date", str(tomorrow), "--fix"), "it is not final yet"
    assert fake_yahoo.requests == []


def test_stray_object_is_named_and_left_alone(command: Command, lake: TestLake, healthy: dict[str, bytes]):  # noqa: F811
    stray = f"raw/b3/dt={DAYS[0]}/ticker=PETR4/part-0001.parquet"
    put(lake, stray, b"whatever")
    assert findings(command) == [("stray", "", None)]
    assert findings(command, "--fix") == [("stray", "", None)]
    assert stray in command.out
    assert stray in lake.written()


def test_a_strangers_key_is_shown_as_it_is(command: Command, lake: TestLake, healthy):  # noqa: F811
    put(lake, f"raw/b3/dt={DAYS[0]}/ticker=PETR4/[draft] copy[/b].parquet", b"whatever")
    assert command.doctor() == 3
    assert "[draft] copy[/b].parquet" in command.out


def test_a_refused_deletion_is_one_sentence(
    command: Command,  # noqa: F811
    lake: TestLake,
    healthy: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
):
    async def refuse(_store: object, _keys: object) -> None:
        raise PermissionDeniedError("AccessDenied")

    put(lake, key_of(HOLIDAY), encode(table(days=[HOLIDAY], volume=[0]).select(RAW_SCHEMA.names)))
    monkeypatch.setattr("b3lake.ingest.objects.delete", refuse)
    assert command.doctor("--fix") == 1
    assert "AWS denies access to bucket" in command.err


def test_only_the_asked_tickers_and_days_are_examined(command: Command, lake: TestLake, healthy):  # noqa: F811
    put(lake, key_of(DAYS[2]), b"PAR1 half a fi")
    assert command.doctor("--tickers", "VALE3", "--json") == 0
    assert command.summary()["objects"] == 5
    assert command.doctor("--tickers", "PETR4", "--start-date", str(DAYS[3]), "--json") == 0
    assert command.summary()["objects"] == 2
