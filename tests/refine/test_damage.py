"""Damage beside raw: garbage among the job's own objects, and partitions that the catalog forgot."""

import json
import time
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from b3lake.lake.keys import raw_key
from b3lake.lake.names import HISTORY_TABLE, REFINED_TABLE
from b3lake.refine.unreadable import parse_unreadable
from tests.refine.small_lake import SmallLake, bar, day


@pytest.fixture
def filled(lake: SmallLake, spark: SparkSession) -> SmallLake:
    lake.fill(["PETR4", "VALE3"], range(7))
    lake.run(spark)
    return lake


@pytest.mark.slow
def test_a_damaged_refined_object_of_an_unreadable_raw_one_fails_no_run(filled: SmallLake, spark: SparkSession) -> None:
    """It cannot be computed anew before its raw object is: until then it is missing from the history."""
    filled.put_broken("PETR4", day(3))
    filled.put_bytes(raw_key(day(3), "PETR4").replace("raw/", "refined/"), b"garbage")
    assert filled.run(spark)["unreadable_objects"] == 1
    assert ("PETR4", day(3)) not in {(row["ticker"], row["trade_date"]) for row in filled.history()}
    assert len(filled.history()) == 13
    filled.put("PETR4", day(3), bar(day(3)))
    assert filled.run(spark)["unreadable_objects"] == 0
    filled.check()


@pytest.mark.slow
def test_a_damaged_list_of_unreadable_objects_is_written_anew(filled: SmallLake, spark: SparkSession) -> None:
    filled.put_broken("VALE3", day(2))
    filled.put_bytes("state/refined/b3/unreadable.json", b"garbage\xff")
    assert filled.run(spark)["unreadable_objects"] == 1
    body = filled.s3.get_object(Bucket=filled.bucket, Key="state/refined/b3/unreadable.json")["Body"].read()
    assert [entry["ticker"] for entry in json.loads(body)["entries"]] == ["VALE3"]


@pytest.mark.parametrize("text", [b"", b"garbage\xff", b"[]", b"{}", b'{"entries": [{"day": "x"}]}'])
def test_any_damaged_list_is_an_empty_one(text: bytes) -> None:
    assert len(parse_unreadable(text)) == 0


@pytest.mark.slow
def test_full_registers_what_the_catalog_forgot(filled: SmallLake, spark: SparkSession) -> None:
    everything = filled.registered(), filled.registered(HISTORY_TABLE)
    for table in (REFINED_TABLE, HISTORY_TABLE):
        for values in filled.registered(table):
            filled.glue.delete_partition(DatabaseName=filled.database, TableName=table, PartitionValues=list(values))
    filled.run(spark, "--refine_mode", "full")
    assert (filled.registered(), filled.registered(HISTORY_TABLE)) == everything


@pytest.mark.slow
def test_a_history_table_made_anew_has_its_partitions_again(filled: SmallLake, spark: SparkSession) -> None:
    years = filled.registered(HISTORY_TABLE)
    assert len(years) >= 1
    filled.glue.delete_table(DatabaseName=filled.database, Name=HISTORY_TABLE)
    filled.run(spark)
    assert filled.registered(HISTORY_TABLE) == years


@pytest.fixture
def time_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A patch whose TZ is that of the process again after the test."""
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


@pytest.mark.slow
def test_a_table_is_the_same_in_another_time_zone(
    lake: SmallLake, spark: SparkSession, time_zones: pytest.MonkeyPatch
) -> None:
    """Else each partition would be registered again."""
    lake.fill(["PETR4"], range(2))
    notes = []
    for zone in ("UTC", "America/Sao_Paulo"):
        time_zones.setenv("TZ", zone)
        time.tzset()
        lake.run(spark)
        notes.append(lake.s3.get_object(Bucket=lake.bucket, Key="state/refined/b3/notes.json")["Body"].read())
    assert b"created 20" in notes[0]
    assert notes[0] == notes[1]
