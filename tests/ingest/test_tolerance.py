"""How far prices may be apart, and which rows are official and strange."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b3lake.ingest.doctor.examine import examine_rows
from b3lake.ingest.doctor.finding import Finding, Kind
from b3lake.ingest.tolerance import outside_range, smallest_steps, turnover_disagrees
from b3lake.ingest.validate import disagreeing, outside, validate
from tests.ingest.lake_cases import DAYS, table


@pytest.mark.parametrize(
    ("prices", "step"),
    [
        ([32.35, 32.92, 31.62, 32.07], 0.01),
        ([0.06, 0.07, 0.06, 0.06], 0.01),
        ([float(np.float32(32.35)), 32.0, 31.0, 32.0], 0.01),
        ([3.778, 3.79, 3.7, 3.71], 0.01),
        ([0.778, 0.79, 0.7, 0.71], 0.001),
        ([0.0254, 0.02555, 0.0251, 0.02531], 0.00001),
        ([0.00018] * 4, 0.00001),
        ([0.0003778] * 4, 0.0000001),
        ([float("inf"), 0.5, 0.5, 0.5], 0.01),
        ([float("nan")] * 4, 0.0000001),
    ],
)
def test_a_quotation_can_express_a_cent_per_factor(prices: list[float], step: float):
    assert smallest_steps(np.array([prices])).tolist() == pytest.approx([step])


@given(cents=st.lists(st.integers(1, 10**7), min_size=4, max_size=4), factor=st.sampled_from([1, 10, 1000, 100_000]))
def test_no_step_is_finer_than_the_files_own(cents: list[int], factor: int):
    prices = np.array([[number / (100 * factor) for number in cents]])
    assert smallest_steps(prices)[0] >= 0.01 / factor * (1 - 1e-9)


@pytest.mark.parametrize(
    ("open_", "close", "low", "high", "is_outside"),
    [
        (10.0, 10.5, 9.5, 10.5, False),
        (10.0, 10.51, 9.5, 10.5, False),
        (10.0, 10.52, 9.5, 10.5, True),
        (9.48, 10.0, 9.5, 10.5, True),
        (1000.0, float(np.float32(1000.3)) + 0.01, 999.0, 1000.3, False),
        (0.0265, 0.0253, 0.0251, 0.02555, True),
        (0.02556, 0.0253, 0.0251, 0.02555, False),
        (0.07, 0.05, 0.06, 0.07, False),
        (float("nan"), 10.0, 9.5, 10.5, False),
    ],
)
def test_outside_low_to_high(open_: float, close: float, low: float, high: float, is_outside: bool):
    found = outside_range(np.array([[open_, close]]), np.array([low]), np.array([high]))
    assert found.tolist() == [is_outside]


@pytest.mark.parametrize(
    ("turnover", "volume", "disagrees"),
    [
        (1000.0, 100.0, False),
        (105.0, 100.0, False),
        (104.98, 100.0, False),
        (94.9, 100.0, True),
        (9999.0, 100.0, False),
        (11_000.0, 100.0, True),
        (0.0, 100.0, True),
        (0.0, 0.0, False),
        (50.0, 0.0, True),
        (float("nan"), 100.0, False),
    ],
)
def test_turnover_over_volume_is_near_the_prices(turnover: float, volume: float, disagrees: bool):
    one = [np.array([number]) for number in (turnover, volume, 9.5, 10.5)]
    assert turnover_disagrees(*one).tolist() == [disagrees]


def test_a_cent_of_turnover_is_rounding():
    """A share at a hundredth of a cent: one is traded for nothing, as the file has it."""
    one = [np.array([number]) for number in (0.0, 1.0, 0.00018, 0.00018)]
    assert turnover_disagrees(*one).tolist() == [False]


def test_an_official_close_above_the_high_enters_and_is_named():
    """CHA 2 on 1986-04-07 and its like: some years have hundreds of them."""
    bars = table(days=DAYS[:2], high=[10.5, 10.5], close=[10.1, 11.9])
    assert len(validate(bars, start=DAYS[0], end=DAYS[1], official=True).bars) == 2
    assert len(validate(bars, start=DAYS[0], end=DAYS[1]).bars) == 1
    assert outside(bars) == {1: "open 10, close 11.9 where low is 9.5 and high 10.5"}
    assert list(examine_rows(bars)) == [
        Finding(Kind.OUTSIDE, "PETR4", DAYS[1], "open 10, close 11.9 where low is 9.5 and high 10.5")
    ]


def test_an_impossible_row_is_named_once():
    (one,) = examine_rows(table(days=DAYS[:1], high=[0.5]))
    assert (one.kind, one.detail) == (Kind.IMPOSSIBLE, "high below low")


def test_a_turnover_that_disagrees_is_named():
    bars = table(days=DAYS[:2], turnover=[10_000.0, 100.0])
    assert disagreeing(bars) == {1: "a turnover of 100.00 BRL for 1000 shares at 9.5 to 10.5"}
    (one,) = examine_rows(bars)
    assert (one.kind, one.ticker, one.day) == (Kind.TURNOVER, "PETR4", DAYS[1])
    assert disagreeing(table(days=[dt.date(2024, 5, 2)])) == {}
