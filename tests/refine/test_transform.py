"""Spark's rows against plain pandas, over random lakes."""

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from b3lake.lake.schemas import REFINED_SCHEMA
from b3lake.refine.bars import BARS
from b3lake.refine.plan import READS
from b3lake.refine.read import BAR_ROWS, Found, bar_rows
from b3lake.refine.rule import CURRENT_RULE
from b3lake.refine.spark import pack, parts_of, spark_columns
from b3lake.refine.transform import transform
from tests.refine.small_lake import Key, assert_same, bar, day, expected_rows

pytestmark = pytest.mark.slow

PRICES = st.one_of(
    st.none(), st.floats(0.01, 5000, allow_nan=False), st.just(float("nan")), st.integers(1, 100).map(float)
)
SPLITS = st.sampled_from([None, 0.0, 0.0, 0.0, 4.0, 0.1, 1.05])
VOLUMES = st.one_of(st.none(), st.integers(0, 10**12))
BARS_OF_A_DAY = st.lists(
    st.fixed_dictionaries(
        dict.fromkeys(("open", "high", "low", "close", "turnover"), PRICES)
        | {"minute": st.integers(0, 3), "volume": VOLUMES, "trades": st.one_of(st.none(), st.integers(0, 10**6))}
        | {"dividends": st.sampled_from([None, 0.0, 0.0, 0.31, 4.5]), "stock_splits": SPLITS}
    ),
    min_size=1,
    max_size=4,
)
# None is an unreadable object. Each example is a lake of many tickers, for a Spark job costs the same with one.
TICKER = st.dictionaries(st.integers(0, 11), st.one_of(BARS_OF_A_DAY, BARS_OF_A_DAY, st.none()), min_size=1)
LAKES = st.lists(TICKER, min_size=16, max_size=32)


def spark_rows(spark: SparkSession, lake: dict[Key, list[dict[str, Any]] | None]) -> dict[Key, dict[str, Any]]:
    """The rows that the job's transformation makes of these bars, read in any order."""
    reads = [
        {
            "ticker": ticker,
            "day": (when - date(1970, 1, 1)).days,
            "target": True,
            "registered": False,
            "published": None,
        }
        for ticker, when in lake
    ]
    objects = [
        Found(number, pa.Table.from_pylist([{name: b[name] for name in BARS.names} for b in bars], BARS))
        if bars
        else Found(number, error="bad")
        for number, bars in enumerate(lake.values(), start=1)
    ]
    blob = pack(bar_rows(pa.Table.from_pylist(reads, schema=READS), objects))

    def bars(batches: Any) -> Any:
        for _ in batches:
            pass
        yield from pa.ipc.open_stream(blob).read_all().to_batches(max_chunksize=7)

    source = parts_of(spark, pa.table({"one": [1]})).mapInArrow(bars, spark_columns(BAR_ROWS)).repartition(3)
    rows = transform(source, CURRENT_RULE).where("error is null").collect()
    result = {}
    for row in rows:
        when = date(1970, 1, 1) + timedelta(days=row["day"])
        result[row["ticker"], when] = {name: row[name] for name in REFINED_SCHEMA.names}
    return result


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(tickers=LAKES)
def test_spark_and_pandas_agree(spark: SparkSession, tickers: list[dict[int, Any]]) -> None:
    lake: dict[Key, list[dict[str, Any]] | None] = {}
    for number, days in enumerate(tickers):
        for n, bars in days.items():
            made = None if bars is None else [bar(day(n), **own) for own in bars]
            lake[f"T{number}", day(n)] = made
    expected, rows = expected_rows(lake), spark_rows(spark, lake)
    assert set(rows) == set(expected)
    for key, row in expected.items():
        assert_same(rows[key], row, key)


def test_what_has_no_room_or_no_end_is_null(spark: SparkSession) -> None:
    """Another hand's infinities, and sums that an int, a bigint or a double cannot hold; the day after is as ever."""
    most, infinite = 2**63 - 1, float("inf")
    odd = [
        bar(day(0), minute=0, open=infinite, high=infinite, low=-infinite, volume=most, trades=2**31 - 1),
        bar(day(0), minute=1, open=3.0, high=4.0, low=2.0, close=3.5, volume=1, trades=1),
    ]
    odd[0] |= {"close": infinite, "turnover": 1.5e308, "dividends": infinite, "stock_splits": infinite}
    odd[1] |= {"turnover": 1.5e308}
    plain = [bar(day(1), open=3.0, high=4.0, low=2.0, close=3.75, volume=most, trades=2**31 - 1, turnover=1.5e308)]
    rows = spark_rows(spark, {("T", day(0)): odd, ("T", day(1)): plain})
    first, second = rows["T", day(0)], rows["T", day(1)]
    prices = ("open_price", "high_price", "low_price", "close_price")
    assert [first[name] for name in prices] == [3.0, 4.0, 2.0, 3.5]
    assert {first[name] for name in ("total_volume", "trades", "turnover", "dividends", "stock_splits")} == {None}
    assert (second["total_volume"], second["trades"], second["turnover"]) == (most, 2**31 - 1, 1.5e308)
    assert second["close_delta"] == 0.25
    high = [[bar(day(n), open=1e308, high=1e308, low=1e308, close=1e308)] for n in range(5)]
    last = spark_rows(spark, {("T", day(n)): bars for n, bars in enumerate(high)})["T", day(4)]
    assert (last["close_price"], last["close_ma_5"], last["close_delta"]) == (1e308, None, 0.0)
