"""Answers of Yahoo's and of B3's, read part by part: bounds, defaults, and sentences to their last word."""

import datetime as dt
import http.client
import io
import json
from dataclasses import astuple, replace
from decimal import Decimal
from email.message import Message
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from b3lake.ingest.as_traded import Payment, Split
from b3lake.ingest.errors import InvalidAnswerError, NoDataError
from b3lake.ingest.events.answers import CASH, SUPPLEMENT, as_one, read_cash_page, read_supplement, whole
from b3lake.ingest.events.event import EventsError, Kind, NotToldError, Share
from b3lake.ingest.events.rules import class_in_isin, class_of
from b3lake.ingest.sources.b3_events import B3Events, IssuerAnswers, file_name, plain_name
from b3lake.ingest.sources.b3_site import FILE_BACK_OFF
from b3lake.ingest.sources.http_get import PATIENT, Answer, PassingError, parts
from b3lake.ingest.sources.yahoo_chart import Chart, interval_to_ask_for, read_chart
from b3lake.lake.calendar import B3_ZONE
from tests.ingest.listed_companies import cash, cash_body, events, stock, supplement_body

# --- Yahoo's chart -----------------------------------------------------------------------------------------------


def epoch(text: str) -> int:
    """The epoch of a moment at B3."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=B3_ZONE).timestamp())


def chart(*moments: str, interval: str = "1d", meta: dict[str, Any] | None = None, **events_: Any) -> Chart:
    """PETR4's chart, with closes 1, 2, 3, … and volumes 10, 20, … at these moments."""
    numbers = [float(number) for number in range(1, len(moments) + 1)]
    quote = dict.fromkeys(("open", "close"), numbers) | {"high": [n + 0.5 for n in numbers]}
    quote |= {"low": [n - 0.5 for n in numbers], "volume": [10 * n for n in numbers]}
    result = {"meta": {"symbol": "PETR4.SA", "currency": "BRL"} | (meta or {}), "indicators": {"quote": [quote]}}
    result |= {"timestamp": [epoch(moment) for moment in moments], "events": events_}
    return read_chart("PETR4", {"chart": {"result": [result], "error": None}}, interval, "yahoo")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2024-05-02T10:00:00", 2),
        ("2024-05-02T21:59:59", 2),
        ("2024-05-02T22:00:00", 3),
        ("2024-05-02T23:00:00", 3),
        ("2024-05-02T23:00:01", 2),
        ("2024-05-02T22:01:00", 2),
        ("2024-05-03T00:00:00", 3),
    ],
)
def test_the_day_of_a_daily_bar_and_of_an_event(moment: str, day: int) -> None:
    at = dt.date(2024, 5, day)
    listed = {"splits": {"x": {"date": epoch(moment), "numerator": 3, "denominator": 2}}}
    found = chart(moment, **listed)
    assert found.bars["day"].to_pylist() == [at]
    assert found.bars["ts"].to_pylist() == [dt.datetime.combine(at, dt.time(3))]
    assert found.splits == [Split(at, 1.5)]


def test_events_are_in_the_order_of_their_days_with_their_currency() -> None:
    days = [epoch(f"2024-05-0{day}T10:00:00") for day in (2, 3, 6)]
    found = chart(
        dividends={"a": {"date": days[1], "amount": 0.5, "currency": "USD"}, "b": {"date": days[0], "amount": 1}},
        capitalGains={"c": {"date": days[2], "amount": 2.0}},
        splits={"d": {"date": days[0], "numerator": 1, "denominator": 0}},
    )
    two, three, six = (dt.date(2024, 5, day) for day in (2, 3, 6))
    assert found.payments == [Payment(two, 1.0, ""), Payment(three, 0.5, "USD"), Payment(six, 2.0, "")]
    assert found.splits == [Split(two, float("inf"))]
    assert len(found.bars) == 0


def test_half_hours_are_made_of_quarters() -> None:
    found = chart(
        *(f"2024-05-02T10:{minute}:00" for minute in ("00", "15", "30")), "2024-05-02T10:37:12", interval="30m"
    )
    rows = found.bars.select(
        ["ts", "open", "high", "low", "close", "volume", "ticker", "source", "turnover"]
    ).to_pylist()
    first = {"open": 1.0, "high": 2.5, "low": 0.5, "close": 2.0, "volume": 30}
    second = {"open": 3.0, "high": 3.5, "low": 2.5, "close": 3.0, "volume": 30}
    rest = {"ticker": "PETR4", "source": "yahoo", "turnover": None}
    assert rows == [
        {"ts": dt.datetime.fromisoformat("2024-05-02T13:00:00")} | first | rest,
        {"ts": dt.datetime.fromisoformat("2024-05-02T13:30:00")} | second | rest,
    ]
    assert [interval_to_ask_for(interval) for interval in ("30m", "1h", "1d")] == ["15m", "1h", "1d"]


@pytest.mark.parametrize(
    ("length", "interval", "answered"),
    [
        ("", "1d", True),
        ("1d", "1d", True),
        ("1h", "60m", True),
        ("60m", "1h", True),
        ("15m", "30m", True),
        ("5d", "1d", False),
        ("30m", "30m", False),
        ("1h", "1d", False),
    ],
)
def test_bars_say_of_which_length_they_are(length: str, interval: str, answered: bool) -> None:
    found = chart("2024-05-02T10:00:00", meta={"dataGranularity": length})
    if answered:
        found.check_length("PETR4", interval)
        return
    asked = "15m" if interval == "30m" else interval
    with pytest.raises(InvalidAnswerError) as caught:
        found.check_length("PETR4", interval)
    assert str(caught.value) == (
        f"PETR4: Yahoo was asked for bars of {asked} and answered with bars of {length}: ask for that"
    )
    chart(meta={"dataGranularity": length}).check_length("PETR4", interval)


def test_a_first_trade_is_believed_up_to_the_first_bar_and_the_last_day() -> None:
    def since(first_trade: int | None, last: int, *bars: str) -> int | None:
        told = None if first_trade is None else epoch(f"2024-05-{first_trade:02}T10:00:00")
        day = chart(*bars, meta={"firstTradeDate": told}).listed_since(dt.date(2024, 5, last))
        return day and day.day

    bar = "2024-05-06T10:00:00"
    assert (since(None, 8, bar), since(6, 8, bar), since(7, 8, bar), since(6, 5, bar)) == (None, 6, None, None)
    assert (since(8, 8), since(9, 8)) == (8, None)


def test_a_day_of_fewer_than_half_of_its_bars_is_short() -> None:
    whole_day = [f"2024-05-02T{hour}:00:00" for hour in range(10, 16)]
    now = dt.datetime(2024, 5, 7, 12, tzinfo=dt.timezone.utc)
    for count, words in ((2, {dt.date(2024, 5, 3): "2 bars of the 6 that a day has"}), (3, {})):
        found = chart(*whole_day, *(one.replace("05-02", "05-03") for one in whole_day[:count]), interval="1h")
        assert found.short_days("1h", now) == words
    moving = chart(*whole_day, whole_day[0].replace("05-02", "05-07"), interval="1h")
    assert moving.short_days("1h", now) == {}, "it is not over"
    alone = chart(*whole_day[:3], interval="1h")
    assert alone.short_days("1h", now) == {dt.date(2024, 5, 2): "3 bars of the 7 that a day has"}
    assert chart(*whole_day[:4], interval="1h").short_days("1h", now) == {}
    assert chart(whole_day[0]).short_days("1d", now) == {}
    assert chart().short_days("1d", now) == {}


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"symbol": "VALE3.SA"}, "Yahoo was asked for PETR4.SA and answered for VALE3.SA: ask for that name"),
        ({"currency": "USD"}, "Yahoo quotes PETR4.SA in USD, and this lake is in BRL"),
    ],
)
def test_the_chart_of_something_else_is_refused(meta: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidAnswerError) as caught:
        chart(meta=meta)
    assert str(caught.value) == f"PETR4: {said}"
    assert len(chart(meta={"currency": None}).bars) == 0


@pytest.mark.parametrize(
    ("ticker", "said"),
    [
        ("PETR4", "PETR4: Yahoo says 'No data'; check the ticker and the dates"),
        ("VVAR3", "VVAR3: Yahoo says 'No data'; the share trades as BHIA3 now: ask for that"),
    ],
)
def test_what_yahoo_does_not_have_is_told_with_its_reason(ticker: str, said: str) -> None:
    with pytest.raises(NoDataError) as caught:
        read_chart(ticker, {"chart": {"result": None, "error": {"description": "No data"}}}, "1d", "yahoo")
    assert str(caught.value) == said


# --- Answers of a service ----------------------------------------------------------------------------------------


def response(body: bytes, length: str | None = None) -> Any:
    """An open answer with this body, which says that it is so long."""
    headers = Message()
    if length is not None:
        headers["Content-Length"] = length
    return SimpleNamespace(headers=headers, read=io.BytesIO(body).read)


@pytest.mark.parametrize(("told", "is_short"), [("6", True), ("5", False), ("4", False)])
def test_an_answer_is_as_long_as_it_says(told: str, is_short: bool) -> None:
    if not is_short:
        assert list(parts(response(b"12345", told), PATIENT)) == [b"12345"]
        return
    with pytest.raises(http.client.IncompleteRead) as caught:
        list(parts(response(b"12345", told), PATIENT))
    assert (caught.value.partial, caught.value.expected) == (b"", 1)


@pytest.mark.parametrize("told", [None, "", "much", "-5"])
def test_an_answer_that_tells_no_length_may_have_any(told: str | None) -> None:
    assert list(parts(response(b"", told), PATIENT)) == []


def test_an_answer_has_bounds() -> None:
    large = replace(PATIENT, largest_bytes=3 << 20)
    assert len(b"".join(parts(response(bytes(3 << 20)), large))) == 3 << 20
    with pytest.raises(PassingError) as caught:
        list(parts(response(bytes((3 << 20) + 1)), large))
    assert str(caught.value) == "its answer is larger than 3 MB"
    with pytest.raises(TimeoutError, match=r"^its answer did not end$"):
        list(parts(response(b"1"), replace(PATIENT, whole_seconds=-1)))


@pytest.mark.parametrize(
    ("body", "is_markup"), [(b"<a", True), (b"\xef\xbb\xbf \t\r\n<a", True), (b"{<", False), (b"", False)]
)
def test_what_is_markup(body: bytes, is_markup: bool) -> None:
    assert Answer(200, "application/json", body).is_markup is is_markup


def test_how_patient_a_request_is() -> None:
    """Doubled waits from 1 to 30 s, five times; 30 s for each part of 32 MB at the most, two minutes for all."""
    assert astuple(PATIENT) == (5, 1.0, 30.0, 30.0, 120.0, 33_554_432)
    assert astuple(FILE_BACK_OFF) == (4, 1.0, 20.0, 60.0, 1800, 2_147_483_648)
    service = B3Events()
    assert (service.back_off, service.pause_seconds, service.folder) == (PATIENT, 0.3, None)


# --- B3's answers about events -----------------------------------------------------------------------------------


def test_days_of_b3_s_answers_are_of_the_years_that_it_has() -> None:
    for text, day in [
        ("01/01/1950", dt.date(1950, 1, 1)),
        ("31/12/1949", None),
        ("31/12/2100", dt.date(2100, 12, 31)),
        ("01/01/2101", None),
        ("30/02/2020", None),
        ("2020-02-03", None),
        ("03/02/2020 00:00", dt.date(2020, 2, 3)),
    ]:
        told = read_supplement(supplement_body([stock("GRUPAMENTO", "0,1", text)]))
        assert told.stock[0].last_day == day, text


def test_rows_are_read_field_by_field() -> None:
    row = {"isinCode": " I ", "assetIssued": "A", "label": "L", "factor": "1,5"}
    row |= {"lastDatePrior": "02/01/2020", "approvedOn": "03/01/2020"}
    paid = {"label": "L", "rate": "0,5", "isinCode": "I", "paymentDate": "04/01/2020"}
    right = {"isinCode": "I", "percentage": "10,0", "priceUnit": "2,5", "approvedOn": "03/01/2020"}
    told = read_supplement(supplement_body([row], cashDividends=[paid], subscriptions=[right]))
    ((found,), (money,), (new,)) = told.stock, told.cash, told.subscriptions
    assert (found.isin, found.asset, found.label, found.printed) == ("I", "A", "L", "1,5")
    assert (found.factor, found.last_day, found.approved_on) == (
        Decimal("1.5"),
        dt.date(2020, 1, 2),
        dt.date(2020, 1, 3),
    )
    assert (money.label, money.value, money.isin, money.payment_date) == ("L", Decimal("0.5"), "I", dt.date(2020, 1, 4))
    assert (new.isin, new.percentage, new.price, new.approved_on) == (
        "I",
        Decimal(10),
        Decimal("2.5"),
        dt.date(2020, 1, 3),
    )
    listed = {"corporateAction": "L", "valueCash": "1.000,00", "quotedPerShares": "1.000", "typeStock": "PN  N2"}
    listed |= {"lastDatePriorEx": "02/01/2020", "dateApproval": "03/01/2020"}
    (cash_row,) = read_cash_page(cash_body([listed])).rows
    assert (cash_row.label, cash_row.value, cash_row.share_class) == ("L", Decimal(1), "PN")
    assert (cash_row.last_day, cash_row.approved_on) == (dt.date(2020, 1, 2), dt.date(2020, 1, 3))


def test_a_company_may_have_one_of_its_three_lists() -> None:
    for name in ("stockDividends", "cashDividends", "subscriptions"):
        told = read_supplement(json.dumps([{"tradingName": "X", name: []}]).encode())
        assert (told.trading_name, told.stock, told.cash, told.subscriptions) == ("X", (), (), ())
    with pytest.raises(EventsError, match=r"^B3's answer has no lists of events$"):
        read_supplement(b'[{"tradingName": "X", "stockDividends": 7}]')
    with pytest.raises(NotToldError, match=r"^B3 does not know the issuer \(its answer is empty\)$"):
        read_supplement(b"[]")


def test_pages_become_one_in_the_letters_that_they_have() -> None:
    bodies = [cash_body([cash("RENDIMENTO À VISTA", "0,1", "10/03/2021")], totalRecords=2, totalPages=2)] * 2
    assert as_one(bodies).decode().count("RENDIMENTO À VISTA") == 2


def test_pages_of_an_answer_become_one() -> None:
    rows = [cash("DIVIDENDO", f"0,{number}", "10/03/2021") for number in (1, 2, 3)]
    bodies = [cash_body(rows[:2], totalRecords=3, totalPages=2), cash_body(rows[2:], totalRecords=3, totalPages=2)]
    one = read_cash_page(as_one(bodies))
    assert (one.pages, one.records, [str(row.value) for row in one.rows]) == (1, 3, ["0.1", "0.2", "0.3"])
    assert [(row.isin, row.payment_date) for row in one.rows] == [("", None)] * 3, "the other call tells these"
    assert whole([one]) == one.rows == whole([read_cash_page(body) for body in bodies])
    assert as_one(bodies[:1]) is bodies[0]
    with pytest.raises(EventsError, match=r"^B3's answer has 2 cash events where it says that there are 3$"):
        whole([read_cash_page(bodies[0])])


@pytest.mark.parametrize(
    ("ticker", "isin", "share_class"),
    [
        ("ABCD7", "BRABCDACNPC3", "PNC"),
        ("ABCD8", "BRABCDACNPD3", "PND"),
        ("ABCD3", "BRABCDARNOR1", "ON"),
        ("ABCD11B", "BRABCDUNTM13", "UNT"),
        ("ABCD3F", "BRABCDA01OR9", "ON"),
        ("ABCD9", "BRABCDACNXX3", ""),
    ],
)
def test_every_class_of_share(ticker: str, isin: str, share_class: str) -> None:
    assert (class_of(Share(ticker)), class_in_isin(isin)) == (share_class, share_class)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("DIVIDENDO", Kind.DIVIDEND),
        ("Rendimento", Kind.DIVIDEND),
        ("JRS CAP PROPRIO", Kind.JCP),
        ("JUROS  SOBRE CAPITAL PRÓPRIO", Kind.JCP),
        ("jcp", Kind.JCP),
        ("REST CAP DIN", Kind.OTHER),
    ],
)
def test_every_label_of_cash(label: str, kind: Kind) -> None:
    (event,) = events(Share("XPTO3"), [], [], [cash(label, "1,0", "10/03/2021")])
    assert event.kind is kind


GOOD = {
    SUPPLEMENT: supplement_body([stock("GRUPAMENTO", "0,1", "10/03/2021")]),
    CASH: cash_body([cash("DIVIDENDO", "0,5", "10/03/2021")]),
}


def test_what_the_lake_kept_stands_in_for_what_is_missing() -> None:
    missing = IssuerAnswers("XPTO").without(CASH, "away", missed=True)
    told = missing.or_kept(GOOD)
    assert (told.bodies, told.missed) == (GOOD, True)
    assert told.problems == ("GetListedCashDividends: away", "what was answered before stands")
    assert told.cash
    assert told.supplement
    assert missing.or_kept({}) == missing
    damaged = missing.or_kept({CASH: b"x"})
    assert damaged.problems[1] == "GetListedCashDividends: what the lake kept of it: B3's answer is no JSON"
    assert (damaged.bodies, damaged.missed) == ({}, True)
    own = IssuerAnswers("XPTO").with_body(CASH, GOOD[CASH])
    assert own.or_kept({CASH: b"x"}) == own
    assert missing.without(SUPPLEMENT, "unknown", missed=False).missed, "one of both is enough"
    gone = own.without_cash("no")
    assert (gone.cash, gone.bodies, gone.problems, gone.missed) == (None, {}, ("GetListedCashDividends: no",), True)


def test_a_folder_of_answers(tmp_path: Path) -> None:
    source = B3Events(folder=tmp_path)
    assert not source.has("XPTO")
    assert B3Events().has("XPTO")
    (tmp_path / file_name("XPTO", CASH)).write_bytes(GOOD[CASH])
    assert file_name("XPTO", CASH) == "XPTO-GetListedCashDividends.json"
    assert source.has("XPTO")
    told = source.ask("XPTO", "")
    assert (told.reached, told.missed, told.bodies) == (True, False, {CASH: GOOD[CASH]})
    absent = tmp_path / file_name("XPTO", SUPPLEMENT)
    assert told.problems == (f"GetListedSupplementCompany: {absent} does not exist",)
    absent.mkdir()
    unreadable = source.ask("XPTO", "")
    assert unreadable.problems == (f"GetListedSupplementCompany: {absent} cannot be read (Is a directory)",)
    assert unreadable.missed


def test_each_issuer_is_asked_once_in_order(tmp_path: Path) -> None:
    shares = [Share("XPTO3"), Share("ABCD3"), Share("XPTO4", trading_name="XPTO")]
    assert [told.issuer for told in B3Events(folder=tmp_path).ask_all(shares)] == ["XPTO", "ABCD"]


@pytest.mark.parametrize(("name", "plain"), [("A/B  S/A ", "AB SA"), ("", ""), ("X", "X")])
def test_a_trading_name_without_slashes(name: str, plain: str) -> None:
    assert plain_name(name) == plain
