"""Taking bars to the lake: what is put, what is left alone, what is registered, in which order."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import boto3
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest import objects
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import Tally, load_all, prepare
from b3lake.ingest.parquet import decode, encode, encode_each
from b3lake.lake.errors import AwsError
from b3lake.lake.names import RAW_TABLE
from b3lake.lake.schemas import PARTITION_TYPES, RAW_SCHEMA
from b3lake.lake.session import open_session
from tests.ingest.lake_cases import DATABASE, DAYS, TestLake, key_of, table


def load(lake: Lake, *tables: pa.Table, dry_run: bool = False) -> Tally:
    async def run() -> Tally:
        tickers = {ticker for bars in tables for ticker in bars["ticker"].to_pylist()}
        inventory = await lake.survey(sorted(tickers), DAYS[0], DAYS[-1])

        async def batches() -> AsyncIterator[tuple[pa.Table, object]]:
            for bars in tables:
                yield bars, inventory

        return await load_all(lake.loader(dry_run=dry_run), batches())

    return asyncio.run(run())


def test_one_object_a_day_and_ticker_with_exactly_its_rows(lake: TestLake):
    tally = load(lake.open(), table("PETR4"), table("VALE3", DAYS[:2], 60.0))
    assert tally.written == {"PETR4": 5, "VALE3": 2}
    assert set(lake.written()) == {key_of(day) for day in DAYS} | {key_of(day, "VALE3") for day in DAYS[:2]}
    assert lake.rows(key_of(DAYS[1], "VALE3")) == [
        {
            "ts": dt.datetime.fromisoformat("2024-05-03T03:00"),
            "open": 60.0,
            "high": 60.5,
            "low": 59.5,
            "close": 60.1,
            "volume": 1000,
            "turnover": None,
            "trades": None,
            "dividends": 0.0,
            "stock_splits": 0.0,
            "isin": None,
            "source": "yahoo",
        }
    ]
    assert lake.partitions() == {(str(day), "PETR4") for day in DAYS} | {(str(day), "VALE3") for day in DAYS[:2]}


def test_table_has_the_declared_columns_and_partitions(lake: TestLake):
    load(lake.open(), table())
    made = lake.glue.get_table(DatabaseName=DATABASE, Name=RAW_TABLE)["Table"]
    assert [column["Name"] for column in made["StorageDescriptor"]["Columns"]] == RAW_SCHEMA.names
    assert {key["Name"]: key["Type"] for key in made["PartitionKeys"]} == PARTITION_TYPES
    kinds = {column["Name"]: column["Type"] for column in made["StorageDescriptor"]["Columns"]}
    assert (kinds["ts"], kinds["volume"], kinds["trades"]) == ("timestamp", "bigint", "int")
    partition = lake.glue.get_partition(
        DatabaseName=DATABASE, TableName=RAW_TABLE, PartitionValues=[str(DAYS[0]), "PETR4"]
    )["Partition"]
    assert partition["StorageDescriptor"]["Location"] == f"s3://{lake.bucket}/raw/b3/dt={DAYS[0]}/ticker=PETR4/"


def test_repeating_writes_nothing(lake: TestLake):
    load(lake.open(), table())
    before = lake.written()
    tally = load(lake.open(), table())
    assert (tally.written.total(), tally.unchanged["PETR4"], tally.registered.total()) == (0, 5, 0)
    assert lake.written() == before


def test_only_what_was_restated_is_put_again(lake: TestLake):
    load(lake.open(), table())
    volumes = [1000, 1000, 1007, 1000, 1000]
    tally = load(lake.open(), table(volume=volumes))
    assert (tally.written["PETR4"], tally.unchanged["PETR4"]) == (1, 4)
    assert [lake.rows(key_of(day))[0]["volume"] for day in DAYS] == volumes


def test_same_rows_in_other_bytes_are_the_same(lake: TestLake):
    """Another release of pyarrow, or KMS: the ETag does not match, the rows do."""
    load(lake.open(), table())
    sink = pa.BufferOutputStream()
    import pyarrow.parquet as pq

    pq.write_table(decode(lake.everything()[key_of(DAYS[0])]), sink, compression="gzip")
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(DAYS[0]), Body=sink.getvalue().to_pybytes())
    tally = load(lake.open(), table())
    assert (tally.written.total(), tally.unchanged["PETR4"]) == (0, 5)


def test_damaged_object_is_replaced(lake: TestLake):
    load(lake.open(), table())
    whole = lake.everything()
    lake.s3.put_object(Bucket=lake.bucket, Key=key_of(DAYS[0]), Body=b"half a fi")
    assert load(lake.open(), table()).written["PETR4"] == 1
    assert lake.everything() == whole


def test_object_that_goes_between_listing_and_reading_is_put_again(lake: TestLake, monkeypatch: pytest.MonkeyPatch):
    load(lake.open(), table())
    read = objects.get

    async def get(store: object, key: str) -> bytes:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key)
        return await read(store, key)

    monkeypatch.setattr(objects, "get", get)
    assert load(lake.open(), table(volume=[1000, 1000, 1007, 1000, 1000])).written["PETR4"] == 1
    assert lake.rows(key_of(DAYS[2]))[0]["volume"] == 1007


def test_dry_run_writes_nothing_and_says_what_it_would(lake: TestLake):
    assert load(lake.open(), table(), dry_run=True).written["PETR4"] == 5
    assert lake.written() == {}
    assert lake.partitions() == set()


def test_what_was_put_but_never_registered_is_registered(lake: TestLake):
    """As after a kill between the put and the registration."""
    opened = lake.open()
    load(Lake(opened.bucket, opened.store, None), table())
    assert lake.partitions() == set()
    tally = load(opened, table())
    assert (tally.written.total(), tally.registered["PETR4"]) == (0, 5)
    assert lake.partitions() == {(str(day), "PETR4") for day in DAYS}


def test_nothing_is_registered_before_it_is_put(lake: TestLake, monkeypatch: pytest.MonkeyPatch):
    opened = lake.open()
    registered_without_object: list[object] = []
    register = opened.catalog.register

    def checked(partitions: list[tuple[dt.date, str]]) -> None:
        have = lake.written()
        registered_without_object.extend(pair for pair in partitions if key_of(*pair) not in have)
        register(partitions)

    monkeypatch.setattr(opened.catalog, "register", checked)
    monkeypatch.setattr("b3lake.ingest.load.REGISTER_FROM", 2)
    load(opened, table("PETR4"), table("VALE3"), table("ITUB4"))
    assert registered_without_object == []
    assert len(lake.partitions()) == 15


def test_intraday_bars_share_their_days_object(lake: TestLake):
    starts = [dt.datetime.combine(DAYS[0], dt.time(hour)) for hour in (13, 14)]
    load(lake.open(), table(days=[DAYS[0]] * 2, ts=starts))
    assert [row["ts"] for row in lake.rows(key_of(DAYS[0]))] == starts


def test_partitions_are_the_runs_of_day_and_ticker():
    bars = pa.concat_tables([table("ITUB4", DAYS[:2]), table("PETR4", [DAYS[1], DAYS[1], DAYS[2]])])
    got = [(one.day, one.ticker, len(one.rows)) for one in prepare(bars)]
    assert got == [(DAYS[0], "ITUB4", 1), (DAYS[1], "ITUB4", 1), (DAYS[1], "PETR4", 2), (DAYS[2], "PETR4", 1)]
    assert all(decode(one.body).equals(one.rows) for one in prepare(bars))
    assert list(prepare(bars.slice(0, 0))) == []


def test_same_rows_are_the_same_bytes_and_come_back():
    rows = table().select(RAW_SCHEMA.names)
    assert encode(rows) == encode(rows.slice(0))
    assert decode(encode(rows)).equals(rows)
    assert decode(encode(rows)).schema == RAW_SCHEMA


FIRST_MOMENT, LAST_MOMENT = map(dt.datetime.fromisoformat, ("1986-01-02", "2100-12-31"))
numbers = st.one_of(st.none(), st.floats(allow_nan=False, width=64))
any_row = st.fixed_dictionaries(
    {name: numbers for name in RAW_SCHEMA.names if RAW_SCHEMA.field(name).type == pa.float64()}
    | {
        "ts": st.one_of(st.none(), st.datetimes(FIRST_MOMENT, LAST_MOMENT)),
        "volume": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        "trades": st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)),
        "isin": st.sampled_from([None, "", "BRPETRACNPR6", "BRVALEACNOR0", "BRVALE", "?" * 12, "é" * 6]),
        "source": st.sampled_from([None, "", "b3", "yahoo"]),
    }
)


@settings(max_examples=80, deadline=None)
@given(given_rows=st.lists(any_row, max_size=6))
def test_rows_encoded_together_are_the_bytes_of_each_alone(given_rows: list[dict[str, object]]):
    rows = pa.Table.from_pylist(given_rows, schema=RAW_SCHEMA)
    assert encode_each(rows) == [encode(rows.slice(position, 1)) for position in range(len(rows))]


def test_a_value_that_cannot_be_told_from_a_mark_is_refused():
    """No source is called so; another row's ISIN would stand in place of its name."""
    bars = table(days=DAYS[:1], source=["?" * 12], isin=["BRPETRACNPR6"]).select(RAW_SCHEMA.names)
    with pytest.raises(AssertionError) as refused:
        encode_each(bars)
    assert str(refused.value) == "a Parquet file of one row holds each of its values once"


def test_missing_bucket_is_one_sentence(lake: TestLake):
    opened = lake.open()
    gone = Lake("no-such-bucket", objects.open_store("no-such-bucket", open_session()), opened.catalog)
    with pytest.raises(AwsError, match=r"Bucket no-such-bucket does not exist: deploy the stack"):
        load(gone, table())


def test_no_credentials_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(AwsError, match="No AWS credentials were found: set AWS_ACCESS_KEY_ID"):
        objects.open_store("any", open_session())
