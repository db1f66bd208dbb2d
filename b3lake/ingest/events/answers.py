"""Reads the answers of B3's service of listed companies about one issuer. Pure: text in, rows of exact values out.

Numbers are Portuguese (`9.900,00000000000` is nine thousand nine hundred), dates are day first, and a date that is none
(`31/12/9999`) is not known. An answer that cannot be whole is refused in one clause.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from b3lake.ingest.events.event import EventsError, NotToldError
from b3lake.ingest.sources.b3_index import PORTUGUESE

SUPPLEMENT = "GetListedSupplementCompany"
"""Stock events of all years; cash of about the last twelve months, with the days of payment."""
CASH = "GetListedCashDividends"
"""Cash of all years, some weeks late."""

_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{4})", re.ASCII)
_YEARS = range(1950, 2101)


@dataclass(frozen=True)
class StockRow:
    """A split, grouping, bonus or something like it; `factor` is the number as B3 means it under `label`."""

    isin: str
    asset: str
    label: str
    factor: Decimal | None
    printed: str
    last_day: dt.date | None
    approved_on: dt.date | None


@dataclass(frozen=True)
class CashRow:
    """Cash per share, gross. The supplement tells `isin` and `payment_date`, the other call `share_class`."""

    label: str
    value: Decimal | None
    last_day: dt.date | None
    approved_on: dt.date | None
    isin: str = ""
    share_class: str = ""
    payment_date: dt.date | None = None


@dataclass(frozen=True)
class SubscriptionRow:
    """A right to buy new shares: their number in per cent of those held, and their price."""

    isin: str
    percentage: Decimal | None
    price: Decimal | None
    last_day: dt.date | None
    approved_on: dt.date | None


@dataclass(frozen=True)
class Supplement:
    """GetListedSupplementCompany."""

    trading_name: str
    stock: tuple[StockRow, ...]
    cash: tuple[CashRow, ...]
    subscriptions: tuple[SubscriptionRow, ...]


@dataclass(frozen=True)
class CashPage:
    """One page of GetListedCashDividends: how many pages and rows there are in all, and its own rows."""

    pages: int
    records: int
    rows: tuple[CashRow, ...]


def read_supplement(body: bytes) -> Supplement:
    """The supplement of an issuer. Raises EventsError, of an issuer that B3 does not know NotToldError."""
    told = _json(body)
    company = told[0] if isinstance(told, list) and told else told
    if not isinstance(company, dict) or not company:
        raise NotToldError("B3 does not know the issuer (its answer is empty)")
    if not any(isinstance(company.get(name), list) for name in ("stockDividends", "cashDividends", "subscriptions")):
        raise EventsError("B3's answer has no lists of events")
    return Supplement(
        _text(company.get("tradingName")),
        tuple(_stock_row(row) for row in _rows(company.get("stockDividends"))),
        tuple(_supplement_cash_row(row) for row in _rows(company.get("cashDividends"))),
        tuple(_subscription_row(row) for row in _rows(company.get("subscriptions"))),
    )


def read_cash_page(body: bytes) -> CashPage:
    """A page of an issuer's cash events. Raises EventsError, also when its totals are null: then it is no answer."""
    told = _json(body)
    if not isinstance(told, dict) or not told:
        raise EventsError("B3's answer is empty")
    page = told.get("page")
    pages, records = (page.get("totalPages"), page.get("totalRecords")) if isinstance(page, dict) else (None, None)
    if not isinstance(pages, int) or not isinstance(records, int):
        raise EventsError("B3's answer is a page of null totals")
    return CashPage(pages, records, tuple(_cash_row(row) for row in _rows(told.get("results"))))


def whole(pages: Sequence[CashPage]) -> tuple[CashRow, ...]:
    """The rows of all pages. Raises EventsError unless they are as many as the pages say."""
    rows = tuple(row for page in pages for row in page.rows)
    if any(page.records != len(rows) for page in pages):
        raise EventsError(f"B3's answer has {len(rows)} cash events where it says that there are {pages[0].records}")
    return rows


def as_one(bodies: Sequence[bytes]) -> bytes:
    """The pages of an answer as one in the same form; a single page as it came. Raises EventsError."""
    if len(bodies) == 1:
        return bodies[0]
    pages = [_json(body) for body in bodies]
    whole([read_cash_page(body) for body in bodies])
    results = [row for page in pages for row in page["results"]]
    page = {"pageNumber": 1, "pageSize": len(results), "totalRecords": len(results), "totalPages": 1}
    return json.dumps({"page": page, "results": results}, ensure_ascii=False).encode()


def _json(body: bytes) -> Any:
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise EventsError("B3's answer is empty")
    if text.startswith(b"<"):
        raise EventsError("B3 answers with a page instead of JSON")
    try:
        told = json.loads(text)
        # The service has been seen to send its answer as a text within JSON.
        return json.loads(told) if isinstance(told, str) and told.strip() else told
    except (ValueError, RecursionError) as error:
        raise EventsError("B3's answer is no JSON") from error


def _rows(told: Any) -> list[dict[str, Any]]:
    if told is None:
        return []
    if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
        raise EventsError("B3's answer has something else than events in its lists")
    return told


def _stock_row(row: dict[str, Any]) -> StockRow:
    return StockRow(
        isin=_text(row.get("isinCode")),
        asset=_text(row.get("assetIssued")),
        label=_text(row.get("label")),
        factor=_number(row.get("factor")),
        printed=_text(row.get("factor")),
        last_day=_day(row.get("lastDatePrior")),
        approved_on=_day(row.get("approvedOn")),
    )


def _supplement_cash_row(row: dict[str, Any]) -> CashRow:
    return CashRow(
        label=_text(row.get("label")),
        value=_number(row.get("rate")),
        last_day=_day(row.get("lastDatePrior")),
        approved_on=_day(row.get("approvedOn")),
        isin=_text(row.get("isinCode")),
        payment_date=_day(row.get("paymentDate")),
    )


def _cash_row(row: dict[str, Any]) -> CashRow:
    """A row of the cash call; of old shares the value is of a thousand."""
    value, shares = _number(row.get("valueCash")), _number(row.get("quotedPerShares"))
    words = _text(row.get("typeStock")).split()
    return CashRow(
        label=_text(row.get("corporateAction")),
        value=value / shares if value is not None and shares else value,
        last_day=_day(row.get("lastDatePriorEx")),
        approved_on=_day(row.get("dateApproval")),
        share_class=words[0] if words else "",
    )


def _subscription_row(row: dict[str, Any]) -> SubscriptionRow:
    return SubscriptionRow(
        isin=_text(row.get("isinCode")),
        percentage=_number(row.get("percentage")),
        price=_number(row.get("priceUnit")),
        last_day=_day(row.get("lastDatePrior")),
        approved_on=_day(row.get("approvedOn")),
    )


def _text(told: Any) -> str:
    return str(told).strip() if isinstance(told, str | int | float) else ""


def _number(told: Any) -> Decimal | None:
    """The number that is told, None for none. A plain number of JSON is taken as it is."""
    if isinstance(told, int | float) and not isinstance(told, bool):
        return Decimal(str(told)) if math.isfinite(told) else None
    try:
        return PORTUGUESE.number(_text(told))
    except ValueError:
        return None


def _day(told: Any) -> dt.date | None:
    match = _DATE.match(_text(told))
    if not match or int(match[3]) not in _YEARS:
        return None
    try:
        return dt.date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        return None
