"""What a run leaves for the next one: the ledger, the notes, the list of unreadable objects; without Spark."""

import json
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b3lake.refine.config import Place, Scope, state_of
from b3lake.refine.errors import RefineError
from b3lake.refine.history import HistoryYear
from b3lake.refine.ledger import read_ledger, write_ledger
from b3lake.refine.notes import Notes
from b3lake.refine.partitions import LISTING, day_number, find, is_in, iso, keys_of, names_in, of_year, take, years_of
from b3lake.refine.plan import LEDGER
from b3lake.refine.unreadable import UNREADABLE, dump_unreadable, parse_unreadable, still_unreadable, with_earlier
from tests.refine.small_lake import SmallLake

LAST, FIRST = day_number(date(2023, 12, 29)), day_number(date(2024, 1, 2))


def facts(*rows: tuple[str, int, int]) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)] or [[], [], []], schema=LEDGER)


def lake_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def pairs(*rows: tuple[str, int]) -> pa.Table:
    return facts(*((ticker, day, 0) for ticker, day in rows)).select(["ticker", "day"])


NOBODY = pairs()


def ledger_of(lake: SmallLake) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in read_ledger(lake.job()).to_pylist()]


# --- The ledger --------------------------------------------------------------------------------------------------


def test_a_lake_without_a_ledger_has_an_empty_one(lake: SmallLake) -> None:
    assert read_ledger(lake.job()).equals(LEDGER.empty_table())


def test_facts_are_entered_replaced_and_struck_out_in_their_years(lake: SmallLake) -> None:
    job = lake.job()
    write_ledger(job, facts(("VALE3", FIRST, 3), ("PETR4", FIRST, 2), ("PETR4", LAST, 1)), NOBODY)
    shards = "state/refined/b3/ledger/year="
    assert set(lake.objects(shards)) == {f"{shards}2023.parquet", f"{shards}2024.parquet"}
    assert ledger_of(lake) == [("PETR4", LAST, 1), ("PETR4", FIRST, 2), ("VALE3", FIRST, 3)]
    before = lake.objects(shards)
    write_ledger(job, facts(("PETR4", FIRST, -20), ("ABEV3", FIRST + 1, 5)), pairs(("VALE3", FIRST), ("NONE3", FIRST)))
    assert ledger_of(lake) == [("PETR4", LAST, 1), ("ABEV3", FIRST + 1, 5), ("PETR4", FIRST, -20)]
    after = lake.objects(shards)
    assert after[f"{shards}2023.parquet"] == before[f"{shards}2023.parquet"], "nothing of 2023 was told"
    write_ledger(job, facts(), pairs(("PETR4", LAST)))
    assert ledger_of(lake) == [("ABEV3", FIRST + 1, 5), ("PETR4", FIRST, -20)]
    write_ledger(job, facts(), NOBODY)
    assert len(ledger_of(lake)) == 2


@pytest.mark.parametrize("damage", ["bytes", "null"])
def test_a_damaged_shard_is_told_and_found_out_again(
    lake: SmallLake, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    job = lake.job()
    write_ledger(job, facts(("PETR4", LAST, 1), ("PETR4", FIRST, 2)), NOBODY)
    key = "state/refined/b3/ledger/year=2024.parquet"
    if damage == "bytes":
        lake.put_bytes(key, b"garbage")
    else:
        lake.put_bytes(key, lake_parquet(pa.table([["PETR4"], [FIRST], [None]], schema=LEDGER)))
    assert ledger_of(lake) == [("PETR4", LAST, 1)]
    shard = f"s3://{lake.bucket}/state/refined/b3/ledger/year=2024.parquet"
    assert caplog.messages == [f"{shard} cannot be read: what it told is found out again"]
    write_ledger(job, facts(("VALE3", FIRST, 3)), NOBODY)
    assert ledger_of(lake) == [("PETR4", LAST, 1), ("VALE3", FIRST, 3)]


def test_entries_of_another_year_are_left_out(lake: SmallLake, caplog: pytest.LogCaptureFixture) -> None:
    job = lake.job()
    write_ledger(job, facts(("PETR4", LAST, 1), ("PETR4", FIRST, 2)), NOBODY)
    ledger = "state/refined/b3/ledger/year={}.parquet"
    of_2024 = lake.s3.get_object(Bucket=lake.bucket, Key=ledger.format(2024))["Body"].read()
    lake.put_bytes(ledger.format(2023), of_2024)
    lake.put_bytes(ledger.format(2024).replace("year", "a-year"), b"no shard")
    caplog.clear()
    assert ledger_of(lake) == [("PETR4", FIRST, 2)]
    assert caplog.messages == [
        f"s3://{lake.bucket}/{ledger.format(2023)} has entries of other years: those are left out"
    ]
    lake.put_bytes(ledger.format(2023), lake_parquet(facts()))
    caplog.clear()
    assert (ledger_of(lake), caplog.messages) == ([("PETR4", FIRST, 2)], [])


# --- The notes ---------------------------------------------------------------------------------------------------

NOTES = Notes(
    "s3://b/raw/b3",
    {"b3_daily_quotes_refined": "created 2024"},
    {2024: HistoryYear("etag-2", "seal-2"), 2023: HistoryYear("etag-1", "seal-1")},
)


def test_notes_come_back_as_they_were() -> None:
    assert Notes.parse(NOTES.dump()) == NOTES
    assert json.loads(NOTES.dump()) == {
        "raw": "s3://b/raw/b3",
        "tables": {"b3_daily_quotes_refined": "created 2024"},
        "history": {"2023": {"etag": "etag-1", "seal": "seal-1"}, "2024": {"etag": "etag-2", "seal": "seal-2"}},
    }
    assert NOTES.dump() == Notes(NOTES.raw, NOTES.tables, dict(reversed(NOTES.history.items()))).dump()


def test_no_notes_are_empty_ones_and_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert Notes.parse(None) == Notes("", {}, {})
    assert caplog.text == ""


@pytest.mark.parametrize(
    "text",
    [
        b"garbage\xff",
        b"[]",
        b"{}",
        b'{"raw": "r", "tables": {}}',
        b'{"raw": "r", "tables": 7, "history": {}}',
        b'{"raw": "r", "tables": {}, "history": {"x": {"etag": "e", "seal": "s"}}}',
        b'{"raw": "r", "tables": {}, "history": {"2024": {"etag": "e"}}}',
        b'{"raw": "r", "tables": {}, "history": []}',
    ],
)
def test_any_damaged_notes_are_empty_ones_with_a_warning(text: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert Notes.parse(text) == Notes()
    assert caplog.messages == ["the notes of the last run cannot be read: what they told is found out again"]


def test_a_lake_made_from_another_prefix_is_refused(lake: SmallLake) -> None:
    job = lake.job()
    Notes().check_source(job)
    Notes(f"s3://{lake.bucket}/raw/b3").check_source(job)
    with pytest.raises(RefineError) as caught:
        Notes("s3://other/raw").check_source(job)
    assert str(caught.value) == (
        f"s3://{lake.bucket}/refined/b3 is made from s3://other/raw, not from s3://{lake.bucket}/raw/b3: "
        "correct --raw_uri, or give another --refined_uri."
    )


# --- What cannot be read -----------------------------------------------------------------------------------------


def entries(*rows: tuple[str, int, int, str]) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)] or [[], [], [], []], schema=UNREADABLE)


def test_the_list_is_for_people_and_for_the_next_run(lake: SmallLake) -> None:
    bad = entries(("VALE3", FIRST, 7, "it holds no bars"), ("PETR4", LAST, -8, "it is no Parquet file"))
    text = dump_unreadable(lake.job(), bad)
    told = json.loads(text)
    assert told["unreadable"] == [
        {
            "object": f"s3://{lake.bucket}/raw/b3/dt=2023-12-29/ticker=PETR4/data.parquet",
            "cause": "it is no Parquet file",
        },
        {"object": f"s3://{lake.bucket}/raw/b3/dt=2024-01-02/ticker=VALE3/data.parquet", "cause": "it holds no bars"},
    ]
    assert parse_unreadable(text).equals(bad.take(pa.array([1, 0])))
    assert text.count(b"\n") > 4, "a line each, for people"


def test_a_damaged_list_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert parse_unreadable(b'{"entries": 7}').equals(UNREADABLE.empty_table())
    assert caplog.messages == ["unreadable.json of the last run cannot be read: it is written anew"]


def test_an_entry_stands_while_its_object_is_there_unchanged_and_once() -> None:
    raw = pa.table([["PETR4", "VALE3", "ITUB4"], [LAST, LAST, FIRST], [5, 6, 7], ["a", "b", "c"]], schema=LISTING)
    told = entries(
        ("VALE3", LAST, 6, "first"),
        ("VALE3", LAST, 6, "again"),
        ("PETR4", LAST, 50, "it was changed since"),
        ("ITUB4", LAST, 7, "of another day"),
        ("NONE3", LAST, 0, "it is gone"),
        ("ITUB4", FIRST, 7, "still"),
    )
    left = still_unreadable(told, raw).to_pylist()
    assert [(row["ticker"], row["error"]) for row in left] == [("VALE3", "first"), ("ITUB4", "still")]
    assert len(still_unreadable(told, raw.slice(0, 0))) == 0
    assert len(still_unreadable(entries(), raw)) == 0


def test_what_an_earlier_run_listed_stands_where_this_one_did_not_look(lake: SmallLake) -> None:
    job = lake.job("--tickers", "PETR4")
    bad = entries(("PETR4", FIRST, 1, "now"))
    earlier = entries(("PETR4", LAST, 2, "looked at, and sound"), ("VALE3", FIRST, 3, "before"))
    found = with_earlier(job, bad, earlier).to_pylist()
    assert [(row["ticker"], row["error"]) for row in found] == [("PETR4", "now"), ("VALE3", "before")]
    everything = with_earlier(lake.job(), bad, earlier).to_pylist()
    assert [row["error"] for row in everything] == ["now"]
    again = with_earlier(job, entries(("VALE3", FIRST, 4, "read beside")), earlier).to_pylist()
    assert [row["error"] for row in again] == ["read beside"]


# --- Places and partitions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("uri", ["s3://b/p/q", "s3a://b/p/q", "s3://b/p/q/", "s3://b/p/q//"])
def test_an_address_is_a_bucket_and_a_prefix(uri: str) -> None:
    place = Place.parse(uri)
    assert (place, place.uri) == (Place("b", "p/q"), "s3://b/p/q")
    assert state_of(place) == Place("b", "state/p/q")


@pytest.mark.parametrize("uri", ["", "s3://b", "s3://b/", "s3:///p", "b/p", "https://b/p", "xs3://b/p", "S3://b/p"])
def test_any_other_address_is_refused(uri: str) -> None:
    with pytest.raises(RefineError) as caught:
        Place.parse(uri)
    assert str(caught.value) == f"{uri!r} is not an address of the form s3://bucket/prefix: write it so."


def test_keys_and_locations_of_partitions() -> None:
    place, some = Place("b", "raw/b3"), pairs(("PETR4", FIRST), ("VALE3", LAST))
    assert place.keys(some) == [
        "raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet",
        "raw/b3/dt=2023-12-29/ticker=VALE3/data.parquet",
    ]
    assert place.locations(some) == {
        "s3://b/raw/b3/dt=2024-01-02/ticker=PETR4/": ["2024-01-02", "PETR4"],
        "s3://b/raw/b3/dt=2023-12-29/ticker=VALE3/": ["2023-12-29", "VALE3"],
    }


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(), [True] * 4),
        (Scope(start=2), [False, True, True, True]),
        (Scope(end=2), [True, True, False, False]),
        (Scope(start=2, end=3), [False, True, True, False]),
        (Scope(tickers=frozenset({"B"})), [False, True, False, True]),
        (Scope(start=3, tickers=frozenset({"B", "C"})), [False, False, False, True]),
        (Scope(tickers=frozenset()), [False] * 4),
    ],
)
def test_a_scope_covers_its_days_and_tickers(scope: Scope, covered: list[bool]) -> None:
    assert scope.covers(pairs(("A", 1), ("B", 2), ("A", 3), ("B", 4))).tolist() == covered


def test_days_are_counted_from_1970() -> None:
    assert (day_number(date(1970, 1, 1)), day_number(date(1969, 12, 31)), day_number(date(2024, 1, 2))) == (
        0,
        -1,
        19724,
    )
    assert (iso(0), iso(19724)) == ("1970-01-01", "2024-01-02")


def test_partitions_are_found_among_others() -> None:
    some, others = pairs(("B", 1), ("A", 2), ("C", 3)), pairs(("A", 2), ("A", 3), ("C", 3))
    names = names_in(some, others)
    assert names.to_pylist() == ["A", "B", "C"]
    keys = keys_of(others, names)
    assert find(keys, keys_of(some, names)).tolist() == [-1, 0, 2]
    assert find(keys[:0], keys_of(some, names)).tolist() == [-1, -1, -1]
    assert is_in(some, others).tolist() == [False, True, True]
    assert (np.diff(keys_of(pairs(("A", 9), ("B", -1), ("B", 0)), names)) > 0).all(), "by ticker, then by day"
    assert (keys_of(pairs(("D", 1)), names) < 0).all()
    assert take(np.array([10, 20, 30]), np.array([2, -1, 0])).tolist() == [30, 0, 10]
    assert take(np.array([], np.int64), np.array([-1, -1])).tolist() == [0, 0]


def test_years_of_partitions() -> None:
    some = pairs(("A", FIRST), ("A", LAST), ("B", FIRST))
    assert years_of(some, NOBODY, pairs(("A", 0))) == [1970, 2023, 2024]
    assert of_year(some, 2024).to_pylist() == pairs(("A", FIRST), ("B", FIRST)).to_pylist()
