"""The doctor: each fault that a lake can have is found, and what can be repaired is."""

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from obstore.exceptions import PermissionDeniedError

from b3lake.ingest.doctor import figures
from b3lake.ingest.parquet import decode, encode
from b3lake.lake.calendar import B3_ZONE, day_start_utc, is_final
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
    return _parquet(rows.drop_columns(["source"]))


def _parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("unreadable", lambda _rows: b"PAR1 half a fi"),
        ("unreadable", _other_columns),
        ("unreadable", lambda rows: _parquet(rows.append_column("close", rows["close"]))),
        ("unreadable", lambda rows: _parquet(rows.slice(0, 0))),
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


STRAYS = [
    "raw/b3/PETR4.parquet",
    "raw/b3/_SUCCESS",
    "raw/b3/dt=1986-01-02/ticker=PETR4/data.parquet",
    "raw/b3/dt=1994-06-30/ticker=PETR4/data.parquet",
    "raw/b3/dt=2024-02-30/ticker=PETR4/data.parquet",
    f"raw/b3/dt={DAYS[0]}/ticker=PETR4/part-0001.parquet",
    f"raw/b3/dt={DAYS[0]}/ticker=%5EBVSP/data.parquet",
    f"raw/b3/dt={DAYS[0]}/ticker=PET 4/data.parquet",
    f"raw/b3/dt={DAYS[0]}/ticker=petr4/data.parquet",
    "raw/b3/dt=2024-05-02//data.parquet",
    "raw/b3/dt=2024-05-09/../data.parquet",
    "raw/b3/dt=9999-99-99/ticker=PETR4/data.parquet",
    "raw/b3/year=2024/data.parquet",
    "raw/b3/zzz",
]


SLIPS = [
    "//raw/b3/x",
    "../x",
    "raw//b3/x",
    "raw/b3/",
    "raw/b3//",
    "raw/b3/./x",
    "raw/b3/dt=2024-05-02//data.parquet",
    "raw/b3/dt=2024-05-09/../data.parquet",
    f"raw/b3/dt={DAYS[0]}/",
    f"raw/b3/dt={DAYS[0]}/ticker=PETR4/data.parquet/",
    f"raw/b3/dt={DAYS[0]}/ticker=PE\x1b[31m4/data.parquet",
    f"refined/b3/dt={DAYS[0]}/ticker=PETR4/data.parquet/",
    "refined/../x",
    "history/b3/year=2024//data.parquet",
    "state/refined/b3/ledger/./year=2024.parquet",
    "state//x",
    "events/b3//data.parquet",
    "events/answers/a\x7f.json",
    "rates/br/data.parquet/",
    "instruments/b3/../data.parquet",
    "portfolios/b3//",
]
"""Keys that no program of the lake can read."""
ELSEWHERE = [
    "refined/b3/PETR4.parquet",
    "refined/b3/dt=1986-01-02/ticker=PETR4/data.parquet",
    "history/b3/year=24/data.parquet",
    "history/b3/data.parquet",
    "state/refined/b3/ledger/year=2023 copy.parquet",
    "events/b3/data.parquet.bak",
    "rates/br/2024/data.parquet",
]


def test_every_key_that_is_none_of_the_lakes_is_named(command: Command, lake: TestLake, healthy):  # noqa: F811
    """Wherever it sorts, and whatever obstore thinks of it; those go that no program of the lake can read."""
    others = ["notes of mine/x", "raw/mine.csv", "state/other/x.json", "state/refined/b3/notes.json"]
    everything = {*STRAYS, *SLIPS, *ELSEWHERE}
    for key in [*everything, *others]:
        put(lake, key, b"whatever")
    code = command.doctor("--json")
    records = [json.loads(line) for line in command.out.splitlines()][:-1]
    assert code == 3
    assert {record["finding"] for record in records} == {"stray"}
    assert sorted(record["detail"] for record in records) == sorted(everything)
    assert command.summary()["objects"] == 10
    assert command("--tickers", "PETR4,VALE3", *RANGE, "--json") == 0, "nothing else is stopped by them"
    assert command.summary()["unchanged"] == 10
    assert command.doctor() == 3
    assert "\x1b" not in command.out
    assert command.doctor("--fix") == 3
    left = {*healthy, *STRAYS, *ELSEWHERE, *others} - set(SLIPS)
    assert set(lake.written("")) == left, "of the others nobody knows here what they are"


def test_many_strays_are_not_removed_unasked(command: Command, lake: TestLake, healthy):  # noqa: F811
    slips = [f"raw/b3//{number}" for number in range(101)]
    for key in slips:
        put(lake, key, b"")
    assert command.doctor("--fix") == 1
    assert command.err.splitlines()[-1] == (
        "b3lake doctor: --fix would remove 101 strays, raw/b3//0 first, and nothing was repaired: look what they are, "
        "and then run with --allow-removal 101."
    )
    assert set(lake.written()) == {*healthy, *slips}
    assert command.doctor("--fix", "--allow-removal", "101") == 0
    assert set(lake.written()) == set(healthy)


def test_the_recorded_strays_are_all_named(command: Command, lake: TestLake, shared_data: Path):  # noqa: F811
    keys = (shared_data / "strays.txt").read_text().split()
    assert len(keys) == 5
    for key in keys:
        put(lake, key, b"whatever")
    assert command.doctor("--json") == 3
    assert sorted(json.loads(line)["detail"] for line in command.out.splitlines()[:-1]) == keys


def test_an_object_of_a_day_to_come_is_named_though_no_range_is_given(command: Command, lake: TestLake, healthy):  # noqa: F811
    day = dt.date(2099, 12, 31)
    put(lake, key_of(day), encode(table(days=[day], source=["b3"]).select(RAW_SCHEMA.names)))
    assert findings(command) == [("stale", "PETR4", str(day)), ("unregistered", "PETR4", str(day))]
    assert command.summary()["objects"] == 11


def test_a_row_of_b3s_is_final_when_it_is_published(command: Command, lake: TestLake):  # noqa: F811
    """Whatever the hour: today's row is stale if it is Yahoo's (before 20:00), and never if it is B3's."""
    today = dt.datetime.now(B3_ZONE).date()
    for source, ticker in (("b3", "PETR4"), ("yahoo", "VALE3")):
        rows = table(ticker, days=[today], source=[source], ts=[day_start_utc(today)])
        put(lake, key_of(today, ticker), encode(rows.select(RAW_SCHEMA.names)))
    stale = [ticker for finding, ticker, _ in findings(command) if finding == "stale"]
    assert stale == ([] if is_final(today, dt.datetime.now(dt.timezone.utc)) else ["VALE3"])


def test_an_invented_price_among_others_is_named(command: Command, lake: TestLake, healthy):  # noqa: F811
    rows = table("PETR4", days=[DAYS[1]], source=["synthetic"])
    put(lake, key_of(DAYS[1]), encode(rows.select(RAW_SCHEMA.names)))
    assert findings(command) == [("mixed-sources", "PETR4", str(DAYS[1]))]


def test_a_close_outside_low_to_high_is_named_and_left_as_it_is(command: Command, lake: TestLake, healthy):  # noqa: F811
    """It is official in some years."""
    rows = table(days=[DAYS[1]], close=[11.9], source=["b3"])
    put(lake, key_of(DAYS[1]), encode(rows.select(RAW_SCHEMA.names)))
    assert findings(command) == [("outside-range", "PETR4", str(DAYS[1]))]
    assert findings(command, "--fix") == [("outside-range", "PETR4", str(DAYS[1]))]
    assert lake.rows(key_of(DAYS[1]))[0]["close"] == 11.9


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


def test_its_figures_go_to_cloudwatch(
    command: Command,  # noqa: F811
    healthy: dict[str, bytes],
    lake: TestLake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lake.s3.delete_object(Bucket=lake.bucket, Key=key_of(DAYS[2], "PETR4"))
    put(lake, key_of(DAYS[3], "VALE3"), b"no Parquet")
    told: list[tuple[str, dict[str, float]]] = []
    monkeypatch.setattr(figures, "put_figures", lambda env, _region, counts: told.append((env, dict(counts))) or "")
    assert command.doctor("--put-figures") == 3
    kinds = [finding for finding, _, _ in findings(command)]
    assert told == [("dev", {"Findings": float(len(kinds)), "Gaps": 1.0})]


def test_only_recent_days_are_read_when_asked(command: Command, healthy: dict[str, bytes]) -> None:  # noqa: F811
    assert command.doctor("--json", "--recent", "1") == 0
    assert command.summary()["objects"] == 0
    assert command.doctor("--recent", "0") == 2
    assert command.doctor("--recent", "5", "--start-date", "2024-01-02") == 2
