"""The doctor follows each ticker's prices from row to row, and names what no event of the rows explains."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b3lake.ingest.doctor.series import PriceSeries
from b3lake.ingest.parquet import encode
from b3lake.lake.schemas import RAW_SCHEMA
from devlake.fake_yahoo import FakeYahoo
from devlake.traded_days import TradedDay, facts, trade
from devlake.yahoo_share import YahooShare
from tests.ingest.lake_cases import TestLake, key_of, table
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures

CLOSES = [4000, 4040, 4010, 1010, 1005, 10100, 10050]
EVENTS = {3: ("0.50", "4"), 5: ("0", "0.1")}
SPLIT, GROUPING = 3, 5


def rows_of(ticker: str, days: list[TradedDay], **changes: list[object]) -> pa.Table:
    """The facts of `days` as bronze rows."""
    known = list(facts(days))
    columns = {name: [row[name] for row in known] for name in known[0] if name != "day"}
    return table(ticker, [day.day for day in days], **(columns | changes))


def steps_of(*batches: pa.Table) -> list[tuple[str, dt.date, float]]:
    series = PriceSeries()
    for batch in batches:
        series.note(batch)
    return [(ticker, step.day, step.ratio) for ticker, step in series.steps()]


def test_facts_have_no_steps():
    assert steps_of() == []
    assert steps_of(rows_of("PETR4", trade(CLOSES, EVENTS)), rows_of("VALE3", trade(CLOSES, EVENTS))) == []


@pytest.mark.parametrize("unknown", [None, 0.0])
def test_a_missing_split_and_a_wrong_one_are_named_with_the_ratio(unknown: float | None):
    days = trade(CLOSES, EVENTS)
    splits: list[object] = [unknown] * 7
    assert steps_of(rows_of("PETR4", days, stock_splits=splits)) == [
        ("PETR4", days[SPLIT].day, 4.0),
        ("PETR4", days[GROUPING].day, 0.1),
    ]
    splits[SPLIT], splits[GROUPING] = 4.0, 10.0
    assert steps_of(rows_of("PETR4", days, stock_splits=splits)) == [("PETR4", days[GROUPING].day, 0.1)]


@given(st.data())
def test_order_batches_and_other_tickers_make_no_difference(data: st.DataObject):
    days = trade(CLOSES, EVENTS)
    missing = rows_of("PETR4", days, stock_splits=[0.0] * 7)
    others = [rows_of(ticker, days) for ticker in ("ABEV3", "VALE3")]
    everything = pa.concat_tables([missing, *others])
    shuffled = everything.take(pa.array(data.draw(st.permutations(range(len(everything)))), pa.int64()))
    cut = data.draw(st.integers(0, len(shuffled)))
    assert steps_of(shuffled.slice(0, cut), shuffled.slice(cut)) == [
        ("PETR4", days[SPLIT].day, 4.0),
        ("PETR4", days[GROUPING].day, 0.1),
    ]


def test_shorter_bars_make_a_day_together():
    days = trade(CLOSES, EVENTS)
    bars = rows_of("PETR4", days)
    later = np.array(bars["ts"].to_pylist(), "datetime64[us]") + np.timedelta64(1, "h")
    second = bars.set_column(bars.column_names.index("ts"), "ts", pa.array(later))
    for name in ("dividends", "stock_splits"):
        second = second.set_column(second.column_names.index(name), name, pa.array([0.0] * 7))
    assert steps_of(second, bars) == []
    assert len(steps_of(second)) == 2


def test_impossible_rows_and_carried_ones_are_no_part_of_the_series():
    days = trade(CLOSES, EVENTS)
    bars = rows_of("PETR4", days)
    holiday = table("PETR4", [dt.date(2023, 3, 4)], price=1.0, volume=[0])
    broken = bars.slice(4, 1).set_column(bars.column_names.index("close"), "close", pa.array([0.0]))
    assert steps_of(bars.slice(0, 4), holiday, broken, bars.slice(5)) == []


def test_the_command_names_it_and_fix_leaves_it(command: Command, fake_yahoo: FakeYahoo, lake: TestLake):  # noqa: F811
    days = trade(CLOSES, EVENTS)
    share = YahooShare("PETR4.SA", days, forgotten={days[SPLIT].day}, applied={days[SPLIT].day: 0})
    fake_yahoo.scripted["PETR4.SA"] = [share]
    now = dt.datetime.combine(days[-1].day, dt.time(23, 30), dt.timezone.utc)
    assert command.fetch_at(now, "--tickers", "PETR4", "--start-date", str(days[0].day)) == 0
    before = lake.everything()
    assert command.doctor("--json", "--fix") == 3
    (finding, summary) = map(json.loads, command.out.splitlines())
    assert finding == {
        "finding": "unexplained-step",
        "ticker": "PETR4",
        "day": str(days[SPLIT].day),
        "detail": "the close goes from 40.1 to 10.1 and no split is listed; a ratio of 4 would explain it",
    }
    assert summary["summary"]["repaired"] == 0
    assert lake.everything() == before
    assert command.doctor() == 3
    assert "a ratio of 4 would explain it" in command.out
    # What Yahoo knows later repairs it: only the day of the split is written again.
    share.forgotten, share.applied = set(), {}
    assert command.fetch_at(now, "--tickers", "PETR4", "--start-date", str(days[0].day), "--json") == 0
    assert (command.summary()["written"], command.summary()["unchanged"]) == (1, 6)
    assert command.doctor() == 0


def test_a_series_of_two_sources_has_no_step(command: Command, fake_yahoo: FakeYahoo, lake: TestLake):  # noqa: F811
    """Rows of B3 up to the split, and of Yahoo, which was asked after it, from then on."""
    days = trade(CLOSES, EVENTS)
    fake_yahoo.scripted["PETR4.SA"] = [YahooShare("PETR4.SA", days)]
    now = dt.datetime.combine(days[-1].day, dt.time(23, 30), dt.timezone.utc)
    assert command.fetch_at(now, "--tickers", "PETR4", "--start-date", str(days[0].day)) == 0
    official = rows_of("PETR4", days[:3], source=["b3"] * 3, dividends=[None] * 3, stock_splits=[None] * 3)
    for i, day in enumerate(days[:3]):
        body = encode(official.slice(i, 1).select(RAW_SCHEMA.names))
        lake.s3.put_object(Bucket=lake.bucket, Key=key_of(day.day), Body=body)
    assert command.doctor() == 0
