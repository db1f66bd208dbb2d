"""The members of B3's indexes, from the pages behind its site: the theoretical portfolio of the day.

The service writes numbers in English or in Portuguese, and dates in the same manner: `100.000` is a hundred in one and
a hundred thousand in the other. Its header says what the weights add up to, a hundred, and so which of both it is.
"""

import base64
import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from b3lake.ingest.sources.http_get import PATIENT, Answer, BackOff, PassingError, ServiceError, get
from b3lake.lake.errors import B3LakeError
from b3lake.lake.indexes import INDEXES
from b3lake.lake.schemas import PORTFOLIOS_SCHEMA
from b3lake.lake.tickers import normalise

BASE_URL = "https://sistemaswebb3-listados.b3.com.br"
PAGE_SIZE = 120
"""The most that the service takes: of more it says that there are null."""
MOST_PAGES = 20
DAYS_AHEAD = 7
"""A portfolio is of today or of the next session."""

_HUNDRED = Decimal(100)
_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{2})", re.ASCII)


class PortfolioError(B3LakeError):
    """The members of an index cannot be had, or what came cannot be all of them; nothing of it was used."""

    def __init__(self, index: str, cause: str) -> None:
        super().__init__(f"{index}, the members of {INDEXES.get(index, 'an index')} at B3: {cause}.")


@dataclass(frozen=True)
class Member:
    """One member: theoretical quantity in shares, and weight in per cent as it was printed."""

    ticker: str
    quantity: int
    weight: Decimal


@dataclass(frozen=True)
class Page:
    """One page of an answer; `day` is None where it tells none."""

    day: dt.date | None
    pages: int
    records: int
    quantity: int
    members: tuple[Member, ...]


@dataclass(frozen=True)
class NumberFormat:
    """How an answer writes numbers and dates."""

    decimal: str
    thousands: str
    day_first: bool

    def number(self, text: Any) -> Decimal:
        """The number that `text` writes. Raises ValueError."""
        if not isinstance(text, str):
            raise ValueError(f"{text!r} is no number as text")  # noqa: TRY004 - one error for every bad answer
        whole, _, decimals = text.partition(self.decimal)
        groups = whole.split(self.thousands)
        plain = len(groups) == 1 or (len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:]))
        digits = "".join(groups)
        if not plain or not f"{digits}{decimals}".isascii() or not digits.isdigit() or not f"0{decimals}".isdigit():
            raise ValueError(f"{text!r} is no number")
        return Decimal(f"{digits}.{decimals}" if decimals else digits)

    def whole(self, text: Any) -> int:
        """The whole number that `text` writes. Raises ValueError."""
        number = self.number(text)
        if number != int(number):
            raise ValueError(f"{text!r} is no whole number")
        return int(number)

    def day(self, text: Any) -> dt.date:
        """The day that `text` writes with two digits of the year. Raises ValueError."""
        match = _DATE.fullmatch(str(text))
        if not match:
            raise ValueError(f"{text!r} is no date")
        day, month = (match[1], match[2]) if self.day_first else (match[2], match[1])
        return dt.date(2000 + int(match[3]), int(month), int(day))


ENGLISH = NumberFormat(".", ",", day_first=False)
PORTUGUESE = NumberFormat(",", ".", day_first=True)


@dataclass(frozen=True)
class IndexPortfolios:
    """The service at `base_url` (setting B3LAKE_B3_LISTED_URL)."""

    base_url: str = BASE_URL
    back_off: BackOff = PATIENT
    page_size: int = PAGE_SIZE

    def portfolio(self, index: str, today: dt.date) -> pa.Table:
        """The members of `index` in its newest portfolio (PORTFOLIOS_SCHEMA, sorted by ticker).

        Raises PortfolioError, also when the parts do not add up to what the answer says.
        """
        pages = [self._page(index, 1)]
        if pages[0].pages > MOST_PAGES:
            raise PortfolioError(index, f"it has {pages[0].pages} pages, more than {MOST_PAGES}; run again later")
        pages += [self._page(index, number) for number in range(2, pages[0].pages + 1)]
        members, day = whole_portfolio(pages, index), pages[0].day
        if day is None:
            raise PortfolioError(index, "the answer does not say of which day it is; run again later")
        if day > today + dt.timedelta(days=DAYS_AHEAD):
            raise PortfolioError(index, f"the answer is of {day}, which is still to come; run again later")
        rows = [(index, day, each.ticker, each.quantity, float(each.weight)) for each in members]
        columns = dict(zip(PORTFOLIOS_SCHEMA.names, zip(*rows, strict=True), strict=True))
        return pa.table({name: list(values) for name, values in columns.items()}, schema=PORTFOLIOS_SCHEMA)

    def _page(self, index: str, number: int) -> Page:
        wanted = {"language": "pt-br", "pageNumber": number, "pageSize": self.page_size, "index": index, "segment": "1"}
        encoded = base64.b64encode(json.dumps(wanted, separators=(",", ":")).encode()).decode()
        url = f"{self.base_url}/indexProxy/indexCall/GetPortfolioDay/{encoded}"
        try:
            return get(url, lambda answer: parse(answer, index), self.back_off)
        except ServiceError as error:
            raise PortfolioError(index, str(error)) from error


def parse(answer: Answer, index: str) -> Page:
    """One page of the portfolio of `index`, in either format.

    Raises PassingError for what is no answer in JSON, PortfolioError for one that is no portfolio. Pure.
    """
    if answer.is_markup:
        raise PassingError(f"it answered {answer.status} with a page instead of JSON")
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise PassingError(f"it answered {answer.status} with something else than JSON") from error
    if answer.status != 200 or not isinstance(told, dict):
        raise PortfolioError(index, f"it refuses to answer (status {answer.status}); run again later")
    page, header, results = (told.get(name) for name in ("page", "header", "results"))
    if not isinstance(page, dict) or not page.get("totalRecords") or not isinstance(header, dict) or not results:
        raise PortfolioError(index, "the answer has no members; run again later")
    try:
        return _page_of(page, header, results)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise PortfolioError(index, f"the answer cannot be read ({str(error)[:80]}); run again later") from error


def _page_of(page: dict[str, Any], header: dict[str, Any], results: list[dict[str, Any]]) -> Page:
    """The answer's parts as a page. Raises ValueError, KeyError, TypeError or AttributeError."""
    form = format_of(str(header["part"]))
    day = form.day(header["date"]) if header.get("date") else None
    members = (
        Member(normalise(row["cod"]), form.whole(row["theoricalQty"]), form.number(row["part"])) for row in results
    )
    return Page(
        day, int(page["totalPages"]), int(page["totalRecords"]), form.whole(header["theoricalQty"]), tuple(members)
    )


def format_of(hundred: str) -> NumberFormat:
    """The format in which `hundred` writes a hundred. Raises ValueError when it does so in none or in both."""
    found = [form for form in (ENGLISH, PORTUGUESE) if _writes_a_hundred(form, hundred)]
    if len(found) != 1:
        raise ValueError(f"its weights add up to {hundred!r}, which is no hundred in English or in Portuguese")
    return found[0]


def _writes_a_hundred(form: NumberFormat, text: str) -> bool:
    try:
        return form.number(text) == _HUNDRED
    except ValueError:
        return False


def whole_portfolio(pages: Sequence[Page], index: str) -> list[Member]:
    """The members of all `pages`, by ticker. Raises PortfolioError when they cannot be the whole portfolio."""
    first = pages[0]
    members = sorted((member for page in pages for member in page.members), key=lambda member: member.ticker)
    heads = {(page.day, page.pages, page.records, page.quantity) for page in pages}
    cause = ""
    if len(heads) > 1:
        cause = "its pages are of different portfolios"
    elif len({member.ticker for member in members}) != first.records or len(members) != first.records:
        cause = f"it has {len(members)} members where it says that there are {first.records}"
    elif sum(member.quantity for member in members) != first.quantity:
        cause = "its quantities do not add up to the total that it gives"
    elif abs(total := sum((member.weight for member in members), Decimal(0)) - _HUNDRED) > _rounding(members):
        cause = f"its weights add up to {total + _HUNDRED} and not to 100"
    if cause:
        raise PortfolioError(index, f"{cause}; run again later")
    return members


def _rounding(members: Sequence[Member]) -> Decimal:
    """How far the weights may be from a hundred: half of the last printed digit for each."""
    digits = max(-int(member.weight.as_tuple().exponent) for member in members)
    return len(members) * Decimal(5).scaleb(-digits - 1)
