"""The doctor on the tables beside the quotes."""
# ruff: noqa: F811 - fixtures that are imported

import asyncio
import datetime as dt

import pyarrow as pa
import pytest

from b3lake.ingest.doctor.beside import instrument_faults, rate_faults, weight_faults
from b3lake.ingest.doctor.finding import Finding, Kind
from b3lake.ingest.objects import open_store
from b3lake.ingest.small_tables import INSTRUMENTS, PORTFOLIOS, RATES, Destination, update_table
from devlake.fake_yahoo import FakeYahoo
from tests.ingest.lake_cases import DAYS, TestLake, session
from tests.ingest.test_run import RANGE, Command, command, impatience  # noqa: F401 - fixtures

EVER = (dt.date.min, dt.date.max)
CDI = "% a day"


def rates(*rows: tuple[str, int, float | None, str]) -> pa.Table:
    """Rates of days of May 2024."""
    told = [
        {"series": name, "day": dt.date(2024, 5, day), "value": value, "unit": unit} for name, day, value, unit in rows
    ]
    return pa.Table.from_pylist(told, RATES.schema)


def cdi(*days: int) -> pa.Table:
    return rates(*(("CDI", day, 0.04, CDI) for day in days))


def day(number: int) -> dt.date:
    return dt.date(2024, 5, number)


@pytest.mark.parametrize(
    ("table", "newest", "gaps"),
    [
        (cdi(2, 3, 6, 7, 8), 8, []),
        (cdi(2, 3, 7, 8), 8, [6]),
        (cdi(2, 3), 10, []),  # the 4th and 5th are no sessions, and the 6th may still come
        (cdi(2, 3), 15, [6, 7, 8]),
        (cdi(), 15, []),  # a lake without the table
    ],
)
def test_sessions_without_a_cdi(table: pa.Table, newest: int, gaps: list[int]) -> None:
    found = list(rate_faults(table, *EVER, day(newest)))
    assert found == [Finding(Kind.RATE_GAP, "CDI", day(number)) for number in gaps]


@pytest.mark.parametrize(
    ("row", "is_fault"),
    [
        (("CDI", 2, 0.04, CDI), False),
        (("CDI", 2, 10.4, CDI), True),
        (("CDI", 2, -0.01, CDI), True),
        (("CDI", 2, float("nan"), CDI), True),
        (("CDI", 2, 0.04, "% a year"), True),
        (("SELIC_TARGET", 2, 10.5, "% a year"), False),
        (("IPCA", 1, 60.0, "% a month"), True),
        (("EURIBOR", 2, 0.1, CDI), True),
        (("CDI", 2, None, CDI), True),
        (("CDI", 2, 0.0, CDI), False),
        (("CDI", 2, 1.0, CDI), False),
    ],
)
def test_rates_that_cannot_be(row: tuple[str, int, float | None, str], is_fault: bool) -> None:
    found = [one for one in rate_faults(rates(row), *EVER, None) if one.kind is Kind.RATE]
    detail = f"{row[2]} {row[3]} cannot be a rate of {row[0]}"
    assert found == [Finding(Kind.RATE, row[0], day(row[1]), detail)] * is_fault


def test_a_cdi_that_never_came_is_a_gap() -> None:
    (found,) = rate_faults(rates(("IPCA", 1, 0.4, "% a month")), *EVER, day(8))
    assert found == Finding(Kind.RATE_GAP, "CDI", None, "other rates are there, and none of it")


def test_only_the_wanted_days_are_looked_at() -> None:
    assert list(rate_faults(cdi(2, 8), day(4), day(6), day(8))) == [Finding(Kind.RATE_GAP, "CDI", day(6))]
    wrong = rates(("CDI", 2, 9.0, CDI))
    assert list(rate_faults(wrong, day(3), day(6), None)) == []
    assert list(rate_faults(wrong, day(1), day(1), None)) == []
    assert len(list(rate_faults(wrong, day(2), day(2), None))) == 1


def portfolio(*weights: float | None, of: int = 2) -> pa.Table:
    rows = [
        {"index": "IBOV", "day": day(of), "ticker": f"ABC{n}3", "quantity": 1, "weight": weight}
        for n, weight in enumerate(weights)
    ]
    return pa.Table.from_pylist(rows, PORTFOLIOS.schema)


@pytest.mark.parametrize(
    ("weights", "total"),
    [
        ((60.0, 40.0), None),
        ((33.333, 33.333, 33.333), None),
        ((60.0, 39.0), "99"),
        ((60.0, 40.002), "100.002"),
        ((60.0, 40.001), None),
    ],
)
def test_weights_sum_to_a_hundred(weights: tuple[float, ...], total: str | None) -> None:
    found = list(weight_faults(portfolio(*weights), *EVER))
    expected = Finding(Kind.WEIGHTS, "IBOV", day(2), f"its weights sum to {total} and not to 100")
    assert found == ([expected] if total else [])


def test_each_portfolio_of_the_wanted_days_is_summed_alone() -> None:
    odd = [portfolio(50.0, 40.0, of=number) for number in (2, 3, 6, 7)]
    found = list(weight_faults(pa.concat_tables([*odd, portfolio(100.0, of=8)]), day(3), day(6)))
    assert {(one.ticker, one.day) for one in found} == {("IBOV", day(3)), ("IBOV", day(6))}
    unknown = portfolio(None, None)
    assert list(weight_faults(unknown, *EVER)) == [
        Finding(Kind.WEIGHTS, "IBOV", day(2), "its weights sum to 0 and not to 100")
    ]


def papers(*tickers: str) -> pa.Table:
    about = {"isin": None, "name": "", "kind": "share", "spec": "ON", "quotation_factor": 1, "sessions": 1}
    days = {"first_day": day(2), "last_day": day(3)}
    return pa.Table.from_pylist([{"ticker": ticker} | about | days for ticker in tickers], INSTRUMENTS.schema)


def test_instruments_without_quotes_in_a_lake_of_the_market() -> None:
    table = papers("ABEV3", "PETR4", "VALE3")
    (found,) = instrument_faults(table, {"PETR4": {day(2)}, "VALE3": {day(2)}})
    assert (found.kind, found.ticker) == (Kind.INSTRUMENT, "ABEV3")
    assert found.detail == "traded from 2024-05-02 to 2024-05-03, and the lake has no quote of it"
    assert list(instrument_faults(table, {"PETR4": {day(2)}})) == []
    half = papers("ABEV3", "ITUB4", "PETR4", "VALE3")
    found = instrument_faults(half, {"PETR4": {day(2)}, "VALE3": {day(2)}, "NONE3": {day(2)}})
    assert [one.ticker for one in found] == ["ABEV3", "ITUB4"], "half is enough"
    assert list(instrument_faults(papers(), {"PETR4": {day(2)}})) == []


def test_the_doctor_names_them(command: Command, lake: TestLake, fake_yahoo: FakeYahoo) -> None:
    assert command("--tickers", "PETR4", *RANGE) == 0
    to = Destination(open_store(lake.bucket, session()), "yahoo")
    bad = {
        RATES: pa.concat_tables([cdi(2, 3, 6, 8), rates(("IPCA", 1, 99.0, "% a month"))]),
        PORTFOLIOS: portfolio(50.0, 40.0),
        INSTRUMENTS: papers("PETR4", "ABEV3"),
    }
    for table, rows in bad.items():
        assert asyncio.run(update_table(to, table, lambda _rows, rows=rows: rows))
    assert command.doctor("--json") == 3
    found = [(one["finding"], one["ticker"], one["day"]) for one in command.lines()]
    assert found == [
        ("impossible-rate", "IPCA", "2024-05-01"),
        ("instrument-without-quotes", "ABEV3", None),
        ("rate-gap", "CDI", "2024-05-07"),
        ("weights", "IBOV", "2024-05-02"),
    ]
    assert command.doctor("--tickers", "PETR4", "--start-date", str(DAYS[-1]), "--json") == 0
