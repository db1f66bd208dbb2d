"""The page's data about the lake, before any browser."""

import base64
import datetime as dt
import gzip
import json
import math
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from b3lake.report.describe_lake import describe_lake
from b3lake.report.encode import encode, pack
from b3lake.report.lines import line_expression, parse_lines
from b3lake.report.read_lake import EVENTS, INSTRUMENTS, RATES
from tests.ask.page_data import CALENDAR, NOW, invent_history, read_content, write_invented


def test_series_are_the_rows_of_the_history() -> None:
    history = invent_history(["PETR4", "VALE3"], 60)
    data = describe_lake(read_content(history), CALENDAR, NOW)
    assert data["sessions"] == [day.isoformat() for day in CALENDAR[-60:]]
    assert [series["ticker"] for series in data["tickers"]] == ["PETR4", "VALE3"]
    rows = history[history["ticker"] == "VALE3"]
    series = data["tickers"][1]
    assert series["days"] == list(range(60))
    assert series["close"] == rows["close_price"].tolist()
    assert series["volume"] == rows["total_volume"].tolist()
    assert series["adjust"] == rows["adj_factor"].tolist()
    assert series["split"] == rows["split_factor"].tolist()
    assert [(event["at"], event["cash"], event["ratio"]) for event in series["events"]] == [
        (28, 0.31, 0),
        (50, 0, 2),
        (57, 0.31, 0),
    ]
    assert series["turnover"] == [None] * 60


def test_names_rates_and_what_b3_told_stand_beside_the_rows() -> None:
    history = invent_history(["PETR4", "VALE3"], 60)
    ex = CALENDAR[-60:][28]
    told = {"ticker": "PETR4", "ex_date": ex, "kind": "jcp", "value": 0.31, "payment_date": dt.date(2024, 3, 1)}
    name = {"ticker": "PETR4", "name": "PETROBRAS", "kind": "share", "spec": "PN      N2"}
    rates = [{"day": day, "value": 0.04} for day in CALENDAR[-60:-1]]
    content = read_content(
        history,
        events=pa.Table.from_pylist([told], EVENTS),
        instruments=pa.Table.from_pylist([name], INSTRUMENTS),
        rates=pa.Table.from_pylist(rates, RATES),
    )
    data = describe_lake(content, CALENDAR, NOW)
    petrobras, vale = data["tickers"]
    assert (petrobras["name"], petrobras["kind"], petrobras["spec"]) == ("PETROBRAS", "share", "PN      N2")
    assert vale["name"] is None
    assert petrobras["events"][0]["told"] == [["jcp", 0.31, "2024-03-01"]]
    assert [event["told"] for event in vale["events"]] == [[], [], []]
    assert data["cdi"] == [0.04] * 59 + [None]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_infinite_or_none_is_left_out(value: float) -> None:
    history = invent_history(["PETR4"], 8)
    at = history.index[3]
    history.loc[at, ["close_price", "adj_factor", "dividends"]] = value
    data = describe_lake(read_content(history), CALENDAR, NOW)
    [series] = data["tickers"]
    assert series["close"][3] is None
    assert series["adjust"][3] == 1.0
    assert series["events"] == []
    assert pack(data)


def test_gaps_are_told_apart_and_are_runs() -> None:
    history = invent_history(["PETR4", "VALE3"], 12)
    whole, lone = CALENDAR[-3], CALENDAR[-9:-6]
    lacks = (history["ticker"] == "VALE3") & history["trade_date"].isin(lone) | (history["trade_date"] == whole)
    data = describe_lake(read_content(history[~lacks]), CALENDAR[-12:], NOW)
    assert data["state"]["missing"] == [[f"{whole}", f"{whole}", 1]]
    assert [series["gaps"] for series in data["tickers"]] == [[], [[f"{lone[0]}", f"{lone[-1]}", 3]]]
    assert data["tickers"][1]["days"] == [0, 1, 2, 6, 7, 8, 10, 11], "missing sessions are places without a row"


def test_a_ticker_that_came_late_or_left_early_has_no_gap() -> None:
    history = invent_history(["PETR4", "VALE3"], 10)
    inside = history["trade_date"].between(CALENDAR[-8], CALENDAR[-4])
    data = describe_lake(read_content(history[(history["ticker"] == "PETR4") | inside]), CALENDAR[-10:], NOW)
    assert data["tickers"][1]["gaps"] == []


def test_a_row_on_a_closed_day_and_a_lake_that_is_behind_are_said() -> None:
    history = invent_history(["PETR4"], 3)
    carnival = dt.date(2024, 2, 12)
    history["trade_date"] = [CALENDAR[-5], carnival, CALENDAR[-2]]
    data = describe_lake(read_content(history), CALENDAR[-5:], NOW)
    assert data["state"]["closed_days"] == ["2024-02-12"]
    assert "2024-02-12" in data["sessions"]
    assert data["state"]["behind"] == 1
    assert (data["state"]["first"], data["state"]["last"]) == (CALENDAR[-5].isoformat(), CALENDAR[-2].isoformat())


def test_the_newest_sessions_alone_can_be_shown() -> None:
    data = describe_lake(read_content(invent_history(["PETR4", "VALE3"], 30)), CALENDAR[-30:], NOW, 10)
    assert data["sessions"] == [day.isoformat() for day in CALENDAR[-10:]]
    assert [len(series["days"]) for series in data["tickers"]] == [10, 10]
    assert (data["state"]["sessions"], data["state"]["shown_sessions"], data["state"]["rows"]) == (30, 10, 60)


@pytest.mark.parametrize(("source", "synthetic"), [("yahoo", False), ("b3", False), ("invented", True), ("", True)])
def test_only_known_sources_pass_as_real(source: str, synthetic: bool) -> None:
    state = describe_lake(read_content(invent_history(["PETR4"], 2), source), CALENDAR, NOW)["state"]
    assert state["synthetic"] is synthetic
    assert state["sources"] == [{"name": source, "bars": 2, "real": not synthetic}]


def test_times_are_said_in_utc() -> None:
    state = describe_lake(read_content(invent_history(["PETR4"], 2)), CALENDAR, NOW)["state"]
    assert state["ingested_at"] == "2024-02-16T10:00:00+00:00"
    assert state["built_at"] == "2024-02-16T12:00:00+00:00"


def test_an_empty_lake_is_described() -> None:
    data = describe_lake(read_content(invent_history(["PETR4"], 2)[:0]), [], NOW)
    assert data["tickers"] == []
    assert (data["state"]["last"], data["state"]["rows"], data["state"]["behind"]) == (None, 0, 0)
    assert encode(data)["first"] is None


def decoded(packed: dict[str, Any]) -> dict[str, list[Any]]:
    """A ticker's columns from its encoding, in Python: what decode.js does is compared in the browser's tests."""

    def known_sums(values: list[int | None]) -> list[int | None]:
        total, found = 0, []
        for value in values:
            total += value or 0
            found.append(None if value is None else total)
        return found

    scale, close, last, columns = 10 ** packed["decimals"], known_sums(packed["close"]), 0, {}
    columns["close"] = [None if value is None else value / scale for value in close]
    for name in ("open", "high", "low"):
        last, found = 0, []
        for beside, its in zip(packed[name], close, strict=True):
            last = last if its is None else its
            found.append(None if beside is None else (beside + last) / scale)
        columns[name] = found
    return columns


PRICES = st.none() | st.integers(1, 10**7).map(lambda cents: cents / 100)


@given(st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES), min_size=1, max_size=30))
def test_prices_in_centavos_come_back_exactly(rows: list[tuple[float | None, ...]]) -> None:
    columns = dict(zip(("open", "high", "low", "close"), map(list, zip(*rows, strict=True)), strict=True))
    blank = {"days": list(range(len(rows))), "turnover": [], "adjust": [1.0], "split": [1.0]}
    [packed] = encode({"sessions": [], "cdi": [], "tickers": [columns | blank], "state": {}})["tickers"]
    assert packed["decimals"] == 2
    assert decoded(packed) == columns


@pytest.mark.parametrize(
    ("prices", "decimals"),
    [([10.5, 3.01], 2), ([0.0253], 4), ([0.025312], 6), ([10 / 3, 21.7], 4), ([10 / 3, 0.0071234567], 6), ([None], 2)],
)
def test_as_few_decimals_as_give_prices_back(prices: list[float | None], decimals: int) -> None:
    blank = dict.fromkeys(("open", "high", "low", "close"), prices)
    blank |= {"days": [0], "turnover": [], "adjust": [1.0], "split": [1.0]}
    [packed] = encode({"sessions": [], "cdi": [], "tickers": [blank], "state": {}})["tickers"]
    assert packed["decimals"] == decimals


def test_rows_travel_as_lines() -> None:
    schema = pa.schema([("ticker", pa.string()), ("day", pa.date32()), ("close", pa.float64()), ("shares", pa.int64())])
    assert line_expression(["day", "close"]).count("||") == 2
    answer = pa.table({"ticker": ["A", "A"], "line": ["2024-01-02;1.5E1;", "2024-01-03;;7"]})
    assert parse_lines(answer, schema).to_pylist() == [
        {"ticker": "A", "day": dt.date(2024, 1, 2), "close": 15.0, "shares": None},
        {"ticker": "A", "day": dt.date(2024, 1, 3), "close": None, "shares": 7},
    ]
    infinite = parse_lines(pa.table({"ticker": ["A"], "line": ["2024-01-02;Infinity;1"]}), schema)
    assert math.isinf(infinite["close"][0].as_py())
    assert parse_lines(answer[:0], schema).schema == schema


def test_no_text_of_the_data_is_in_the_markup() -> None:
    page = write_invented(invent_history(["</script><img src=x onerror=window.hacked=1>"], 3))
    assert "hacked" not in page
    packed = re.search(r'id="data">([^<]*)<', page)
    assert packed
    assert "hacked" in json.dumps(json.loads(gzip.decompress(base64.b64decode(packed[1]))))


def test_ten_years_of_fifty_tickers_are_small_and_ask_for_nothing_from_elsewhere() -> None:
    history = invent_history([f"TICK{number}" for number in range(50)], 2500)
    history["turnover"] = (history["close_price"] * history["total_volume"]).round(2)
    assert len(history) == 125_000
    page = write_invented(history)
    assert len(page.encode()) < 6_000_000
    rest = re.sub(r'(?s)<script type="application/octet-stream".*?</script>', "", page)
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)""", rest) == []
    assert set(re.findall(r"https?://[^\"' ]+", rest)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page


def test_library_travels_whole() -> None:
    page = write_invented(invent_history(["PETR4"], 2))
    packed = re.search(r'id="library">([^<]+)<', page)
    assert packed
    assert gzip.decompress(base64.b64decode(packed[1])).decode() == get_plotlyjs()


def test_two_pages_share_no_nonce() -> None:
    nonces = {re.search(r"'nonce-([^']+)'", write_invented(invent_history(["PETR4"], 2)))[1] for _ in range(2)}
    assert len(nonces) == 2
