"""Members of B3's indexes: both formats of the real answers, pages, and what each bad answer becomes."""

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.sources.b3_index import (
    ENGLISH,
    PORTUGUESE,
    IndexPortfolios,
    NumberFormat,
    Page,
    PortfolioError,
    format_of,
    parse,
    whole_portfolio,
)
from b3lake.ingest.sources.http_get import Answer, BackOff, PassingError
from b3lake.lake.errors import B3LakeError
from b3lake.lake.indexes import INDEXES, expand_members, index_code
from b3lake.lake.schemas import PORTFOLIOS_SCHEMA
from devlake.fake_b3_index import FakeIndexes, FakeMember, invented
from devlake.fake_http import HTML_200, XML_200, Reply, Scripted, serving

HASTY = BackOff(attempts=3, first_seconds=0.001, longest_seconds=0.002, timeout_seconds=5)
DAY = dt.date(2025, 4, 7)
SIX = ["PETR4", "VALE3", "ITUB4", "TAEE11", "BBAS3", "WEGE3"]
FAULT = "IBOV, the members of Ibovespa at B3: "


def recorded(folder: Path, name: str) -> Answer:
    return Answer(200, "application/json", (folder / "b3_index" / name).read_bytes())


def six(**changes: Any) -> FakeIndexes:
    return FakeIndexes(DAY, {"IBOV": invented(SIX, DAY)} | changes)


def body(**header: object) -> dict[str, Any]:
    """An answer of two members in Portuguese, right but for what `header` puts in its place."""
    return {
        "page": {"pageNumber": 1, "pageSize": 120, "totalRecords": 2, "totalPages": 1},
        "header": {"date": "07/04/25", "part": "100,000", "theoricalQty": "4.300.000.001"} | header,
        "results": [
            {"cod": "PETR4", "theoricalQty": "4.300.000.000", "part": "99,999"},
            {"cod": "VALE3", "theoricalQty": "1", "part": "0,001"},
        ],
    }


def test_the_recorded_day_in_english(shared_data: Path) -> None:
    page = parse(recorded(shared_data, "IBOV-GetPortfolioDay-2025-04-07.json"), "IBOV")
    members = whole_portfolio([page], "IBOV")
    assert (page.day, page.pages, page.records, page.quantity) == (DAY, 1, 87, 99_015_750_716)
    assert len(members) == 87
    by_ticker = {member.ticker: (member.quantity, str(member.weight)) for member in members}
    assert by_ticker["WEGE3"] == (1_243_177_587, "2.663")
    assert by_ticker["AZUL4"] == (326_872_005, "0.051")
    assert by_ticker["TAEE11"] == (218_568_234, "0.368")
    assert sum(member.weight for member in members) == Decimal("100.000")


def test_the_recorded_portfolio_in_portuguese(shared_data: Path) -> None:
    page = parse(recorded(shared_data, "IBOV-GetTheoricalPortfolio.json"), "IBOV")
    members = whole_portfolio([page], "IBOV")
    assert (page.day, page.pages, page.records, page.quantity) == (None, 1, 92, 96_626_612_142)
    by_ticker = {member.ticker: (member.quantity, str(member.weight)) for member in members}
    assert len(by_ticker) == 92
    assert by_ticker["ABEV3"] == (4_380_195_841, "3.157")
    assert by_ticker["VALE3"] == (3_768_748_489, "15.583")
    assert sum(member.weight for member in members) == Decimal("100.001"), "printed to three decimals, not exact"


def test_a_recorded_answer_without_a_day_is_no_portfolio_of_a_day(shared_data: Path) -> None:
    text = recorded(shared_data, "IBOV-GetTheoricalPortfolio.json").body.decode()
    with serving(Scripted(six(), [Reply(200, text)])) as url, pytest.raises(PortfolioError) as raised:
        IndexPortfolios(url, HASTY).portfolio("IBOV", DAY)
    assert str(raised.value) == f"{FAULT}the answer does not say of which day it is; run again later."


@pytest.mark.parametrize("missing", range(0, 87, 10))
def test_a_recorded_answer_without_one_member_is_refused(shared_data: Path, missing: int) -> None:
    told = json.loads(recorded(shared_data, "IBOV-GetPortfolioDay-2025-04-07.json").body)
    del told["results"][missing]
    told["page"]["totalRecords"] = 86
    page = parse(Answer(200, "application/json", json.dumps(told).encode()), "IBOV")
    with pytest.raises(PortfolioError, match="quantities do not add up") as raised:
        whole_portfolio([page], "IBOV")
    assert str(raised.value).endswith("; run again later.")


def test_rows_have_index_day_ticker_quantity_and_weight() -> None:
    with serving(Scripted(six(), [Reply(200, body())])) as url:
        rows = IndexPortfolios(url, HASTY).portfolio("IBOV", DAY)
    assert rows.schema == PORTFOLIOS_SCHEMA
    assert rows.to_pylist() == [
        {"index": "IBOV", "day": DAY, "ticker": "PETR4", "quantity": 4_300_000_000, "weight": 99.999},
        {"index": "IBOV", "day": DAY, "ticker": "VALE3", "quantity": 1, "weight": 0.001},
    ]


@pytest.mark.parametrize("index", INDEXES)
def test_pages_of_every_index_are_put_together(index: str) -> None:
    served = Scripted(six(**{index: invented(SIX, DAY)}))
    with serving(served) as url:
        whole = IndexPortfolios(url, HASTY).portfolio(index, DAY)
        paged = IndexPortfolios(url, HASTY, page_size=4).portfolio(index, DAY)
    assert whole.equals(paged)
    assert len(served.requests) == 3
    assert whole["ticker"].to_pylist() == sorted(SIX)
    assert whole["index"].to_pylist() == [index] * 6
    assert sum(whole["weight"].to_pylist()) == pytest.approx(100, abs=0.003)
    assert whole["quantity"].to_pylist() == [member.quantity for member in sorted(invented(SIX, DAY), key=_ticker)]


def _ticker(member: FakeMember) -> str:
    return member.ticker


def test_the_fake_answers_as_the_service_in_each_language() -> None:
    asked = {"pageNumber": 1, "pageSize": 120, "totalRecords": 6, "totalPages": 1}
    members = invented(SIX, DAY)
    told = [six()._portfolio(asked, members, english=english) for english in (True, False)]
    pages = [parse(Answer(200, "application/json", json.dumps(each).encode()), "IBOV") for each in told]
    assert [each["header"]["date"] for each in told] == ["04/07/25", "07/04/25"]
    assert pages[0] == pages[1]


def test_a_page_of_too_many_rows_has_null_totals_and_is_refused() -> None:
    with serving(six()) as url, pytest.raises(PortfolioError) as raised:
        IndexPortfolios(url, HASTY, page_size=121).portfolio("IBOV", DAY)
    assert str(raised.value) == f"{FAULT}the answer has no members; run again later."


@pytest.mark.parametrize(
    ("text", "form"), [("100.000", ENGLISH), ("100,000", PORTUGUESE), ("100.0", ENGLISH), ("100,00", PORTUGUESE)]
)
def test_the_hundred_tells_the_format(text: str, form: NumberFormat) -> None:
    assert format_of(text) == form


@pytest.mark.parametrize("text", ["100", "99.999", "1.00,000", "100.000,0000.0", "", "None", "\uff11\uff10\uff10.000"])
def test_what_is_a_hundred_in_neither_or_both_tells_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="no hundred"):
        format_of(text)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**13), st.integers(0, 3))
def test_numbers_are_read_as_each_language_writes_them(number: int, decimals: int) -> None:
    value = Decimal(number).scaleb(-decimals)
    english = f"{value:,f}"
    portuguese = english.translate(str.maketrans(",.", ".,"))
    assert ENGLISH.number(english) == PORTUGUESE.number(portuguese) == value


@pytest.mark.parametrize(
    "text", ["1,00", "1.0.0", "-1", "1e3", "٣", "", "1,0000", "1234,567", "12,34.5", None, [], "1 000"]
)
def test_what_is_no_english_number_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="no number"):
        ENGLISH.number(text)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            lambda told: told["header"].update(part="100"),
            "the answer cannot be read (its weights add up to '100', ",
        ),
        (lambda told: told["header"].update(date="31/02/25"), "the answer cannot be read (day"),
        (lambda told: told["header"].update(date="2025-04-07"), "the answer cannot be read ('2025-04-07' is no date)"),
        (lambda told: told["header"].update(date="07/06/25"), "the answer is of 2025-06-07, which is still to come"),
        (lambda told: told["header"].pop("part"), "the answer cannot be read ('part')"),
        (lambda told: told.update(header=None), "the answer has no members"),
        (lambda told: told.update(results=[]), "the answer has no members"),
        (lambda told: told.update(results=[7]), "the answer cannot be read ("),
        (lambda told: told["page"].update(totalRecords=None), "the answer has no members"),
        (lambda told: told["page"].update(totalPages=None), "the answer cannot be read ("),
        (lambda told: told["page"].update(totalRecords=3), "it has 2 members where it says that there are 3"),
        (lambda told: told["page"].update(totalPages=21), "it has 21 pages, more than 20"),
        (lambda told: told["results"].append(told["results"][0]), "it has 3 members where it says that there are 2"),
        (lambda told: told["results"][0].update(cod="../x"), "the answer cannot be read ('../x' is not"),
        (lambda told: told["results"][0].update(part="99.999"), "its weights add up to 99999.001 and not to 100"),
        (lambda told: told["results"][0].update(part="99,997"), "its weights add up to 99.998 and not to 100"),
        (
            lambda told: told["results"][0].update(part=99.999),
            "the answer cannot be read (99.999 is no number as text)",
        ),
        (lambda told: told["results"][1].update(theoricalQty="2"), "its quantities do not add up to the total"),
        (
            lambda told: told["results"][1].update(theoricalQty="1,5"),
            "the answer cannot be read ('1,5' is no whole number)",
        ),
    ],
)
def test_an_answer_that_cannot_be_the_portfolio_is_refused(change: Callable[[Any], object], cause: str) -> None:
    told = body()
    change(told)
    with serving(Scripted(six(), [Reply(200, told)])) as url, pytest.raises(PortfolioError) as raised:
        IndexPortfolios(url, HASTY).portfolio("IBOV", DAY)
    text = str(raised.value)
    assert text.startswith(FAULT + cause)
    assert text.endswith("; run again later.")
    assert "\n" not in text


def test_a_weight_is_taken_within_the_rounding_of_its_print() -> None:
    members = whole_portfolio([_page(("50.0005", "49.9994"))], "IBOV")
    assert [str(member.weight) for member in members] == ["50.0005", "49.9994"]
    with pytest.raises(PortfolioError, match=re.escape("add up to 99.9998 and not to 100")):
        whole_portfolio([_page(("50.0005", "49.9993"))], "IBOV")


def _page(weights: tuple[str, str]) -> Page:
    told = body()
    for row, weight in zip(told["results"], weights, strict=True):
        row["part"] = weight.replace(".", ",")
    return parse(Answer(200, "application/json", json.dumps(told).encode()), "IBOV")


def test_pages_of_two_days_are_refused() -> None:
    page = _page(("50.000", "50.000"))
    halves = [dataclasses.replace(page, members=(member,)) for member in page.members]
    assert len(whole_portfolio(halves, "IBOV")) == 2
    other = dataclasses.replace(halves[1], day=DAY + dt.timedelta(days=1))
    with pytest.raises(PortfolioError, match="its pages are of different portfolios"):
        whole_portfolio([halves[0], other], "IBOV")


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        (HTML_200, "it answered 200 with a page instead of JSON"),
        (XML_200, "it answered 200 with a page instead of JSON"),
        (Reply(500, ""), "it answered 500"),
        (Reply(200, "["), "it answered 200 with something else than JSON"),
        (Reply(200, "xx", cut=True), "its answer was cut short"),
    ],
)
def test_a_passing_fault_is_tried_again_and_then_told(bad: Reply, cause: str) -> None:
    served = Scripted(six(), [bad, bad])
    with serving(served) as url:
        assert IndexPortfolios(url, HASTY).portfolio("IBOV", DAY).num_rows == 6
        assert len(served.requests) == 3
        served.replies.extend([bad] * 3)
        with pytest.raises(PortfolioError) as raised:
            IndexPortfolios(url, HASTY).portfolio("IBOV", DAY)
    assert str(raised.value) == f"{FAULT}{cause}, 3 times; run again later."


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)))
def test_whatever_json_comes_is_refused_in_a_sentence(value: object) -> None:
    for told in (value, body() | {"page": value}, body() | {"header": value}, body() | {"results": value}):
        with pytest.raises((PortfolioError, PassingError)) as raised:
            whole_portfolio([parse(Answer(200, "application/json", json.dumps(told).encode()), "IBOV")], "IBOV")
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("text", "code"), [("@IBOV", "IBOV"), (" ibov ", "IBOV"), ("@ifix", "IFIX")])
def test_an_index_is_named_with_or_without_its_mark(text: str, code: str) -> None:
    assert index_code(text) == code


def test_an_index_that_the_lake_does_not_keep_is_named_with_those_that_it_does() -> None:
    with pytest.raises(ValueError, match=r"'@XYZ' is no index of this lake: its indexes are @IBOV, @IBXX, @SMLL, "):
        index_code("@XYZ")


def test_an_index_in_a_list_is_its_members_on_its_newest_day() -> None:
    told = [
        ("IBOV", DAY, ("VALE3", "PETR4")),
        ("IBOV", DAY - dt.timedelta(days=1), ("PETR4", "OIBR3")),
        ("IFIX", DAY - dt.timedelta(days=9), ("HGLG11",)),
    ]
    rows = [
        {"index": index, "day": day, "ticker": ticker, "quantity": 1, "weight": 1.0}
        for index, day, tickers in told
        for ticker in tickers
    ]
    portfolios = pa.Table.from_pylist(rows, PORTFOLIOS_SCHEMA)
    assert expand_members(["WEGE3", "@IBOV", "PETR4", "@ifix"], portfolios) == ("WEGE3", "PETR4", "VALE3", "HGLG11")
    assert expand_members(["PETR4"], PORTFOLIOS_SCHEMA.empty_table()) == ("PETR4",)
    with pytest.raises(B3LakeError) as raised:
        expand_members(["@SMLL"], portfolios)
    assert str(raised.value) == (
        "The lake has no portfolio of SMLL yet, so nobody knows what @SMLL is: "
        "fetch other tickers once, which brings it, or list its members."
    )
    with pytest.raises(ValueError, match="is no index of this lake"):
        expand_members(["@NASDAQ"], portfolios)
