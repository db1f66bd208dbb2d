"""A lake that is filled from Yahoo in pieces, with splits and dividends between, is the lake that is filled at once."""

import datetime as dt

import pytest

from devlake.fake_yahoo import FakeYahoo
from devlake.traded_days import TradedDay, facts, trade
from devlake.yahoo_share import YahooShare
from tests.ingest.lake_cases import TestLake, key_of
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures

EVENTS = {
    6: ("0.4702", "1"),
    14: ("1.25", "4"),
    27: ("0", "0.1"),
    31: ("0.3333", "1.05"),
    44: ("0", "2"),
    50: ("0.05", "1"),
}
"""Four dividends; a split of 4, a grouping of ten, a bonus of 5 %, a split of 2. By position of the session."""
ENDS = (10, 22, 38, 55)
"""The last session of each step."""
FACTS = ("open", "high", "low", "close", "volume", "dividends", "stock_splits")


def invented() -> list[TradedDay]:
    """Sessions around EVENTS whose closes wander by a per cent a day, in cents."""
    closes, shares = [], 1.0
    for i in range(ENDS[-1] + 1):
        shares *= float(EVENTS.get(i, ("0", "1"))[1])
        closes.append(round(12_591 * (1 + 0.01 * ((i * 7) % 5 - 2)) / shares))
    return trade(closes, EVENTS)


def evening(day: TradedDay) -> dt.datetime:
    """When the day's session is final."""
    return dt.datetime.combine(day.day, dt.time(23, 30), dt.timezone.utc)


@pytest.fixture
def versioned(lake: TestLake) -> TestLake:
    """The lake, in a bucket that keeps every version: one that is put again with the same bytes shows too."""
    lake.s3.put_bucket_versioning(Bucket=lake.bucket, VersioningConfiguration={"Status": "Enabled"})
    return lake


def versions(lake: TestLake) -> dict[str, int]:
    """How often each object was put."""
    pages = lake.s3.get_paginator("list_object_versions").paginate(Bucket=lake.bucket)
    counts: dict[str, int] = {}
    for page in pages:
        for version in page.get("Versions", []):
            counts[version["Key"]] = counts.get(version["Key"], 0) + 1
    return counts


@pytest.mark.parametrize("again", ["everything again", "the last sessions again"])
def test_four_steps_write_each_object_once_and_are_the_lake_of_one_step(
    command: Command,  # noqa: F811
    fake_yahoo: FakeYahoo,
    versioned: TestLake,
    again: str,
):
    days = invented()
    share = YahooShare("PETR4.SA", days)
    fake_yahoo.scripted[share.symbol] = [share]
    filled = 0
    for end in ENDS:
        share.today = days[end].day
        start = days[0] if again == "everything again" or not filled else days[filled - 3]
        assert command.fetch_at(evening(days[end]), "--tickers", "PETR4", "--start-date", str(start.day), "--json") == 0
        summary = command.summary()
        assert (summary["written"], summary["unexplained_steps"]) == (end + 1 - filled, 0)
        filled = end + 1
    assert versions(versioned) == {key_of(day.day): 1 for day in days}
    in_pieces = versioned.everything()
    assert [_facts_of(versioned, day) for day in days] == [_without_day(row) for row in facts(days)]

    at_once = versioned.another("at-once")
    whole = ("--start-date", str(days[0].day), "--end-date", str(days[-1].day))
    assert command.fetch_at(evening(days[-1]), "--tickers", "PETR4", "--bucket", at_once.bucket, *whole) == 0
    assert at_once.everything() == in_pieces


def test_yahoo_itself_tells_other_numbers_at_each_step():
    """Else the test above could not fail: the first close as Yahoo prints it after each step."""
    days = invented()
    closes = [YahooShare("PETR4.SA", days, days[end].day).bars()[0]["close"] for end in ENDS]
    first = days[0].prices[-1] / 100
    assert closes == pytest.approx([first, first / 4, first / 0.42, first / 0.84])


def _facts_of(lake: TestLake, day: TradedDay) -> dict[str, object]:
    (row,) = lake.rows(key_of(day.day))
    return {name: row[name] for name in FACTS}


def _without_day(row: dict[str, object]) -> dict[str, object]:
    return {name: row[name] for name in FACTS}
