"""The tables of one object as they are stated: their names, where they lie, their columns, and what is replaced."""

import asyncio
import datetime as dt
from collections.abc import Callable

import pyarrow as pa
import pytest

from b3lake.ingest.objects import open_store
from b3lake.ingest.small_tables import (
    EVENTS,
    INSTRUMENTS,
    LABEL_KEY,
    PORTFOLIOS,
    RATES,
    SHARES,
    SMALL_TABLES,
    Destination,
    encode_table,
    read_table,
    replace_groups,
    update_table,
)
from b3lake.lake.errors import AwsError, B3LakeError
from b3lake.lake.schemas import EVENTS_SCHEMA, INSTRUMENTS_SCHEMA, PORTFOLIOS_SCHEMA, RATES_SCHEMA, SHARES_SCHEMA
from tests.ingest.lake_cases import TestLake, session


def test_the_tables_of_one_object() -> None:
    assert [(one.name, one.key, one.group, one.order) for one in (*SMALL_TABLES, SHARES)] == [
        ("br_rates", "rates/br/data.parquet", ("series", "day"), ()),
        ("b3_instruments", "instruments/b3/data.parquet", ("ticker",), ()),
        ("b3_index_portfolio", "portfolios/b3/data.parquet", ("index", "day"), ("ticker",)),
        ("b3_corporate_events", "events/b3/data.parquet", ("ticker",), ()),
        ("shares", "events/shares/data.parquet", ("ticker",), ()),
    ]
    schemas = (RATES_SCHEMA, INSTRUMENTS_SCHEMA, PORTFOLIOS_SCHEMA, EVENTS_SCHEMA, SHARES_SCHEMA)
    assert all(one.schema is schema for one, schema in zip((*SMALL_TABLES, SHARES), schemas, strict=True))
    assert [one.about for one in SMALL_TABLES] == [
        "Interest and inflation in Brazil.",
        "Who is who on the exchange, by ticker.",
        "The members of B3's indexes and their weights.",
        "B3's corporate events: dividends, splits and others.",
    ]
    assert (RATES, INSTRUMENTS, PORTFOLIOS, EVENTS) == SMALL_TABLES


def rates(*rows: tuple[str, int]) -> pa.Table:
    told = [{"series": name, "day": dt.date(2024, 5, day), "value": float(day), "unit": "%"} for name, day in rows]
    return pa.Table.from_pylist(told, RATES_SCHEMA)


def test_groups_are_replaced_whole_and_all_is_sorted() -> None:
    was = rates(("IPCA", 1), ("CDI", 3), ("CDI", 2))
    new = rates(("CDI", 3), ("CDI", 1)).set_column(2, "value", pa.array([30.0, 10.0]))
    found = replace_groups(RATES, was, [new, rates()])
    assert [(row["series"], row["day"].day, row["value"]) for row in found.to_pylist()] == [
        ("CDI", 1, 10.0),
        ("CDI", 2, 2.0),
        ("CDI", 3, 30.0),
        ("IPCA", 1, 1.0),
    ]
    assert replace_groups(RATES, was, []).num_rows == 3


@pytest.fixture
def to(lake: TestLake) -> Destination:
    return Destination(open_store(lake.bucket, session()), "bcb")


def given(rows: pa.Table) -> Callable[[pa.Table], pa.Table]:
    return lambda _: rows


def test_a_table_is_put_only_where_it_changed_and_says_whose_it_is(to: Destination) -> None:
    rows = rates(("CDI", 2), ("CDI", 3))
    assert asyncio.run(read_table(to.store, RATES)).equals(RATES_SCHEMA.empty_table())
    assert asyncio.run(update_table(Destination(to.store, "bcb", dry_run=True), RATES, given(rows)))
    assert asyncio.run(read_table(to.store, RATES)).num_rows == 0, "nothing is put in a dry run"
    assert asyncio.run(update_table(to, RATES, given(rows)))
    assert not asyncio.run(update_table(to, RATES, given(rows)))
    stored = asyncio.run(read_table(to.store, RATES))
    assert stored.equals(rows)
    assert stored.schema.metadata == {LABEL_KEY: b"bcb"}
    assert LABEL_KEY == b"b3lake.source"


def test_rows_of_another_label_are_never_put_over_it(to: Destination) -> None:
    assert asyncio.run(update_table(to, RATES, given(rates(("CDI", 2)))))
    other = Destination(to.store, "synthetic")
    with pytest.raises(B3LakeError) as caught:
        asyncio.run(update_table(other, RATES, given(rates(("CDI", 3)))))
    assert str(caught.value) == (
        "br_rates holds rows from 'bcb', and these are from 'synthetic': use another lake, or delete "
        "rates/br/data.parquet."
    )
    assert asyncio.run(update_table(to, RATES, given(rates())))
    assert asyncio.run(update_table(other, RATES, given(rates(("CDI", 3))))), "an empty table is nobody's"


def test_an_object_that_is_none_of_the_table_is_named(lake: TestLake, to: Destination) -> None:
    def refused(body: bytes) -> str:
        lake.s3.put_object(Bucket=lake.bucket, Key=RATES.key, Body=body)
        with pytest.raises(B3LakeError) as caught:
            asyncio.run(read_table(to.store, RATES))
        return str(caught.value)

    begin, end = "rates/br/data.parquet is not the table br_rates (", "): restore an earlier version, or delete it."
    assert refused(encode_table(rates().drop_columns(["unit"]))) == f"{begin}it has the columns series, day, value{end}"
    said = refused(b"x" * 300)
    assert said.startswith(begin)
    assert said.endswith(end)
    assert len(said) <= len(begin) + 160 + len(end)


def test_a_bucket_that_is_not_there_is_no_empty_table(to: Destination) -> None:
    away = open_store("there-is-no-such-bucket", session())
    with pytest.raises(AwsError, match=r"^Bucket there-is-no-such-bucket does not exist: "):
        asyncio.run(read_table(away, RATES))
