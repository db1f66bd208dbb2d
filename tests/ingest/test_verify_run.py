"""A comparison from its request to its exit code, of two sources that answer as they are told to."""

import datetime as dt
import json

import pytest

from b3lake.ingest.commands.verify import VerifyRequest, parse, run
from b3lake.ingest.errors import NoDataError
from b3lake.ingest.sources.source import Delivery, Failure, Notice, Selection
from b3lake.lake.errors import B3LakeError, UsageError
from tests.ingest.lake_cases import DAYS, table
from tests.ingest.scripted_source import Source, bars

NOW = dt.datetime(2024, 5, 9, tzinfo=dt.timezone.utc)
TWO = Selection(("A", "B"), DAYS[0], DAYS[-1], NOW)
A, B = table("A"), table("B")


@pytest.mark.parametrize(
    ("tickers", "said"),
    [
        ("*", "TICKERS=* cannot be compared, for Yahoo is asked for each ticker: list them."),
        ("PETR4,@IBOV", "TICKERS=@… are the members that a lake knows, and this reads no lake: list them."),
    ],
)
def test_what_cannot_be_compared_is_refused(tickers: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(["--tickers", tickers], {}, NOW)
    assert str(refused.value) == said


def test_a_range_without_a_session_is_refused() -> None:
    weekend = Selection(("A",), dt.date(2024, 5, 4), dt.date(2024, 5, 5), NOW)
    with pytest.raises(B3LakeError) as refused:
        run(VerifyRequest(weekend, Source(), Source()))
    assert str(refused.value) == "B3 has no final session from 2024-05-04 to 2024-05-05: choose other days."


@pytest.mark.parametrize(
    ("yahoo", "b3", "code", "said"),
    [
        ([bars(A, B)], [bars(A, B)], 0, ["10 days compared, 0 with differences."]),
        (
            [bars(A, B), Failure(NoDataError("C", "gone"))],  # of nobody that was asked for
            [bars(A, B)],
            0,
            ["10 days compared, 0 with differences."],
        ),
        (
            [bars(A)],
            [bars(A)],
            3,
            ["B could not be compared: B3 has no bars of B", "5 days compared, 0 with differences."],
        ),
        (
            [bars(A), Failure(NoDataError("B", "gone"), "B")],
            [bars(A, B)],
            3,
            ["B could not be compared: gone", "5 days compared, 0 with differences."],
        ),
        (
            [],
            [bars(A, B), Failure(B3LakeError("no file")), Failure(B3LakeError("no folder"))],
            1,
            [
                "A could not be compared: no file; no folder",
                "B could not be compared: no file; no folder",
                "0 days compared, 0 with differences.",
            ],
        ),
    ],
)
def test_what_a_comparison_says_and_returns(
    capsys: pytest.CaptureFixture[str],
    yahoo: list[Delivery | Failure],
    b3: list[Delivery | Failure],
    code: int,
    said: list[str],
) -> None:
    assert run(VerifyRequest(TWO, Source(*yahoo), Source(*b3))) == code
    assert capsys.readouterr().out.splitlines() == said


def test_differences_are_told_and_what_the_sources_say_stands_apart(capsys: pytest.CaptureFixture[str]) -> None:
    yahoo = Source(Notice("Look."), bars(table("A", high=[25.0] * 5)), bars(B))
    b3 = Source(bars(A, B), Failure(B3LakeError("No file of one.")))
    assert run(VerifyRequest(TWO, yahoo, b3, json_lines=True)) == 3
    out, err = capsys.readouterr()
    difference, summary = map(json.loads, out.splitlines())
    assert difference == {
        "ticker": "A",
        "start": "2024-05-02",
        "end": "2024-05-08",
        "days": 5,
        "factor": None,
        "column": "high",
        "yahoo": 25.0,
        "b3": 10.5,
    }
    assert summary == {"summary": {"days_compared": 10, "differences": 1, "not_compared": {}}}
    assert err.splitlines() == ["Look.", "A: fetched", "B: fetched", "A+B: fetched", "No file of one."]
