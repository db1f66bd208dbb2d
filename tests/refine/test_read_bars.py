"""Reading raw objects: the columns that are read and cast, and the sentences of those refused."""

import contextlib
import io
from datetime import date, datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.refine.bars import BARS, read_bars
from b3lake.refine.errors import RefineError

NOON = datetime.fromisoformat("2024-01-02T12:00")


def parquet(**columns: pa.Array) -> bytes:
    own = {
        "ts": pa.array([NOON], pa.timestamp("us")),
        **{name: pa.array([1.5]) for name in ("open", "high", "low", "close", "turnover", "dividends", "stock_splits")},
        "volume": pa.array([100], pa.int64()),
        "trades": pa.array([3], pa.int32()),
    }
    table = pa.table({name: column for name, column in (own | columns).items() if column is not None})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def read(**columns: pa.Array) -> dict[str, object]:
    table = read_bars(parquet(**columns))
    assert table.schema.equals(BARS)
    return table.to_pylist()[0]


def refusal(data: bytes) -> str:
    with pytest.raises(RefineError) as caught:
        read_bars(data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("volume", pa.array([250.0]), 250),
        ("volume", pa.array([250], pa.int32()), 250),
        ("volume", pa.nulls(1), None),
        ("close", pa.array([7], pa.int64()), 7.0),
        ("close", pa.array([0.5], pa.float32()), 0.5),
        ("ts", pa.array([NOON], pa.timestamp("ns")), NOON),
        ("ts", pa.array([NOON], pa.timestamp("ms")), NOON),
        ("ts", pa.array([NOON.replace(tzinfo=timezone.utc)], pa.timestamp("us", "UTC")), NOON),
        ("ts", pa.array([NOON.replace(tzinfo=timezone.utc)], pa.timestamp("ns", "America/Sao_Paulo")), NOON),
        ("ts", pa.array([date(2024, 1, 2)], pa.date32()), NOON.replace(hour=0)),
    ],
)
def test_type_drift_that_loses_nothing_is_cast(name: str, column: pa.Array, value: object) -> None:
    assert read(**{name: column})[name] == value


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"volume": pa.array([250.5])}, "column volume is double, not int64: Float value 250.5"),
        ({"volume": pa.array(["250"])}, "column volume is string, not int64"),
        ({"volume": pa.array([date(2024, 1, 2)])}, "column volume is date32[day], not int64"),
        ({"ts": pa.array(["2024-01-02"])}, "column ts is string, not timestamp[us]"),
        ({"close": pa.array([True])}, "column close is bool, not double"),
        ({"close": pa.array([2**60 + 1])}, "column close is int64, not double: Integer value"),
        ({"ts": pa.array([1], pa.int64())}, "column ts is int64, not timestamp[us]"),
        ({"ts": pa.nulls(1)}, "a bar has no ts"),
        ({"close": None, "volume": None}, "it has no column close, volume"),
    ],
)
def test_drift_that_loses_something_is_refused(columns: dict[str, pa.Array], words: str) -> None:
    assert refusal(parquet(**columns)).startswith(words)


def test_an_object_without_bars_or_without_parquet_is_refused() -> None:
    whole = parquet()
    empty = parquet(**{name: pa.array([], BARS.field(name).type) for name in BARS.names})
    assert refusal(empty) == "it holds no bars"
    assert refusal(b"").startswith("it is no Parquet file: ")
    assert refusal(b"PAR1, or is it").startswith("it is no Parquet file: ")
    assert refusal(whole[: len(whole) // 2]).startswith("it is no Parquet file: ")


def test_a_column_twice_is_refused_and_one_that_is_not_read_may_be_anything() -> None:
    def twice(*names: str) -> bytes:
        table = pq.read_table(io.BytesIO(parquet()))
        for name in names:
            table = table.append_column(name, pa.array([1]))
        sink = io.BytesIO()
        pq.write_table(table, sink)
        return sink.getvalue()

    assert refusal(twice("close")) == "it has more than one column close"
    assert refusal(twice("volume", "close", "close")) == "it has more than one column close, volume"
    assert read_bars(twice("isin", "isin", "source")).schema.equals(BARS)


def test_the_columns_that_are_read() -> None:
    prices = [(name, pa.float64()) for name in ("open", "high", "low", "close")]
    sizes = [("volume", pa.int64()), ("turnover", pa.float64()), ("trades", pa.int32())]
    events = [("dividends", pa.float64()), ("stock_splits", pa.float64())]
    assert pa.schema([("ts", pa.timestamp("us")), *prices, *sizes, *events]) == BARS


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_is_refused_or_harmless_and_never_a_crash(data: st.DataObject) -> None:
    damaged = bytearray(parquet())
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=8)):
        damaged[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(RefineError):
        assert read_bars(bytes(damaged)).schema.equals(BARS)
