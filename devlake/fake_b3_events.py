"""A fake of B3's service of listed companies: the events of invented issuers, and the real one's manners.

It wants its question as base64 of JSON in the path. It has no issuer that it does not know (an empty list), finds
nothing under a trading name with a slash, gives null totals for pages of more than 120 rows, and lists one stock event
under every ISIN that the issuer has had.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devlake.fake_http import Reply, Request

_PATH = "/listedCompaniesProxy/CompanyCall/"
MOST_ROWS = 120


@dataclass
class FakeIssuer:
    """What the service knows of an issuer: rows as it sends them."""

    trading_name: str
    stock: Sequence[Mapping[str, str]] = ()
    recent_cash: Sequence[Mapping[str, str]] = ()
    subscriptions: Sequence[Mapping[str, str]] = ()
    cash: Sequence[Mapping[str, str]] = ()


@dataclass
class FakeListedCompanies:
    """Issuers by their four letters."""

    issuers: dict[str, FakeIssuer] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        call, _, encoded = request.path.removeprefix(_PATH).partition("/")
        try:
            asked = json.loads(base64.b64decode(encoded, validate=True))
            if call == "GetListedSupplementCompany":
                return Reply(200, self._supplement(asked["issuingCompany"]))
            if call == "GetListedCashDividends":
                return Reply(200, self._cash(asked["tradingName"], asked["pageNumber"], asked["pageSize"]))
        except (ValueError, KeyError, TypeError):
            return Reply(500, "<html><body>Internal Server Error</body></html>", "text/html")
        return Reply(404, "<html><body>Not Found</body></html>", "text/html")

    def _supplement(self, issuer: str) -> list[dict[str, Any]]:
        known = self.issuers.get(issuer)
        if not known:
            return []
        return [
            {
                "code": issuer,
                "tradingName": known.trading_name.ljust(12),
                "stockDividends": list(known.stock),
                "cashDividends": list(known.recent_cash),
                "subscriptions": list(known.subscriptions),
            }
        ]

    def _cash(self, trading_name: str, number: int, size: int) -> dict[str, Any]:
        page: dict[str, int | None] = {
            "pageNumber": number,
            "pageSize": size,
            "totalRecords": None,
            "totalPages": None,
        }
        if size > MOST_ROWS:
            return {"page": page, "results": []}
        # The service compares names without their slashes, but not the name that it is asked for.
        found = [each for each in self.issuers.values() if each.trading_name.replace("/", "") == trading_name]
        rows = list(found[0].cash) if found else []
        page |= {"totalRecords": len(rows), "totalPages": -(-len(rows) // size)}
        return {"page": page, "results": rows[(number - 1) * size : number * size]}
