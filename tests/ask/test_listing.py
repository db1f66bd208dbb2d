"""DESCRIBE and SHOW TABLES, from the catalog: moto's Glue."""

from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest

from b3lake.ask.errors import QueryError
from b3lake.ask.listing import describe_table, list_tables, wanted_listing
from b3lake.lake.settings import Settings

COLUMNS = [{"Name": "trade_date", "Type": "date"}, {"Name": "close_price", "Type": "double"}]
PARTITIONS = [{"Name": "year", "Type": "int"}]


@pytest.fixture
def settings(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A database of four tables: two of the lake's, one of these without partitions, and two of others."""
    made = Settings(f"dev{uuid4().hex[:6]}", moto_url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    glue = boto3.client("glue", endpoint_url=moto_url)
    glue.create_database(DatabaseInput={"Name": made.database})
    for name, partitions in (("zebra", []), ("b3_daily_history", PARTITIONS), ("ape", []), ("b3_daily_quotes", [])):
        table = {"Name": name, "StorageDescriptor": {"Columns": COLUMNS}}
        table |= {"PartitionKeys": partitions} if partitions else {}
        glue.create_table(DatabaseName=made.database, TableInput=table)
    yield made
    glue.delete_database(Name=made.database)


def test_the_columns_of_a_table_have_types_and_units_and_partitions_come_last(settings: Settings) -> None:
    rows = [
        {"column": "trade_date", "type": "date", "unit": "", "note": ""},
        {"column": "close_price", "type": "double", "unit": "R$", "note": ""},
    ]
    year = {"column": "year", "type": "int", "unit": "", "note": "partition"}
    assert describe_table("b3_daily_history", settings).to_pylist() == [*rows, year]
    assert describe_table("ape", settings).to_pylist() == rows


def test_a_table_that_is_not_there_is_a_sentence(settings: Settings) -> None:
    with pytest.raises(QueryError) as caught:
        describe_table("b3_daily_quotes_refined", settings)
    assert str(caught.value) == (
        "The lake has no table b3_daily_quotes_refined yet: an ingestion makes it, `make ingest` or `b3lake fetch`."
    )


def test_the_lakes_tables_come_before_those_of_others(settings: Settings) -> None:
    listed = list_tables(settings).to_pylist()
    assert [row["table"] for row in listed] == ["b3_daily_history", "b3_daily_quotes", "ape", "zebra"]
    assert [bool(row["a_row_is"]) for row in listed] == [True, True, False, False]


def test_a_catalog_that_is_not_there_is_a_sentence(moto_url: str) -> None:
    with pytest.raises(QueryError) as caught:
        list_tables(Settings("nowhere", moto_url))
    assert "tech_challenge2_nowhere" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("sql", "listed"),
    [
        ("SHOW TABLES", ""),
        (" show  tables in b3 ", ""),
        ("SHOW TABLES FROM b3", None),
        ("DESCRIBE b3_Daily_History", "b3_daily_history"),
        ("desc tech.`b3_daily_quotes`", "b3_daily_quotes"),
        ('DESC "ape"', "ape"),
        ("DESCRIBE", None),
        ("DESCRIBED ape", None),
        ("SELECT 1", None),
    ],
)
def test_which_statement_is_answered_from_the_catalog(sql: str, listed: str | None) -> None:
    assert wanted_listing(sql) == listed
