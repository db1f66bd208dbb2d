"""The readers of what services answer: a valid result or their own error, whatever comes."""

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import pytest

from b3lake.ingest.events.answers import as_one, read_cash_page, read_supplement, whole
from b3lake.ingest.events.event import EventsError
from b3lake.ingest.sources import b3_index, bcb
from b3lake.ingest.sources.http_get import Answer, PassingError
from b3lake.lake.rates import SERIES
from b3lake.lake.tickers import is_ticker
from tests.fuzz import answer_inputs
from tests.fuzz.fuzzing import SECONDS, fuzz

pytestmark = pytest.mark.timeout(SECONDS * 3 + 120)
CDI = SERIES["CDI"]
FIRST, LAST = dt.date(2024, 1, 1), dt.date(2024, 1, 31)


def judge(name: str, inputs: Any, read: Callable[[bytes], None], refused: tuple[type[Exception], ...]) -> None:
    outcomes = {"read": 0, "refused": 0}

    def holds(body: bytes) -> None:
        try:
            read(body)
        except refused:
            outcomes["refused"] += 1
        else:
            outcomes["read"] += 1

    assert fuzz(name, inputs, holds) >= 100
    print(outcomes)
    assert min(outcomes.values()) > 0


def test_rates_are_read_or_refused() -> None:
    def read(body: bytes) -> None:
        values = bcb.parse(Answer(200, "application/json", body), CDI, FIRST, LAST)
        assert all(FIRST <= day <= LAST for day in values)
        assert all(math.isfinite(value) and CDI.is_plausible(value) for value in values.values())

    judge("rates", answer_inputs.RATES, read, (PassingError, bcb.RatesError))


def test_portfolios_are_read_or_refused() -> None:
    def read(body: bytes) -> None:
        page = b3_index.parse(Answer(200, "application/json", body), "IBOV")
        assert all(is_ticker(member.ticker) for member in page.members)
        try:
            members = b3_index.whole_portfolio([page], "IBOV")
        except b3_index.PortfolioError:
            return
        assert all(math.isfinite(member.weight) and member.weight >= 0 for member in members)

    judge("portfolios", answer_inputs.PORTFOLIOS, read, (PassingError, b3_index.PortfolioError))


def test_events_are_read_or_refused() -> None:
    def supplement(body: bytes) -> None:
        told = read_supplement(body)
        numbers = [row.factor for row in told.stock] + [row.value for row in told.cash]
        numbers += [number for row in told.subscriptions for number in (row.percentage, row.price)]
        assert all(number is None or number.is_finite() for number in numbers)

    def cash(body: bytes) -> None:
        page = read_cash_page(body)
        assert all(row.value is None or row.value.is_finite() for row in page.rows)
        if page.records == len(page.rows):
            assert whole([read_cash_page(as_one([body]))]) == page.rows

    judge("events", answer_inputs.SUPPLEMENTS, supplement, (EventsError,))
    judge("cash", answer_inputs.CASH_PAGES, cash, (EventsError,))
