"""The report of a comparison: each column of its table, each field of its JSON, each of the four prices by itself."""

import datetime as dt
import json

import pyarrow as pa
import pytest

from b3lake.ingest.run_report import write_comparison
from b3lake.ingest.verify import Comparison, Difference, differences

FIRST, LAST = dt.date(2024, 5, 2), dt.date(2024, 5, 3)
SPLIT = Difference("PETR4", FIRST, LAST, 2, 1.331, "high", 10.5, 13.97555)
PRICE = Difference("BBDC4", LAST, LAST, 1, None, "low", 0.034, 0.02531)
BOTH = Comparison(7, [SPLIT, PRICE], {"IBOV": "B3's files hold shares, [no] index"})


def test_the_table_has_both_prices_each_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    write_comparison(BOTH, json_lines=False)
    head, split, price, lacking, total = capsys.readouterr().out.splitlines()
    assert " ".join(head.split()) == "ticker first day last day days difference worst price Yahoo B3"
    assert split.split() == [
        *("PETR4", "2024-05-02", "2024-05-03", "2", "factor", "1.331,", "unexplained"),
        *("high", "10.5000", "13.9756"),
    ]
    assert price.split() == ["BBDC4", "2024-05-03", "2024-05-03", "1", "prices", "differ", "low", "0.0340", "0.0253"]
    values = ("2024-05-02", "2024-05-03", "factor", "high", "10.5000", "13.9756")
    names = ("first day", "last day", "difference", "worst price", "Yahoo", "B3")
    assert [split.index(value) for value in values] == [head.index(name) for name in names], "each under its name"
    assert lacking == "IBOV could not be compared: B3's files hold shares, [no] index"
    assert total == "7 days compared, 3 with differences."


def test_without_differences_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    write_comparison(Comparison(1, [], {}), json_lines=False)
    assert capsys.readouterr().out == "1 day compared, 0 with differences.\n"


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    write_comparison(BOTH, json_lines=True)
    split, price, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert split == {
        "ticker": "PETR4",
        "start": "2024-05-02",
        "end": "2024-05-03",
        "days": 2,
        "factor": 1.331,
        "column": "high",
        "yahoo": 10.5,
        "b3": 13.97555,
    }
    assert (price["factor"], price["column"], price["ticker"]) == (None, "low", "BBDC4")
    assert summary == {
        "summary": {
            "days_compared": 7,
            "differences": 2,
            "not_compared": {"IBOV": "B3's files hold shares, [no] index"},
        }
    }


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
def test_each_price_is_compared(column: str) -> None:
    prices = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0}
    yahoo = prices | {column: prices[column] + 0.05}
    sides = {name: [value] for name, value in yahoo.items()} | {f"b3_{name}": [v] for name, v in prices.items()}
    (found,) = differences(pa.table({"ticker": ["PETR4"], "day": [FIRST], **sides}))
    assert found == Difference("PETR4", FIRST, FIRST, 1, None, column, prices[column] + 0.05, prices[column])
