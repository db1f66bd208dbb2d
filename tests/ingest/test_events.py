"""B3's own events: each rule of its answers, the right values of real ones, and what enters the quotes."""

import csv
import datetime as dt
import json
import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b3lake.ingest.events.answers import read_cash_page, read_supplement, whole
from b3lake.ingest.events.enter import EventsOfDay, events_of_days, moved_from
from b3lake.ingest.events.event import Event, EventsError, Kind, Share, Status
from b3lake.ingest.events.prices import Quotes, dispute
from b3lake.ingest.events.rules import class_in_isin, class_of, events_of
from b3lake.ingest.events.table import from_table, to_table
from b3lake.ingest.sources.b3_events import B3Events
from b3lake.lake.calendar import session_after, sessions_between
from b3lake.lake.schemas import EVENTS_SCHEMA
from tests.ingest.listed_companies import cash, cash_body, events, recent, stock, supplement_body

XPTO3 = Share("XPTO3", ("BRXPTOACNOR1",), "ON", "XPTO S/A")


def recorded_events(folder: Path, ticker: str, *isins: str) -> list[Event]:
    answers = B3Events(folder=folder / "b3_events").ask(ticker[:4], "")
    return events_of(Share(ticker, isins), answers.supplement, answers.cash)


def ratios(found: list[Event]) -> dict[str, Decimal]:
    """The product of the applied ratios of each last day with the right."""
    products: dict[str, Decimal] = {}
    for event in found:
        if event.is_ratio and event.status is Status.APPLIED:
            day = str(event.last_day)
            products[day] = products.get(day, Decimal(1)) * event.value
    return products


def amounts(found: list[Event]) -> dict[str, Decimal]:
    """The sum of the cash of each last day with the right."""
    sums: dict[str, Decimal] = {}
    for event in found:
        if not event.is_ratio and event.value is not None:
            sums[str(event.last_day)] = sums.get(str(event.last_day), Decimal(0)) + event.value
    return sums


def test_the_steps_of_real_prices_are_explained(shared_data: Path):
    with (shared_data / "b3_events" / "steps.csv").open() as file:
        steps = list(csv.DictReader(file))
    assert len(steps) == 6
    for step in steps:
        found = recorded_events(shared_data, step["ticker"])
        of_day = [event for event in found if str(event.last_day) == step["last_day_with_right"]]
        assert {str(event.ex_date) for event in of_day} == {step["next_session"]}
        if step["shares_multiplied_by"] == "unsized":
            assert [(event.kind, event.value, event.status) for event in of_day] == [(Kind.OTHER, None, Status.UNSIZED)]
            assert of_day[0].note == "CIS RED CAP 100,00000000000: the number is no ratio of shares"
        else:
            assert ratios(found)[step["last_day_with_right"]] == Decimal(step["shares_multiplied_by"])


def test_all_events_of_magazine_luiza(shared_data: Path):
    found = recorded_events(shared_data, "MGLU3", "BRMGLUACNOR2")
    assert [(event.kind, event.value, event.ex_date, event.approved_on) for event in found] == [
        (Kind.SPLIT, 4, dt.date(2020, 10, 14), dt.date(2020, 10, 7)),
        (Kind.GROUPING, Decimal("0.1"), dt.date(2024, 5, 27), dt.date(2024, 4, 24)),
        (Kind.BONUS, Decimal("1.05"), dt.date(2025, 12, 30), dt.date(2025, 12, 22)),
    ]


@pytest.mark.parametrize("isins", [(), ("BRBBASACNOR3",), ("BRBBASACNOR3", "BRBBASA04OR8")])
def test_an_event_under_three_isins_is_one(shared_data: Path, isins: tuple[str, ...]):
    found = recorded_events(shared_data, "BBAS3", *isins)
    assert [(event.isin, event.kind, event.value, event.status) for event in found] == [
        ("BRBBASACNOR3", Kind.SPLIT, 2, Status.APPLIED)
    ]


def test_two_events_of_one_day_multiply(shared_data: Path):
    found = recorded_events(shared_data, "TIMS3", "BRTIMSACNOR5")
    assert sorted((event.kind, event.value) for event in found) == [
        (Kind.GROUPING, Decimal("0.01")),
        (Kind.SPLIT, Decimal("100")),
    ]
    days = [dt.date(2025, 7, 2), dt.date(2025, 7, 3), dt.date(2025, 7, 4)]
    assert events_of_days(found, days) == {days[1]: EventsOfDay(None, 1.0)}


def test_the_bonus_beside_an_event_without_a_ratio(shared_data: Path):
    found = recorded_events(shared_data, "ITUB4", "BRITUBACNPR1")
    assert [(event.kind, event.value, event.status) for event in found] == [
        (Kind.OTHER, None, Status.UNSIZED),
        (Kind.BONUS, Decimal("1.03"), Status.APPLIED),
    ]


def test_instalments_add_up_and_old_amounts_are_of_a_thousand_shares(shared_data: Path):
    found = recorded_events(shared_data, "PETR4", "BRPETRACNPR6")
    assert amounts(found) == {"2004-09-30": Decimal("0.00017"), "2026-06-01": Decimal("0.70097272")}
    assert [event.kind for event in found] == [Kind.DIVIDEND, Kind.JCP, Kind.JCP]
    days = [dt.date(2026, 6, 1), dt.date(2026, 6, 2)]
    assert events_of_days(found, days) == {days[1]: EventsOfDay(0.70097272, None)}
    assert amounts(recorded_events(shared_data, "PETR3")) == {"2026-04-22": Decimal("0.31311454")}


def test_four_instalments_of_a_unit(shared_data: Path):
    found = recorded_events(shared_data, "KLBN11", "BRKLBNCDAM18")
    assert len(found) == 4
    assert amounts(found) == {"2025-12-15": Decimal("0.18238868899")}
    days = [dt.date(2025, 12, 15), dt.date(2025, 12, 16)]
    assert events_of_days(found, days) == {days[1]: EventsOfDay(0.18238868899, None)}


def test_both_recorded_answers_about_ambev(shared_data: Path):
    """29 rows of cash, of which the supplement has two more, with their day of payment: they are not added."""
    found = recorded_events(shared_data, "ABEV3", "BRABEVACNOR1")
    money = [event for event in found if event.kind in {Kind.DIVIDEND, Kind.JCP}]
    assert len(money) == 29
    assert sum(event.value for event in money) == Decimal("4.7946")
    newest = {event.kind: event for event in money if event.last_day == dt.date(2021, 12, 17)}
    assert {kind: (str(event.value), event.payment_date) for kind, event in newest.items()} == {
        Kind.DIVIDEND: ("0.1334", dt.date(2021, 12, 30)),
        Kind.JCP: ("0.4702", dt.date(2021, 12, 30)),
    }
    assert {event.payment_date for event in money if event.last_day < dt.date(2021, 1, 1)} == {None}
    assert [event.note for event in found if event.kind is Kind.SUBSCRIPTION] == [
        "a right to buy 0.139940902 % of new shares at 16.09 BRL, which adjusts nothing"
    ]


@pytest.mark.parametrize(
    ("label", "factor", "kind", "value"),
    [
        ("DESDOBRAMENTO", "300,00000000000", Kind.SPLIT, "4"),
        ("DESDOBRAMENTO", "9.900,00000000000", Kind.SPLIT, "100"),
        ("BONIFICACAO", "5,00000000000", Kind.BONUS, "1.05"),
        ("BONIFICAÇÃO", "33,33333333333", Kind.BONUS, "1.3333333333333"),
        ("bonificacao ", "10", Kind.BONUS, "1.1"),
        ("GRUPAMENTO", "0,10000000000", Kind.GROUPING, "0.1"),
        ("GRUPAMENTO", "0,00100000000", Kind.GROUPING, "0.001"),
        ("CIS RED CAP", "100,00000000000", Kind.OTHER, None),
        ("INCORPORACAO", "85,12340000000", Kind.OTHER, None),
        ("RESG TOTAL RV", "100,00000000000", Kind.OTHER, None),
        ("SOMETHING NEW", "7,0", Kind.OTHER, None),
        ("DESDOBRAMENTO", "", Kind.SPLIT, None),
        ("GRUPAMENTO", "0,00000000000", Kind.GROUPING, None),
        ("BONIFICACAO", "-5,0", Kind.BONUS, None),
        ("BONIFICACAO", "1.00,5", Kind.BONUS, None),
    ],
)
def test_a_label_decides_how_its_number_is_read(label: str, factor: str, kind: Kind, value: str | None):
    (event,) = events(XPTO3, [stock(label, factor, "15/04/2024")])
    assert (event.kind, event.value) == (kind, None if value is None else Decimal(value))
    assert event.status is (Status.UNSIZED if value is None else Status.APPLIED)
    assert event.note.startswith(f"{label.strip()} {factor}".strip())


@given(st.integers(1, 2_000_000), st.sampled_from(["DESDOBRAMENTO", "BONIFICACAO", "GRUPAMENTO"]))
def test_any_factor_is_read_to_its_last_digit(hundredths: int, label: str):
    printed = f"{hundredths // 100:,}".replace(",", ".") + f",{hundredths % 100:02}000000000"
    (event,) = events(XPTO3, [stock(label, printed, "15/04/2024")])
    number = Decimal(hundredths) / 100
    assert event.value == (number if label == "GRUPAMENTO" else 1 + number / 100)


def test_a_bonus_in_another_paper_is_no_ratio():
    (event,) = events(XPTO3, [stock("BONIFICACAO", "10,0", "15/04/2024", assetIssued="BRXPTOACNPR8")])
    assert (event.value, event.status) == (None, Status.UNSIZED)
    assert event.note == "BONIFICACAO 10,0, in another paper (BRXPTOACNPR8)"
    (renamed,) = events(XPTO3, [stock("BONIFICACAO", "10,0", "15/04/2024", assetIssued="BRNEWXACNOR8")])
    assert renamed.value == Decimal("1.1")


def test_equal_stock_rows_of_one_isin_multiply_and_those_of_others_are_others():
    rows = [stock("BONIFICACAO", "10,0", "15/04/2024")] * 2
    rows += [stock("DESDOBRAMENTO", "100,0", "15/04/2024", "BRXPTOACNPR8")]
    rows += [stock("BONIFICACAO", "10,0", "15/04/2024", "BRXPTOA01OR9")]
    assert ratios(events(XPTO3, rows)) == {"2024-04-15": Decimal("1.21")}
    assert ratios(events(Share("XPTO4", ("BRXPTOACNPR8",), "PN"), rows)) == {"2024-04-15": Decimal(2)}


def test_the_isin_of_the_quotes_comes_before_the_class_and_of_several_the_newest_that_has_the_day():
    rows = [
        stock("DESDOBRAMENTO", "100,0", "15/04/2010", "BROLDXACNOR1"),
        stock("DESDOBRAMENTO", "100,0", "15/04/2020", "BROLDXACNOR1"),
        stock("DESDOBRAMENTO", "200,0", "15/04/2020", "BRNEWXACNOR2"),
        stock("DESDOBRAMENTO", "900,0", "15/04/2021", "BRXPTOACNOR1"),
    ]
    share = Share("NEWX3", ("BRNEWXACNOR2", "BROLDXACNOR1"), "ON")
    assert ratios(events(share, rows)) == {"2010-04-15": Decimal(2), "2020-04-15": Decimal(3)}
    stranger = Share("NEWX3", ("BRELSEACNOR9",), "ON")
    assert ratios(events(stranger, rows)) == {
        "2010-04-15": Decimal(2),
        "2020-04-15": Decimal(3),
        "2021-04-15": Decimal(10),
    }


@pytest.mark.parametrize(
    ("ticker", "isin", "share_class"),
    [
        ("PETR3", "BRPETRACNOR9", "ON"),
        ("PETR4", "BRPETRACNPR6", "PN"),
        ("USIM5", "BRUSIMACNPA6", "PNA"),
        ("CESP6", "BRCESPACNPB4", "PNB"),
        ("KLBN11", "BRKLBNCDAM18", "UNT"),
        ("AAPL34", "BRAAPLBDR004", ""),
    ],
)
def test_classes(ticker: str, isin: str, share_class: str):
    assert class_in_isin(isin) == share_class
    assert class_of(Share(ticker)) == share_class
    assert class_of(Share(ticker, share_class="DRN")) == "DRN"


def test_an_issuer_is_asked_for_by_todays_code():
    assert Share("PETR4").issuer == "PETR"
    assert Share("VVAR3").issuer == "BHIA"


def test_never_both_calls_together_and_of_each_day_the_one_that_is_complete():
    listed = [cash("DIVIDENDO", "0,5", "10/03/2021"), cash("JRS CAP PROPRIO", "0,2", "10/03/2021")]
    told = [
        recent("DIVIDENDO", "0,50000000000", "10/03/2021", paymentDate="15/03/2021"),
        recent("DIVIDENDO", "0,30000000000", "10/06/2021", paymentDate="15/06/2021"),
        recent("JRS CAP PROPRIO", "0,20000000000", "10/03/2021", paymentDate="20/03/2021"),
        recent("JRS CAP PROPRIO", "0,20000000000", "10/03/2021", paymentDate="20/12/2021"),
    ]
    found = events(XPTO3, [], told, listed)
    assert [(event.kind, str(event.value.normalize()), str(event.payment_date), event.source) for event in found] == [
        (Kind.DIVIDEND, "0.5", "2021-03-15", "GetListedCashDividends"),
        (Kind.JCP, "0.2", "2021-03-20", "GetListedSupplementCompany"),
        (Kind.JCP, "0.2", "2021-12-20", "GetListedSupplementCompany"),
        (Kind.DIVIDEND, "0.3", "2021-06-15", "GetListedSupplementCompany"),
    ]


def test_cash_of_the_other_classes_is_theirs():
    rows = [cash("DIVIDENDO", "1,0", "10/03/2021", "ON"), cash("DIVIDENDO", "1,1", "10/03/2021", "PNA")]
    rows += [cash("DIVIDENDO", "3,2", "10/03/2021", "UNT"), cash("DIVIDENDO", "1,2", "10/03/2021", "PNB")]
    for ticker, value in (("XPTO3", "1.0"), ("XPTO5", "1.1"), ("XPTO6", "1.2"), ("XPTO11", "3.2"), ("XPTO4", None)):
        found = events(Share(ticker), [], [], rows)
        assert [str(event.value) for event in found] == ([value] if value else [])


def test_what_is_no_dividend_is_cash_all_the_same_and_what_has_no_amount_is_named():
    rows = [cash("REST CAP DIN", "0,75", "10/03/2021"), cash("RENDIMENTO", "0,01", "11/03/2021")]
    rows += [cash("DIVIDENDO", "", "12/03/2021"), cash("DIVIDENDO", "0,00", "15/03/2021")]
    found = events(XPTO3, [], [], rows)
    assert [(event.kind, event.status) for event in found] == [
        (Kind.OTHER, Status.APPLIED),
        (Kind.DIVIDEND, Status.APPLIED),
        (Kind.DIVIDEND, Status.UNSIZED),
        (Kind.DIVIDEND, Status.UNSIZED),
    ]
    assert [event.note for event in found] == ["REST CAP DIN", "RENDIMENTO", *["DIVIDENDO: no amount"] * 2]


def test_events_without_a_place_in_the_lake_are_kept_and_not_applied():
    rows = [stock("DESDOBRAMENTO", "100,0", day) for day in ("", "31/12/9999", "99/99/2020", "15/04/1992")]
    found = events(XPTO3, rows, [], [cash("DIVIDENDO", "1.200,00", "10/03/1993")])
    assert [(event.ex_date, event.status) for event in found] == [(None, Status.UNSIZED)] * 5
    assert {event.note.partition("; ")[2][:4] for event in found if event.is_ratio} == {"B3 t", "it i"}
    assert [event.note for event in found if event.kind is Kind.DIVIDEND] == [
        "DIVIDENDO in a currency before the real; "
        "it is before 1994-07-04, the first session in reais, in which this lake is kept"
    ]


def test_the_ex_date_is_the_next_session():
    assert session_after(dt.date(2024, 2, 9)) == dt.date(2024, 2, 14), "carnival"
    assert session_after(dt.date(2025, 12, 30)) == dt.date(2026, 1, 2)
    assert session_after(dt.date(1994, 9, 30)) == dt.date(1994, 10, 4), "an election that the calendar forgot"
    assert session_after(dt.date(2099, 12, 31)) == dt.date(2100, 1, 1), "a Thursday, where no calendar is"
    assert session_after(dt.date(2100, 1, 1)) == dt.date(2100, 1, 4)


# What enters the quotes.


def test_events_enter_the_next_trade_and_the_day_before_the_lake_has_none():
    found = events(
        XPTO3,
        [stock("DESDOBRAMENTO", "100,0", "08/04/2024"), stock("BONIFICACAO", "10,0", "02/01/2020")],
        [],
        [cash("DIVIDENDO", "0,5", "08/04/2024"), cash("DIVIDENDO", "0,25", "09/04/2024")],
    )
    days = [dt.date(2024, 4, 5), dt.date(2024, 4, 8), dt.date(2024, 4, 11), dt.date(2024, 4, 12)]
    assert events_of_days(found, days) == {days[2]: EventsOfDay(0.75, 2.0)}
    assert events_of_days(found, days[:2]) == {}
    assert events_of_days(found, [dt.date(2024, 4, 9)]) == {dt.date(2024, 4, 9): EventsOfDay(0.5, 2.0)}
    assert events_of_days(found, [dt.date(2024, 4, 11)]) == {}
    assert events_of_days(found, []) == {}


def test_a_row_that_lost_its_event_to_a_row_that_came_later_is_known():
    found = events(XPTO3, [stock("DESDOBRAMENTO", "100,0", "08/04/2024"), stock("GRUPAMENTO", "0,1", "01/04/2024")])
    days = [dt.date(2024, 4, day) for day in (1, 2, 8, 9, 10, 11)]
    assert list(moved_from(found, days, {days[3]})) == [days[4]]
    assert list(moved_from(found, days, {days[3], days[4]})) == [days[5]]
    assert list(moved_from(found, days, {days[3], days[4], days[5]})) == []
    assert list(moved_from(found, days, {days[2], days[5]})) == []
    assert list(moved_from(found, days, {days[1]})) == [days[2]]


@given(st.lists(st.integers(1, 10**11 - 1), min_size=1, max_size=12))
def test_sums_are_exact(numbers: list[int]):
    """Eleven decimals each: binary floats would add them up with noise."""
    rows = [cash("DIVIDENDO", f"0,{number:011}", "08/04/2024") for number in numbers]
    found = events(XPTO3, [], [], rows)
    days = [dt.date(2024, 4, 8), dt.date(2024, 4, 9)]
    total = sum(numbers)
    assert events_of_days(found, days)[days[1]].dividends == float(Decimal(total).scaleb(-11))
    assert events_of_days(from_table(to_table(found)), days) == events_of_days(found, days)


# What prices say.


def quotes(closes: list[float], last_day: dt.date = dt.date(2024, 4, 8), opens: list[float] | None = None) -> Quotes:
    """Closes around `last_day`, which has the second; opens are the closes unless given."""
    days = [dt.date(2024, 4, 5), last_day, *sessions_between(dt.date(2024, 4, 9), dt.date(2024, 5, 31))][: len(closes)]
    return Quotes(days, np.array(opens or closes), np.array(closes))


@pytest.mark.parametrize(
    ("label", "factor", "closes", "status"),
    [
        ("DESDOBRAMENTO", "300,0", [100.0, 104.0, 25.59], Status.APPLIED),
        ("DESDOBRAMENTO", "300,0", [100.0, 104.0, 103.0], Status.DISPUTED),
        ("DESDOBRAMENTO", "300,0", [100.0, 104.0, 51.0], Status.APPLIED),
        ("DESDOBRAMENTO", "300,0", [100.0, 104.0, 53.0], Status.DISPUTED),
        ("DESDOBRAMENTO", "300,0", [100.0, 104.0, 12.0], Status.DISPUTED),
        ("GRUPAMENTO", "0,10", [1.30, 1.32, 13.15], Status.APPLIED),
        ("GRUPAMENTO", "0,10", [1.30, 1.32, 1.31], Status.DISPUTED),
        ("GRUPAMENTO", "10,0", [1.30, 1.32, 13.15], Status.DISPUTED),
        ("BONIFICACAO", "5,0", [9.40, 9.35, 8.94], Status.APPLIED),
        ("BONIFICACAO", "5,0", [9.40, 9.35, 9.36], Status.DISPUTED),
        ("BONIFICACAO", "100,0", [29.60, 29.67, 24.34], Status.DISPUTED),
    ],
)
def test_prices_dispute_a_ratio_that_leaves_more_than_half_of_the_step(label, factor, closes, status):
    found = events(XPTO3, [stock(label, factor, "08/04/2024")])
    (judged,) = dispute(found, quotes(closes))
    assert judged.status is status
    assert (judged.value, judged.kind) == (found[0].value, found[0].kind)
    entered = {dt.date(2024, 4, 9): EventsOfDay(None, float(judged.value))} if status is Status.APPLIED else {}
    assert events_of_days([judged], quotes(closes).days) == entered


def test_a_dispute_says_what_the_prices_did():
    (judged,) = dispute(events(XPTO3, [stock("DESDOBRAMENTO", "300,0", "08/04/2024")]), quotes([100.0, 104.0, 103.0]))
    assert judged.note == "DESDOBRAMENTO 300,0; the close went from 104 to 103, where it would make 26.00"


def test_an_open_that_agrees_is_enough():
    found = events(XPTO3, [stock("BONIFICACAO", "5,0", "08/04/2024")])
    (judged,) = dispute(found, quotes([9.40, 9.35, 9.36], opens=[9.4, 9.4, 8.95]))
    assert judged.status is Status.APPLIED


def test_a_large_dividend_of_the_same_day_is_taken_off_first():
    found = events(XPTO3, [stock("BONIFICACAO", "10,0", "08/04/2024")], [], [cash("DIVIDENDO", "6,0", "08/04/2024")])
    assert [event.status for event in dispute(found, quotes([10.0, 10.0, 3.65]))] == [Status.APPLIED] * 2
    judged = dispute(found, quotes([10.0, 10.0, 9.1]))
    assert {event.kind: event.status for event in judged} == {
        Kind.BONUS: Status.DISPUTED,
        Kind.DIVIDEND: Status.APPLIED,
    }


def test_a_pair_that_makes_one_is_judged_together():
    pair = [stock("DESDOBRAMENTO", "9.900,0", "08/04/2024"), stock("GRUPAMENTO", "0,01", "08/04/2024")]
    assert [event.status for event in dispute(events(XPTO3, pair), quotes([20.0, 20.1, 20.3]))] == [Status.APPLIED] * 2


@pytest.mark.parametrize(
    "silent",
    [
        Quotes([], np.array([]), np.array([])),
        quotes([100.0]),
        quotes([100.0, 104.0]),
        Quotes([dt.date(2024, 4, 9)], np.array([103.0]), np.array([103.0])),
        Quotes([dt.date(2023, 4, 5), dt.date(2024, 4, 9)], np.array([103.0] * 2), np.array([103.0] * 2)),
        quotes([100.0, 104.0, math.nan]),
        quotes([100.0, math.nan, 103.0]),
    ],
    ids=[
        "no quotes",
        "before",
        "up to the last day",
        "from the ex date on",
        "a year before",
        "no close",
        "no close before",
    ],
)
def test_without_prices_around_it_nothing_is_disputed(silent: Quotes):
    found = events(XPTO3, [stock("DESDOBRAMENTO", "300,0", "08/04/2024")])
    assert dispute(found, silent) == found


def test_beside_an_event_of_unknown_size_prices_tell_nothing():
    rows = [stock("BONIFICACAO", "10,0", "08/04/2024"), stock("CIS RED CAP", "50,0", "08/04/2024")]
    found = events(XPTO3, rows)
    assert dispute(found, quotes([10.0, 10.0, 10.0])) == found
    rows[1]["lastDatePrior"] = "09/04/2024"
    assert [event.status for event in dispute(events(XPTO3, rows), quotes([10.0] * 4))] == [
        Status.DISPUTED,
        Status.UNSIZED,
    ]


# The table.


def test_the_table_has_every_event_once_and_gives_it_back():
    rows = [cash("DIVIDENDO", "0,04559717225", "15/12/2025")] * 3
    found = events(XPTO3, [stock("GRUPAMENTO", "0,10", "24/05/2024"), stock("CIS RED CAP", "1,0", "")], [], rows)
    table = to_table(reversed(found))
    assert table.schema.equals(EVENTS_SCHEMA)
    assert table == to_table(found)
    assert [row["value"] for row in table.to_pylist()] == [None, 0.1, *[0.04559717225] * 3]
    assert table.to_pylist()[1] == {
        "ticker": "XPTO3",
        "isin": "BRXPTOACNOR1",
        "ex_date": dt.date(2024, 5, 27),
        "last_day_with_right": dt.date(2024, 5, 24),
        "kind": "grouping",
        "value": 0.1,
        "approved_on": dt.date(2020, 2, 1),
        "payment_date": None,
        "source": "GetListedSupplementCompany",
        "status": "applied",
        "note": "GRUPAMENTO 0,10",
    }
    assert sorted(from_table(table), key=repr) == sorted(found, key=repr)


# Answers that are none.


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "B3's answer is empty"),
        (b"  \n", "B3's answer is empty"),
        (b"<!DOCTYPE html><html></html>", "B3 answers with a page instead of JSON"),
        (b"\xef\xbb\xbf <html/>", "B3 answers with a page instead of JSON"),
        (b"{truncated", "B3's answer is no JSON"),
        (b"\xff\xfe\x00", "B3's answer is no JSON"),
    ],
)
def test_an_answer_that_is_none_is_refused_in_a_clause(body: bytes, cause: str):
    for read in (read_supplement, read_cash_page):
        with pytest.raises(EventsError) as refused:
            read(body)
        assert str(refused.value) == cause


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'""', b"[null]", b"[[]]", b"7"])
def test_a_supplement_without_a_company_is_none(body: bytes):
    with pytest.raises(EventsError):
        read_supplement(body)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'""', b"7", b'{"results": []}', b'{"page": {}}'])
def test_a_cash_answer_without_totals_is_none(body: bytes):
    with pytest.raises(EventsError):
        read_cash_page(body)


def test_a_page_of_null_totals_is_no_answer(shared_data: Path):
    with pytest.raises(EventsError, match="null totals"):
        read_cash_page((shared_data / "b3_events" / "page-size-too-large.json").read_bytes())


def test_an_answer_that_lacks_rows_is_none():
    page = read_cash_page(cash_body([cash("DIVIDENDO", "1,0", "10/03/2021")], totalRecords=2))
    with pytest.raises(EventsError, match="has 1 cash events where it says that there are 2"):
        whole([page])


@pytest.mark.parametrize("odd", [[7], "DIVIDENDO", {"label": "x"}, [[]]])
def test_lists_of_something_else_are_refused(odd: object):
    with pytest.raises(EventsError, match="something else than events"):
        read_supplement(supplement_body(stockDividends=odd))
    with pytest.raises(EventsError, match="something else than events"):
        read_cash_page(json.dumps({"page": {"totalPages": 1, "totalRecords": 1}, "results": odd}).encode())


def test_null_lists_null_fields_and_plain_numbers_are_taken():
    told = read_supplement(supplement_body(stockDividends=None, cashDividends=[{}], tradingName="XPTO  "))
    assert (told.trading_name, told.stock, told.cash[0].value, told.cash[0].last_day) == ("XPTO", (), None, None)
    page = read_cash_page(cash_body([{"valueCash": 0.5, "quotedPerShares": 1000, "typeStock": "ON      NM"}]))
    assert (page.rows[0].value, page.rows[0].share_class) == (Decimal("0.0005"), "ON")
    assert read_cash_page(cash_body([])).rows == ()
    assert read_cash_page(cash_body([{"valueCash": math.nan, "quotedPerShares": math.inf}])).rows[0].value is None
    wrapped = json.dumps(supplement_body([stock("GRUPAMENTO", "0,1", "10/03/2021")]).decode()).encode()
    assert read_supplement(wrapped).stock[0].factor == Decimal("0.1")
