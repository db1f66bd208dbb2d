"""A fake of the service behind B3's index pages: invented portfolios in either language, and the real one's manners.

It wants its question as base64 of JSON in the path, gives null totals for pages of more than 120 rows and for an index
that it does not know, and writes numbers and dates as the question's language does.
"""

import base64
import datetime as dt
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from devlake.fake_http import NOT_FOUND, SERVER_ERROR, Reply, Request

PATH = "/indexProxy/indexCall/GetPortfolioDay/"
MOST_ROWS = 120
"""A page of more rows comes with null totals, and empty."""
REDUCTOR = 16_036_751.16744128


@dataclass(frozen=True)
class FakeMember:
    """A member as the service knows it."""

    ticker: str
    quantity: int
    price: float


@dataclass
class FakeIndexes:
    """The portfolios of `day`: code of an index to its members."""

    day: dt.date
    members: Mapping[str, Sequence[FakeMember]] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        if not request.path.startswith(PATH):
            return NOT_FOUND
        try:
            asked = json.loads(base64.b64decode(request.path.removeprefix(PATH), validate=True))
            number, size, index, language = (asked[name] for name in ("pageNumber", "pageSize", "index", "language"))
        except (ValueError, KeyError, TypeError):
            return SERVER_ERROR
        members = self.members.get(index, ())
        page = {"pageNumber": number, "pageSize": size, "totalRecords": None, "totalPages": None}
        if size > MOST_ROWS or not members:
            return Reply(200, {"page": page, "results": []})
        page |= {"totalRecords": len(members), "totalPages": -(-len(members) // size)}
        return Reply(200, self._portfolio(page, members, english=language == "en-us"))

    def _portfolio(self, page: dict[str, int], members: Sequence[FakeMember], *, english: bool) -> object:
        value = sum(member.quantity * member.price for member in members)
        first = (page["pageNumber"] - 1) * page["pageSize"]
        results = [
            {
                "segment": None,
                "cod": member.ticker,
                "asset": "SYNTHETIC",
                "type": "ON      NM",
                "part": _number(100 * member.quantity * member.price / value, 3, english=english),
                "partAcum": None,
                "theoricalQty": _number(member.quantity, 0, english=english),
            }
            for member in members[first : first + page["pageSize"]]
        ]
        header = {
            "date": f"{self.day:%m/%d/%y}" if english else f"{self.day:%d/%m/%y}",
            "text": "Total Theorethical Quantity" if english else "Quantidade Teórica Total",
            "part": _number(100, 3, english=english),
            "partAcum": None,
            "textReductor": "Reductor" if english else "Redutor",
            "reductor": _number(REDUCTOR, 8, english=english),
            "theoricalQty": _number(sum(member.quantity for member in members), 0, english=english),
        }
        return {"page": page, "header": header, "results": results}


def invented(tickers: Sequence[str], day: dt.date) -> list[FakeMember]:
    """Members with quantities that the ticker decides, and prices that the ticker and the day decide."""
    return [
        FakeMember(
            ticker,
            zlib.crc32(ticker.encode()) % 4_000_000_000 + 50_000_000,
            5 + zlib.crc32(f"{ticker} {day}".encode()) % 9_500 / 100,
        )
        for ticker in tickers
    ]


def _number(value: float, decimals: int, *, english: bool) -> str:
    text = f"{value:,.{decimals}f}"
    return text if english else text.translate(str.maketrans(",.", ".,"))
