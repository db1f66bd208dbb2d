"""The central bank's rates: what is asked, what is taken from an answer, and what each bad answer becomes."""

import datetime as dt
import itertools
import json
import math
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.sources.bcb import CentralBank, RatesError, parse, windows
from b3lake.ingest.sources.http_get import Answer, BackOff, PassingError
from b3lake.lake.rates import SERIES
from b3lake.lake.schemas import RATES_SCHEMA
from devlake.fake_bcb import FakeCentralBank
from devlake.fake_http import HTML_200, PYTHON_AGENT, XML_200, Reply, Scripted, serving

HASTY = BackOff(attempts=3, first_seconds=0.001, longest_seconds=0.002, timeout_seconds=5)
CDI, TARGET, IPCA = SERIES["CDI"], SERIES["SELIC_TARGET"], SERIES["IPCA"]
JANUARY = (dt.date(2024, 1, 1), dt.date(2024, 1, 31))
CDI_JANUARY_2024 = [(dt.date(2024, 1, day), "0.043739") for day in (*range(2, 6), *range(8, 13), *range(15, 20))]
CDI_JANUARY_2024 += [(dt.date(2024, 1, day), "0.043739") for day in (*range(22, 27), *range(29, 32))]
"""All of a month at one rate: 11.65 % a year, 22 bank days."""

_days = st.dates(dt.date(1990, 1, 1), dt.date(2060, 12, 31))


def body(*rows: tuple[str, object]) -> bytes:
    return json.dumps([{"data": day, "valor": value} for day, value in rows]).encode()


def answer(content: bytes, status: int = 200) -> Answer:
    return Answer(status, "application/json", content)


def with_replies(*replies: Reply) -> Scripted:
    return Scripted(FakeCentralBank(today=dt.date(2024, 2, 15)), list(replies))


def test_rows_have_the_series_the_day_the_value_and_its_unit() -> None:
    served = with_replies(Reply(200, body(("02/01/2024", "0.043739"), ("03/01/2024", "0.043739"))))
    with serving(served) as url:
        rates = CentralBank(url, HASTY).rates(CDI, *JANUARY)
    assert rates.schema == RATES_SCHEMA
    assert rates.to_pylist() == [
        {"series": "CDI", "day": dt.date(2024, 1, 2), "value": 0.043739, "unit": "% a day"},
        {"series": "CDI", "day": dt.date(2024, 1, 3), "value": 0.043739, "unit": "% a day"},
    ]
    request = served.requests[0]
    assert request.path == "/dados/serie/bcdata.sgs.12/dados"
    assert request.query == {"formato": "json", "dataInicial": "01/01/2024", "dataFinal": "31/01/2024"}
    assert not request.user_agent.startswith(PYTHON_AGENT)
    assert "b3-lake" in request.user_agent


def test_the_product_of_a_month_is_the_figure_computed_by_hand() -> None:
    # (1 + r)^22 with r = 0.00043739: 22 r = 0.00962258; 231 r^2 = 0.0000441926; 1540 r^3 = 0.0000001289;
    # 7315 r^4 = 0.0000000003.
    by_hand = 0.00962258 + 0.0000441926 + 0.0000001289 + 0.0000000003
    service = FakeCentralBank(today=dt.date(2024, 2, 15), values={(12, day): rate for day, rate in CDI_JANUARY_2024})
    with serving(service) as url:
        rates = CentralBank(url, HASTY).rates(CDI, *JANUARY)
    assert rates["day"].to_pylist() == [day for day, _ in CDI_JANUARY_2024]
    product = math.prod(1 + rate / 100 for rate in rates["value"].to_pylist()) - 1
    assert product == pytest.approx(by_hand, abs=1e-10)
    assert f"{100 * product:.4f}" == "0.9667"


@pytest.mark.parametrize(
    ("end", "asked"),
    [
        (dt.date(2020, 1, 1), [("01/01/2010", "01/01/2020")]),
        (dt.date(2020, 1, 2), [("01/01/2010", "01/01/2020"), ("02/01/2020", "02/01/2020")]),
    ],
)
def test_ten_years_are_one_request_and_a_day_more_two(end: dt.date, asked: list[tuple[str, str]]) -> None:
    served = with_replies()
    with serving(served) as url:
        rates = CentralBank(url, HASTY).rates(CDI, dt.date(2010, 1, 1), end)
    assert [(request.query["dataInicial"], request.query["dataFinal"]) for request in served.requests] == asked
    days = rates["day"].to_pylist()
    assert days == sorted(set(days))
    assert (days[0], days[-1]) == (dt.date(2010, 1, 4), max(day for day in days if day <= end))
    assert len(days) > 2_450


def test_the_fake_refuses_what_the_service_refuses() -> None:
    with serving(FakeCentralBank()) as url, pytest.raises(RatesError) as refused:
        CentralBank(url, HASTY)._ask(CDI, dt.date(2010, 1, 1), dt.date(2020, 1, 2))
    assert str(refused.value) == (
        "CDI, series 12 of the central bank: it refuses 2010-01-01 to 2020-01-02: O sistema aceita uma janela de "
        "consulta de, no máximo, 10 anos em séries de periodicidade diária (406)."
    )


def test_ten_years_from_a_leap_day_end_on_28_february() -> None:
    """The service takes ten years and not a day more, and 2026 has no 29 February."""
    pieces = [(dt.date(2016, 2, 29), dt.date(2026, 2, 28)), (dt.date(2026, 3, 1), dt.date(2026, 3, 2))]
    assert list(windows(dt.date(2016, 2, 29), dt.date(2026, 3, 2))) == pieces
    assert list(windows(dt.date(2016, 2, 28), dt.date(2026, 2, 28))) == [(dt.date(2016, 2, 28), dt.date(2026, 2, 28))]


@settings(max_examples=60, deadline=None)
@given(_days, st.integers(0, 20_000))
def test_windows_hold_every_day_once_and_none_is_too_long(start: dt.date, length: int) -> None:
    end = start + dt.timedelta(days=length)
    pieces = list(windows(start, end))
    assert pieces[0][0] == start
    assert pieces[-1][1] == end
    for (_, last), (first, _) in itertools.pairwise(pieces):
        assert first - last == dt.timedelta(days=1)
    for first, last in pieces:
        assert first <= last
        assert (last.year - first.year, last.month, last.day) <= (10, first.month, first.day)


def test_no_request_is_made_for_days_before_a_series_begins() -> None:
    served = with_replies()
    with serving(served) as url:
        rates = CentralBank(url, HASTY).rates(TARGET, dt.date(1994, 7, 1), dt.date(1999, 3, 6))
        nothing = CentralBank(url, HASTY).rates(TARGET, dt.date(1994, 7, 1), dt.date(1999, 3, 4))
    assert rates["day"].to_pylist() == [dt.date(1999, 3, 5), dt.date(1999, 3, 6)]
    assert [request.query["dataInicial"] for request in served.requests] == ["05/03/1999"]
    assert nothing.num_rows == 0


def test_days_that_are_still_to_come_are_left_out() -> None:
    today = dt.date(2024, 2, 15)
    with serving(Scripted(FakeCentralBank(today=today))) as url:
        given = CentralBank(url, HASTY)._ask(TARGET, dt.date(2024, 2, 1), today)
        rates = CentralBank(url, HASTY).rates(TARGET, dt.date(2024, 2, 1), today)
    told = FakeCentralBank(today=today)._days(432, dt.date(2024, 2, 1), today)
    assert max(told) == dt.date(2024, 3, 31), "the fake is as rude as the service"
    assert list(given) == rates["day"].to_pylist() == [dt.date(2024, 2, day) for day in range(1, 16)]


def test_months_are_dated_their_first_day() -> None:
    with serving(FakeCentralBank(today=dt.date(2024, 2, 15))) as url:
        rates = CentralBank(url, HASTY).rates(IPCA, dt.date(2023, 11, 1), dt.date(2024, 2, 15))
    assert rates["day"].to_pylist() == [dt.date(2023, 11, 1), dt.date(2023, 12, 1), dt.date(2024, 1, 1)]
    assert rates["unit"].to_pylist() == ["% a month"] * 3


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (404, b'{"erro":{"statusCode":404,"detail":"br.gov.bcb.SGSNegocioException: Value(s) not found"}}'),
        (200, b'<?xml version="1.0"?><Body><Fault><faultstring>Value(s) not found</faultstring></Fault></Body>'),
        (200, b"[]"),
    ],
)
def test_no_values_are_no_error(status: int, content: bytes) -> None:
    assert parse(answer(content, status), CDI, *JANUARY) == {}


@pytest.mark.parametrize(
    "bad",
    [
        HTML_200,
        XML_200,
        Reply(429, "[]"),
        Reply(500, "{}"),
        Reply(200, '[{"data":"02/01/2024"', cut=True),
        Reply(404, "<html></html>", "text/html"),
        Reply(200, ""),
        Reply(200, '[{"data":"02/01/2024","val'),
    ],
    ids=["html", "xml", "429", "500", "cut", "page-404", "empty", "half-json"],
)
def test_a_passing_fault_is_tried_again(bad: Reply) -> None:
    good = Reply(200, body(("02/01/2024", "0.043739")))
    served = with_replies(bad, bad, good)
    with serving(served) as url:
        rates = CentralBank(url, HASTY).rates(CDI, *JANUARY)
    assert rates["value"].to_pylist() == [0.043739]
    assert len(served.requests) == 3


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        (HTML_200, "it answered 200 with a page instead of JSON, 3 times; run again later."),
        (XML_200, "it answered 200 with a page instead of JSON, 3 times; run again later."),
        (Reply(503, ""), "it answered 503, 3 times; run again later."),
        (Reply(200, '{"a":'), "it answered 200 with something else than JSON, 3 times; run again later."),
        (Reply(200, "[1, 2, 3]", cut=True), "its answer was cut short, 3 times; run again later."),
    ],
)
def test_a_fault_that_stays_ends_in_one_sentence(bad: Reply, cause: str) -> None:
    served = with_replies(bad, bad, bad)
    with serving(served) as url, pytest.raises(RatesError) as raised:
        CentralBank(url, HASTY).rates(CDI, *JANUARY)
    assert str(raised.value) == f"CDI, series 12 of the central bank: {cause}"
    assert len(served.requests) == 3


def test_a_service_that_is_away_ends_in_one_sentence() -> None:
    with serving(FakeCentralBank()) as url:
        pass
    with pytest.raises(RatesError) as raised:
        CentralBank(url, HASTY).rates(CDI, *JANUARY)
    text = str(raised.value)
    assert text.startswith("CDI, series 12 of the central bank: it could not be reached (")
    assert text.endswith("), 3 times; run again later.")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        *(
            (body(row), f"it sent a row that is no day and value ({{'data': {row[0]!r}, 'valor': {row[1]!r}}})")
            for row in (
                ("31/02/2024", "0.04"),
                ("2024-01-02", "0.04"),
                ("02/01/2024", "0,04"),
                ("02/01/2024", ""),
                ("02/01/2024", None),
                ("02/01/2024", 0.04),
                ("02/01/2024", "nan"),
            )
        ),
        (b"[7]", "it sent a row that is no day and value (7)"),
        (body(("02/01/2024", "11.65")), "11.65 on 2024-01-02 cannot be a rate in % a day"),
        (body(("02/01/2024", "-0.01")), "-0.01 on 2024-01-02 cannot be a rate in % a day"),
        (body(("02/01/2024", "0.04"), ("02/01/2024", "0.05")), "it gives 2024-01-02 two values, 0.04 and 0.05"),
    ],
)
def test_an_answer_that_cannot_be_the_series_is_refused_at_once(content: bytes, cause: str) -> None:
    with pytest.raises(RatesError) as raised:
        parse(answer(content), CDI, *JANUARY)
    assert str(raised.value) == f"CDI, series 12 of the central bank: {cause}; run again later."


@pytest.mark.parametrize(
    ("status", "content", "cause"),
    [
        (400, b'{"erro":{"statusCode":400,"detail":"valor\\ninvalido"}}', "valor invalido (400)"),
        (404, b'{"erro":{"statusCode":404}}', "status 404"),
        (403, b"[]", "status 403"),
        (200, b'"text"', "status 200"),
        (200, b"{}", "status 200"),
    ],
)
def test_a_refusal_is_told_in_the_services_words(status: int, content: bytes, cause: str) -> None:
    with pytest.raises(RatesError) as raised:
        parse(answer(content, status), CDI, *JANUARY)
    assert str(raised.value) == (f"CDI, series 12 of the central bank: it refuses 2024-01-01 to 2024-01-31: {cause}.")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([200, 400, 404, 406]))
def test_whatever_comes_is_values_a_passing_fault_or_a_sentence(content: bytes, status: int) -> None:
    try:
        told = str(parse(answer(content, status), CDI, *JANUARY))
    except (PassingError, RatesError) as error:
        told = str(error)
    assert told == "{}" or re.fullmatch(r"it answered \d+ with .*|CDI, series 12 of the central bank: .*[^:]\.", told)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(_days, st.decimals(0, 1, places=6), max_size=20), st.randoms())
def test_the_order_of_rows_does_not_matter(values: dict[dt.date, object], random: object) -> None:
    rows = [(f"{day:%d/%m}/{day.year}", str(value)) for day, value in values.items()]
    shuffle: Callable[[list[tuple[str, str]]], None] = random.shuffle  # type: ignore[attr-defined]
    expected = {day: float(value) for day, value in values.items() if JANUARY[0] <= day <= JANUARY[1]}
    shuffle(rows)
    assert parse(answer(body(*rows)), CDI, *JANUARY) == expected
