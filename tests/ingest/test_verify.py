"""Yahoo's quotes beside B3's."""

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pytest

from b3lake.ingest.sources.cotahist import read_file
from b3lake.ingest.verify import PRICES, differences
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_yahoo import FakeYahoo, recorded
from devlake.traded_days import cotahist_records, trade
from devlake.yahoo_share import YahooShare
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures
from tests.ingest.yahoo_cases import answer_with, bar

DAY = dt.date(2022, 2, 3)
OFFICIAL = {"open": 32.35, "high": 32.92, "low": 31.62, "close": 32.07}


def pairs(rows: list[tuple[str, int, float, float]]) -> pa.Table:
    """Rows of ticker, day of May 2024, Yahoo's close, B3's close; the other prices in proportion."""
    shape = {"open": 1.0, "high": 1.1, "low": 0.9, "close": 1.0}
    columns = {
        "ticker": [ticker for ticker, *_ in rows],
        "day": [dt.date(2024, 5, day) for _, day, *_ in rows],
    }
    for name in PRICES:
        columns[name] = [yahoo * shape[name] for *_, yahoo, _ in rows]
        columns[f"b3_{name}"] = [b3 * shape[name] for *_, b3 in rows]
    return pa.table(columns)


def test_a_cent_is_no_difference():
    assert list(differences(pairs([("PETR4", 2, 32.07, 32.07), ("PETR4", 3, 32.075, 32.07)]))) == []


def test_more_than_a_cent_is_a_difference():
    (one,) = differences(pairs([("PETR4", 2, 32.085, 32.07)]))
    assert (one.ticker, one.days) == ("PETR4", 1)


def test_days_of_one_factor_are_one_difference():
    rows = [("BBDC4", 2, 10.0, 13.31), ("BBDC4", 3, 11.0, 14.641), ("BBDC4", 6, 12.0, 12.0), ("VALE3", 2, 60.0, 120.0)]
    found = list(differences(pairs(rows)))
    assert [(one.ticker, one.start.day, one.end.day, one.days, one.factor) for one in found] == [
        ("BBDC4", 2, 3, 2, 1.331),
        ("VALE3", 2, 2, 1, 2.0),
    ]


def test_one_price_off_is_a_difference_without_a_factor():
    table = pairs([("PETR4", 2, 32.0, 32.0)])
    table = table.set_column(table.schema.get_field_index("low"), "low", pa.array([20.0]))
    (one,) = differences(table)
    assert (one.factor, one.column, one.yahoo, round(one.b3, 2)) == (None, "low", 20.0, 28.8)


def test_a_quote_per_thousand_has_a_cent_per_thousand(shared_data: Path):
    """TNLP4 on 2003-02-12: 25.31 per thousand at B3; Yahoo's 0.0340 is a third more, and less than a cent away."""
    (quote,) = read_file(shared_data / "cotahist" / "small" / "COTAHIST_D12022003.TXT").quotes
    answer = json.loads((shared_data / "yahoo_chart" / "small" / "TNLP4.SA-2003-02-12.json").read_text())
    theirs = answer["chart"]["result"][0]["indicators"]["quote"][0]
    columns = {"ticker": ["TNLP4"], "day": [dt.date(2003, 2, 12)]}
    columns |= {name: theirs[name] for name in PRICES} | {f"b3_{name}": [float(quote[name])] for name in PRICES}
    (one,) = differences(pa.table(columns))
    assert (one.ticker, one.days, one.factor) == ("TNLP4", 1, None)
    assert (one.column, one.yahoo, one.b3) == ("close", 0.034, 0.02531)


@pytest.mark.parametrize(("yahoo", "count"), [(0.02531, 0), (0.025319, 0), (0.02533, 1), (0.0252, 1)])
def test_what_a_quote_per_thousand_cannot_tell_is_no_difference(yahoo: float, count: int):
    columns = {"ticker": ["TNLP4"], "day": [DAY]} | {name: [0.02531] for name in PRICES} | {"close": [yahoo]}
    table = pa.table(columns | {f"b3_{name}": [0.02531] for name in PRICES})
    assert len(list(differences(table))) == count


@pytest.mark.parametrize(("factor", "count"), [(1, 0), (10, 1), (1000, 1)])
def test_the_files_own_factor_counts_where_it_is_known(factor: int, count: int):
    """30.00 per thousand is whole cents per share, too: the prices alone do not tell."""
    columns = {"ticker": ["ELET3"], "day": [DAY]} | {name: [0.038] for name in PRICES}
    columns |= {f"b3_{name}": [0.03] for name in PRICES} | {"b3_factor": [factor]}
    assert len(list(differences(pa.table(columns)))) == count


def test_a_third_of_a_quote_per_thousand_is_told(
    command: Command,  # noqa: F811
    fake_yahoo: FakeYahoo,
    shared_data: Path,
):
    fake_yahoo.scripted["TNLP4.SA"] = [recorded(shared_data / "yahoo_chart" / "small" / "TNLP4.SA-2003-02-12.json")]
    files = ("--b3-files", str(shared_data / "cotahist" / "COTAHIST_D12022003.TXT"))
    days = ("--start-date", "2003-02-12", "--end-date", "2003-02-12")
    assert command.verify("--tickers", "TNLP4", *days, *files, "--json") == 3
    (difference, _) = (json.loads(line) for line in command.out.splitlines())
    assert (difference["column"], difference["yahoo"], difference["b3"]) == ("close", 0.034, 0.02531)


def test_a_flat_quote_per_thousand_is_compared_by_its_factor(
    command: Command,  # noqa: F811
    fake_yahoo: FakeYahoo,
    tmp_path: Path,
):
    prices = dict.fromkeys(("open", "high", "low", "close"), 3000)
    path = tmp_path / "COTAHIST_D02052024.TXT"
    path.write_bytes(whole_file([quote(code="ELET3", day=20240502, factor=1000, **prices)]))
    day = dt.date(2024, 5, 2)
    flat = dict.fromkeys(("open", "high", "low", "close"), 0.038)
    fake_yahoo.scripted["ELET3.SA"] = [answer_with([bar(day, **flat)], symbol="ELET3.SA")]
    days = ("--start-date", str(day), "--end-date", str(day))
    assert command.verify("--tickers", "ELET3", *days, "--b3-files", str(path)) == 3
    assert "1 day compared, 1 with differences." in command.out


def test_recorded_day_is_compared_and_nothing_is_written(
    command: Command,  # noqa: F811
    fake_yahoo: FakeYahoo,
    lake,
    shared_data: Path,
):
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(DAY, **OFFICIAL)])]
    halved = {name: value / 2 for name, value in OFFICIAL.items()}
    fake_yahoo.scripted["VALE3.SA"] = [answer_with([bar(DAY, 1.0)], symbol="VALE3.SA")]
    fake_yahoo.scripted["BBDC4.SA"] = [answer_with([bar(DAY)], symbol="WRONG")]
    arguments = ("--start-date", str(DAY), "--end-date", str(DAY), "--json")
    files = ("--b3-files", str(shared_data / "cotahist"))
    assert command.verify("--tickers", "PETR4", *arguments, *files) == 0
    assert command.summary() == {"days_compared": 1, "differences": 0, "not_compared": {}}
    assert command.verify("--tickers", "PETR4,VALE3,BBDC4,^BVSP", *arguments, *files) == 3
    (difference, summary) = (json.loads(line) for line in command.out.splitlines())
    assert (difference["ticker"], difference["column"], difference["b3"]) == ("VALE3", "open", 86.3)
    assert set(summary["summary"]["not_compared"]) == {"BBDC4", "IBOV"}
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(DAY, **halved)])]
    assert command.verify("--tickers", "PETR4", *arguments[:-1], *files) == 3
    assert "factor 2" in command.out
    assert lake.written() == {}


CLOSES = [4000, 4040, 4010, 1010, 1005, 10100, 10050, 9600, 9650, 9700]
EVENTS = {3: ("0.50", "4"), 5: ("0", "0.1"), 7: ("0.31", "1.05")}


@pytest.fixture
def both(command: Command, fake_yahoo: FakeYahoo, tmp_path: Path) -> YahooShare:  # noqa: F811
    """PETR4 as both sources tell of it, B3 in a file of `tmp_path`; gives Yahoo's side."""
    days = trade(CLOSES, EVENTS)
    (tmp_path / "COTAHIST_A2023.TXT").write_bytes(whole_file(cotahist_records("PETR4", days), year=2023))
    share = YahooShare("PETR4.SA", days)
    fake_yahoo.scripted[share.symbol] = [share]
    return share


def compare(command: Command, share: YahooShare, folder: Path) -> list[dict[str, object]]:  # noqa: F811
    """The differences over all days, both ends included."""
    whole = ("--start-date", str(share.days[0].day), "--end-date", str(share.days[-1].day))
    code = command.verify("--tickers", "PETR4", *whole, "--b3-files", str(folder), "--json")
    *found, summary = map(json.loads, command.out.splitlines())
    assert summary["summary"]["days_compared"] == len(share.days)
    assert code == (3 if found else 0)
    return found


def test_numbers_are_equal_on_both_sides_of_splits(command: Command, both: YahooShare, tmp_path: Path):  # noqa: F811
    assert compare(command, both, tmp_path) == []
    # Yahoo's own numbers are not: on the first day it has 40.00 as 95.24.
    assert both.bars()[0]["close"] == pytest.approx(40.00 / 4 / 0.1 / 1.05)


def test_a_split_that_yahoo_applied_and_does_not_list_is_an_unexplained_factor(
    command: Command,  # noqa: F811
    both: YahooShare,
    tmp_path: Path,
):
    split = both.days[3].day
    both.forgotten = {split}
    (one,) = compare(command, both, tmp_path)
    assert (one["start"], one["end"], one["days"], one["factor"]) == ("2023-03-01", "2023-03-03", 3, 4.0)
    whole = ("--start-date", str(both.days[0].day), "--end-date", str(both.days[-1].day))
    assert command.verify("--tickers", "PETR4", *whole, "--b3-files", str(tmp_path)) == 3
    assert "factor 4, unexplained" in command.out


def test_a_split_that_yahoo_lists_and_has_not_applied_makes_no_difference(
    command: Command,  # noqa: F811
    both: YahooShare,
    tmp_path: Path,
):
    """Its prices are then as they were traded."""
    both.applied = {both.days[3].day: 0}
    assert compare(command, both, tmp_path) == []
