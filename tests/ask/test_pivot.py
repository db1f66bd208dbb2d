"""Pivoted answers, against pandas; and how tables with units and months are shown."""

import datetime as dt
import io

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from b3lake.ask.errors import QueryError
from b3lake.ask.pivot import pivot
from b3lake.ask.questions import list_queries, read_query
from b3lake.ask.show_rows import print_table
from b3lake.ask.units import unit_of
from b3lake.lake.tables import TABLES

MONTHS = [dt.date(2024, month, 1) for month in (1, 2, 3)]
TICKERS = ["PETR4", "VALE3", "ITUB4", "BBDC4", "BBAS3", "ABEV3", "WEGE3", "B3SA3", "MGLU3", "SUZB3"]


def long(rows: list[tuple[str, dt.date, float | None]]) -> pa.Table:
    tickers, days, values = zip(*rows, strict=True) if rows else ((), (), ())
    columns = [pa.array(tickers, pa.string()), pa.array(days, pa.date32()), pa.array(range(len(rows)), pa.int64())]
    names = ["ticker", "month_start", "sessions", "return_pct"]
    return pa.Table.from_arrays([*columns, pa.array(values, pa.float64())], names=names)


def shown(answer: pa.Table, width: int, **how: bool) -> list[str]:
    sink = io.StringIO()
    print_table(answer, Console(file=sink, width=width), 200, **how)
    return sink.getvalue().splitlines()


@given(st.dictionaries(st.tuples(st.sampled_from(TICKERS), st.dates()), st.none() | st.floats(-99, 99)))
def test_a_pivoted_answer_is_that_of_pandas(cells: dict[tuple[str, dt.date], float | None]) -> None:
    answer = long([(*cell, value) for cell, value in cells.items()])
    frame = answer.to_pandas().pivot(index="month_start", columns="ticker", values="return_pct")
    found = pivot(answer)
    assert found.column_names == ["month_start", *frame.columns]
    assert found["month_start"].to_pylist() == list(frame.index)
    for ticker in frame.columns:
        expected = [None if pd.isna(value) else value for value in frame[ticker]]
        assert found[ticker].to_pylist() == expected


def test_other_numbers_are_named() -> None:
    answer = long([("PETR4", MONTHS[0], 1.5)])
    assert pivot(answer, "sessions").to_pylist() == [{"month_start": MONTHS[0], "PETR4": 0}]


def test_years_that_are_numbers_are_rows() -> None:
    years = pa.array([2024, 2023], pa.int32())
    answer = pa.table({"ticker": ["PETR4", "PETR4"], "calendar_year": years, "return_pct": [1.0, 2.0]})
    assert pivot(answer).schema.field("calendar_year").type == pa.int32()
    assert pivot(answer).to_pylist() == [{"calendar_year": 2023, "PETR4": 2.0}, {"calendar_year": 2024, "PETR4": 1.0}]


@pytest.mark.parametrize(
    ("answer", "value", "said"),
    [
        (pa.table({"n": [1]}), None, "--pivot needs a column ticker, and this answer has n."),
        (pa.table({"ticker": ["A"], "n": [1]}), None, "needs a column of days, months or years, and this answer has"),
        (pa.table({"ticker": ["A"], "day": MONTHS[:1]}), None, "--pivot needs a column of numbers"),
        (long([("A", MONTHS[0], 1.0)]), "nope", "nope is no column of numbers here: take one of sessions, return_pct"),
        (long([("A", MONTHS[0], 1.0)] * 2), None, "one cell for A in 2024-01-01, and the answer two rows"),
    ],
)
def test_what_cannot_be_pivoted_is_said(answer: pa.Table, value: str | None, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        pivot(answer, value)
    assert said in str(caught.value)


def test_months_by_tickers_fit_eighty_columns_in_pieces() -> None:
    answer = pivot(long([(ticker, day, -12.345) for ticker in TICKERS for day in MONTHS]))
    lines = shown(answer, 80, in_pieces=True)
    assert max(map(len, lines)) <= 80
    assert [line.count("-12,35") + line.count("-12,34") for line in lines if "01/2024" in line] == [7, 3]
    heading = lines.index(next(line for line in lines if "ABEV3" in line))
    assert lines[heading + 1].split("┃")[2].strip() == "%"
    assert lines[-1] == "3 rows"


@pytest.mark.parametrize("width", range(20, 130, 7))
def test_no_number_is_cut_whatever_the_width(width: int) -> None:
    answer = pa.table({"ticker": ["PETR4"], **{f"price_{n}": [1234567.8901 + n] for n in range(7)}})
    text = "\n".join(shown(answer, width))
    assert text.count("1.234.56") + text.count("1.234.57") == text.count(",89") == 7


def test_units_are_in_the_headings_and_per_cent_has_two_decimals() -> None:
    answer = pa.table({"ticker": ["PETR4"], "close_price": [38.2], "return_pct": [1.23456], "sessions": [5]})
    lines = shown(answer, 80)
    assert [cell.strip() for cell in lines[2].strip("┃").split("┃")] == ["", "R$", "%", ""]
    assert [cell.strip() for cell in lines[4].strip("│").split("│")] == ["PETR4", "38,20", "1,23", "5"]
    assert shown(answer, 30)[:3] == ["ticker            PETR4", "close_price (R$)  38,20", "return_pct (%)    1,23"]


def test_an_index_has_points() -> None:
    answer = pa.table({"ticker": ["IBOV", "PETR4"], "close_price": [130000.0, 38.2]})
    assert "R$, points" in shown(answer, 80)[2]
    assert "R$, points" in shown(pa.table({"IBOV": pa.array([1.0])}, schema=_of("IBOV", "close_price")), 80)[2]


def _of(name: str, column: str) -> pa.Schema:
    return pa.schema([pa.field(name, pa.float64(), metadata={"of": column})])


def test_the_tables_columns_of_money_have_its_unit() -> None:
    """Of the columns that the data dictionary gives in BRL or per cent, none is without a unit."""
    named = {column for table in TABLES.values() for column in table.columns.names}
    with_unit = {column for column in named if unit_of(column)}
    prices = {"open", "high", "low", "close", "turnover", "dividends", "close_ma_5", "close_delta"}
    prices |= {"open_price", "high_price", "low_price", "close_price", "adj_close_price"}
    assert with_unit == prices | {"volume", "total_volume", "quantity", "weight"}


def test_every_question_names_per_cent_so() -> None:
    for name in list_queries():
        sql = read_query(name)
        for column in [line.rpartition(" AS ")[2].strip(" ,") for line in sql.splitlines() if "100 *" in line]:
            assert not column.isidentifier() or unit_of(column) == "%", (name, column)
