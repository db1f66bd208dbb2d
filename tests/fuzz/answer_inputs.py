"""Answers of the central bank and of B3's service by chance: sound ones, with anything in any place, or any bytes."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.event_inputs import ANYTHING

_DEEP = st.integers(1, 100_000).map(lambda depth: b"[" * depth)
_NUMBERS = st.sampled_from(
    ["0", "1,5", "1.5", "9.900,00000000000", "100", "100,000", "-1", "1e999", "\u0661", "9" * 400, "", "inf"]
)
_DAYS = st.sampled_from(["02/01/2024", "31/12/9999", "30/02/2024", "01/01/0001", "2024-01-02", "02/01/24", "05/30/24"])
_TEXTS = st.sampled_from(["DIVIDENDO", "DESDOBRAMENTO", "PETR4", "../..", "<b>", "ON  NM", "BRPETRACNPR6", "\x00"])


def _nearly(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A dictionary of these fields, of which some are missing and some anything."""
    return st.fixed_dictionaries({}, optional={name: value | value | ANYTHING for name, value in fields.items()})


def _answers(document: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    told = document.map(lambda one: json.dumps(one).encode())
    as_text = told.map(lambda one: json.dumps(one.decode()).encode())
    return st.one_of(told, told, told, as_text, st.binary(max_size=60), _DEEP)


def _rows(row: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(row, max_size=4)


_RATE = st.fixed_dictionaries({"data": st.sampled_from(["02/01/2024", "31/12/2023"]), "valor": st.just("0.043739")})
RATES = _answers(_rows(_RATE) | _rows(_RATE | _nearly(data=_DAYS, valor=_NUMBERS)))

_HUNDRED = {"theoricalQty": "100", "part": "100,000"}
_PORTFOLIO = {
    "page": {"totalPages": 1, "totalRecords": 1},
    "header": {"date": "02/01/24", **_HUNDRED},
    "results": [{"cod": "PETR4", **_HUNDRED}],
}
_MEMBER = _nearly(cod=st.sampled_from(["PETR4", "VALE3", "b3", "../x"]), theoricalQty=_NUMBERS, part=_NUMBERS)
_TOTALS = st.integers(0, 3) | st.sampled_from([1e999, 1e308, -1, "1", None])
_HEADER = st.just(_PORTFOLIO["header"]) | _nearly(date=_DAYS, part=_NUMBERS, theoricalQty=_NUMBERS)
_PAGE = _nearly(totalPages=_TOTALS, totalRecords=_TOTALS)
PORTFOLIOS = _answers(
    st.just(_PORTFOLIO)
    | st.fixed_dictionaries({"page": _PAGE, "header": _HEADER, "results": _rows(_MEMBER) | ANYTHING})
    | ANYTHING
)

_ROW = _nearly(
    isinCode=_TEXTS, assetIssued=_TEXTS, label=_TEXTS, factor=_NUMBERS, rate=_NUMBERS, lastDatePrior=_DAYS,
    approvedOn=_DAYS, paymentDate=_DAYS, percentage=_NUMBERS, priceUnit=_NUMBERS, corporateAction=_TEXTS,
    valueCash=_NUMBERS, quotedPerShares=_NUMBERS, typeStock=_TEXTS, lastDatePriorEx=_DAYS, dateApproval=_DAYS,
)  # fmt: skip
_COMPANY = _nearly(tradingName=_TEXTS, stockDividends=_rows(_ROW), cashDividends=_rows(_ROW), subscriptions=_rows(_ROW))
SUPPLEMENTS = _answers(_COMPANY.map(lambda one: [one]) | _COMPANY | ANYTHING)
_CASH = st.lists(_ROW, max_size=4).map(
    lambda rows: {"page": {"totalPages": 1, "totalRecords": len(rows)}, "results": rows}
)
CASH_PAGES = _answers(_CASH | _nearly(page=_PAGE, results=_rows(_ROW)) | ANYTHING)
