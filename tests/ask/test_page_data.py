"""The page's data about the lake, before any browser."""

import base64
import datetime as dt
import gzip
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from b3lake.report.describe_lake import describe_lake
from b3lake.report.write_page import embed_json
from tests.ask.page_data import CALENDAR, NOW, invent_refined, read_content, write_invented


def test_series_are_the_refined_rows() -> None:
    refined = invent_refined(["PETR4", "VALE3"], 8)
    data = describe_lake(read_content(refined), CALENDAR, NOW)
    assert data["sessions"] == [day.isoformat() for day in CALENDAR[-8:]]
    assert [series["ticker"] for series in data["tickers"]] == ["PETR4", "VALE3"]
    rows = refined[refined["ticker"] == "VALE3"]
    series = data["tickers"][1]
    assert series["days"] == list(range(8))
    assert series["close"] == rows["close_price"].tolist()
    assert series["volume"] == rows["total_volume"].tolist()
    assert series["average"] == [None] * 4 + rows["close_ma_5"].round(4).tolist()[4:]
    assert series["delta"] == [None, *rows["close_delta"].round(4).tolist()[1:]]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_infinite_or_none_is_left_out(value: float) -> None:
    refined = invent_refined(["PETR4"], 8)
    refined.loc[refined.index[3], "close_price"] = value
    data = describe_lake(read_content(refined), CALENDAR, NOW)
    assert data["tickers"][0]["close"][3] is None
    assert "close" in json.loads(embed_json(data))["tickers"][0]


def test_gaps_are_told_apart() -> None:
    refined = invent_refined(["PETR4", "VALE3"], 10)
    [lone, whole] = CALENDAR[-6], CALENDAR[-3]
    lacks = (refined["ticker"] == "VALE3") & (refined["trade_date"] == lone) | (refined["trade_date"] == whole)
    data = describe_lake(read_content(refined[~lacks]), CALENDAR[-10:], NOW)
    assert data["state"]["missing_sessions"] == [whole.isoformat()]
    assert [series["gaps"] for series in data["tickers"]] == [
        [whole.isoformat()],
        [lone.isoformat(), whole.isoformat()],
    ]
    assert data["tickers"][1]["days"] == [0, 1, 2, 3, *range(5, 9)]


def test_a_ticker_that_came_late_or_left_early_has_no_gap() -> None:
    refined = invent_refined(["PETR4", "VALE3"], 10)
    inside = refined["trade_date"].between(CALENDAR[-8], CALENDAR[-4])
    data = describe_lake(read_content(refined[(refined["ticker"] == "PETR4") | inside]), CALENDAR[-10:], NOW)
    assert data["tickers"][1]["gaps"] == []


def test_a_row_on_a_closed_day_and_a_lake_that_is_behind_are_said() -> None:
    refined = invent_refined(["PETR4"], 3)
    refined["trade_date"] = [CALENDAR[-5], dt.date(2024, 2, 12), CALENDAR[-2]]  # 12 February 2024 was carnival
    state = describe_lake(read_content(refined), CALENDAR[-5:], NOW)["state"]
    assert state["closed_days"] == ["2024-02-12"]
    assert state["behind"] == 1
    assert (state["first"], state["last"]) == (CALENDAR[-5].isoformat(), CALENDAR[-2].isoformat())


@pytest.mark.parametrize(("source", "synthetic"), [("yahoo", False), ("b3", False), ("invented", True), ("", True)])
def test_only_known_sources_pass_as_real(source: str, synthetic: bool) -> None:
    state = describe_lake(read_content(invent_refined(["PETR4"], 2), source), CALENDAR, NOW)["state"]
    assert state["synthetic"] is synthetic
    assert state["sources"] == [{"name": source, "bars": 2, "real": not synthetic}]


def test_times_are_said_in_utc() -> None:
    state = describe_lake(read_content(invent_refined(["PETR4"], 2)), CALENDAR, NOW)["state"]
    assert state["ingested_at"] == "2024-02-16T10:00:00+00:00"
    assert state["built_at"] == "2024-02-16T12:00:00+00:00"


def test_an_empty_lake_is_described() -> None:
    data = describe_lake(read_content(invent_refined(["PETR4"], 2)[:0]), [], NOW)
    assert data["tickers"] == []
    assert (data["state"]["last"], data["state"]["rows"], data["state"]["behind"]) == (None, 0, 0)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_embedded_json_cannot_leave_its_element(data: object) -> None:
    text = embed_json(data)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == data


def test_page_is_small_and_asks_for_nothing_from_elsewhere() -> None:
    refined = invent_refined([f"TICK{number}" for number in range(50)], 250)
    assert len(refined) == 12_500
    page = write_invented(refined)
    assert len(page.encode()) < 6_000_000
    rest = re.sub(r'(?s)<script type="application/octet-stream".*?</script>', "", page)
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)""", rest) == []
    assert set(re.findall(r"https?://[^\"' ]+", rest)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page


def test_library_travels_whole() -> None:
    page = write_invented(invent_refined(["PETR4"], 2))
    packed = re.search(r'id="library">([^<]+)<', page)
    assert packed
    assert gzip.decompress(base64.b64decode(packed[1])).decode() == get_plotlyjs()


def test_two_pages_share_no_nonce() -> None:
    nonces = {re.search(r"'nonce-([^']+)'", write_invented(invent_refined(["PETR4"], 2)))[1] for _ in range(2)}
    assert len(nonces) == 2
