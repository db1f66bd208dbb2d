"""The rule changes over an existing lake: the first run brings all of it to the new columns."""

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from b3lake.lake.names import HISTORY_TABLE, REFINED_TABLE
from b3lake.lake.schemas import MOVING_AVERAGE_DATES, REFINED_SCHEMA, glue_types
from b3lake.refine.rule import CURRENT_RULE, Rule
from b3lake.refine.run import run
from b3lake.refine.transform import columns_of_the_dates_before, columns_of_the_day
from tests.refine.small_lake import SmallLake, bar, day

pytestmark = pytest.mark.slow

# As a lake was before somebody added `bar_count` and `close_delta`, widened the average, and moved a column.
OTHER = Rule(
    pa.schema(
        [
            ("trade_date", pa.date32()),
            ("close_price", pa.float64()),
            ("open_price", pa.float64()),
            ("close_ma_7", pa.float64()),
            ("total_volume", pa.int32()),
            ("stock_splits", pa.float64()),
            ("dividends", pa.float64()),
        ]
    ),
    dates=7,
)


def run_by(lake: SmallLake, spark: SparkSession, rule: Rule, *more: str) -> dict[str, Any]:
    return run(replace(lake.job(*more), rule=rule), lambda: spark)


def expected_closes(lake: SmallLake, dates: int) -> dict[tuple[str, date], tuple[float, float | None]]:
    """The close and its moving average by plain pandas."""
    found = {}
    for ticker in {ticker for ticker, _ in lake.bars}:
        days = sorted(when for name, when in lake.bars if name == ticker)
        closes = pd.Series([lake.bars[ticker, when][-1]["close"] for when in days])  # type: ignore[index]
        means = closes.rolling(dates).mean()
        for when, close, mean in zip(days, closes, means, strict=True):
            found[ticker, when] = (close, None if pd.isna(mean) else mean)
    return found


def check(lake: SmallLake, rule: Rule) -> None:
    """Objects, tables and partitions have the rule's columns, and the moving average is that of pandas."""
    rows = {}
    for key in lake.objects("refined/b3/"):
        table = lake.read(key)
        assert table.schema.equals(rule.schema), key
        when, ticker = (part.split("=")[1] for part in key.split("/")[2:4])
        rows[ticker, date.fromisoformat(when)] = table.to_pylist()[0]
    expected = expected_closes(lake, rule.dates)
    assert rows.keys() == expected.keys()
    for key, (close, mean) in expected.items():
        assert rows[key]["close_price"] == close
        assert rows[key][f"close_ma_{rule.dates}"] == (mean if mean is None else pytest.approx(mean, rel=1e-12)), key

    copy = []
    for key in sorted(lake.objects("history/b3/")):
        table = lake.read(key)
        assert table.schema.equals(rule.history), key
        copy += table.to_pylist()
    ordered = sorted(rows, key=lambda key: (key[1].year, *key))
    factors = {"split_factor": 1.0, "adj_factor": 1.0}  # no bar has an event
    assert [{name: row[name] for name in row if name != "daily_return"} for row in copy] == [
        {"ticker": key[0], **rows[key], **factors, "adj_close_price": rows[key]["close_price"]} for key in ordered
    ]

    for table_name, schema in ((REFINED_TABLE, rule.schema), (HISTORY_TABLE, rule.history)):
        columns = list(glue_types(schema).items())
        table = lake.glue.get_table(DatabaseName=lake.database, Name=table_name)["Table"]
        assert columns_of(table) == columns
        partitions = lake.glue.get_partitions(DatabaseName=lake.database, TableName=table_name)["Partitions"]
        assert [columns_of(partition) for partition in partitions] == [columns] * len(partitions)
    assert len(lake.registered(REFINED_TABLE)) == len(rows)
    assert set(lake.registered(HISTORY_TABLE)) == {(str(when.year),) for _, when in rows}


def columns_of(definition: dict[str, Any]) -> list[tuple[str, str]]:
    return [(column["Name"], column["Type"]) for column in definition["StorageDescriptor"]["Columns"]]


@pytest.fixture
def filled(lake: SmallLake) -> SmallLake:
    lake.fill(["PETR4", "VALE3"], range(13))
    return lake


def test_the_columns_and_the_window_change_forth_and_back(filled: SmallLake, spark: SparkSession) -> None:
    run_by(filled, spark, CURRENT_RULE)
    filled.check()
    check(filled, CURRENT_RULE)
    before = {key: etag for key, (etag, _) in filled.objects("").items()}

    assert run_by(filled, spark, OTHER)["written_objects"] == 26
    check(filled, OTHER)
    assert run_by(filled, spark, OTHER)["passes"] == 1
    assert run_by(filled, spark, OTHER)["refined_partitions"] == 0

    assert run_by(filled, spark, CURRENT_RULE)["written_objects"] == 26
    filled.check()
    check(filled, CURRENT_RULE)
    assert {key: etag for key, (etag, _) in filled.objects("").items()} == before


def test_another_window_alone_makes_every_partition_stale(filled: SmallLake, spark: SparkSession) -> None:
    """Its column has the same name here, so that only the digest can tell."""
    columns = [("trade_date", pa.date32())] + [
        (name, pa.float64()) for name in ("close_price", "dividends", "stock_splits")
    ]
    short = Rule(pa.schema(columns), dates=2)
    run_by(filled, spark, short)
    assert run_by(filled, spark, replace(short, dates=3))["refined_partitions"] == 26
    assert run_by(filled, spark, replace(short, dates=3))["refined_partitions"] == 0


def test_a_partial_run_by_another_rule_loses_no_row_of_the_copy(filled: SmallLake, spark: SparkSession) -> None:
    """Rows that it may not touch keep their old columns: what they have of the new ones is copied, the rest is null."""
    run_by(filled, spark, OTHER)
    summary = run_by(filled, spark, CURRENT_RULE, "--tickers", "PETR4")
    assert summary["refined_partitions"] == 13
    rows = {(row["ticker"], row["trade_date"]): row for row in filled.history()}
    assert len(rows) == 26
    for (ticker, when), row in rows.items():
        (close, _), old = expected_closes(filled, 5)[ticker, when], ticker == "VALE3"
        assert (row["close_price"], row["bar_count"]) == (close, None if old else 1)
    run_by(filled, spark, CURRENT_RULE)
    filled.check()
    check(filled, CURRENT_RULE)


def test_killed_before_it_was_noted_the_change_of_columns_is_done_again(
    filled: SmallLake, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_by(filled, spark, OTHER)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("b3lake.refine.run.update_columns", fail)
        with pytest.raises(KeyboardInterrupt):
            run_by(filled, spark, CURRENT_RULE)
    filled.put("PETR4", day(13), bar(day(13), 3.0))
    run_by(filled, spark, CURRENT_RULE)
    filled.check()
    check(filled, CURRENT_RULE)


def test_every_column_has_one_expression(spark: SparkSession) -> None:
    given = [*columns_of_the_day(), *columns_of_the_dates_before(MOVING_AVERAGE_DATES), "trade_date"]
    assert sorted(given) == sorted(REFINED_SCHEMA.names)
