"""Rows and answers in the form of B3's service of listed companies."""

import json
from collections.abc import Sequence
from typing import Any

from b3lake.ingest.events.answers import read_cash_page, read_supplement, whole
from b3lake.ingest.events.event import Event, Share
from b3lake.ingest.events.rules import events_of


def stock(label: str, factor: str, last_day: str, isin: str = "BRXPTOACNOR1", **changes: str) -> dict[str, str]:
    row = {"label": label, "factor": factor, "lastDatePrior": last_day, "isinCode": isin, "assetIssued": isin}
    return row | {"approvedOn": "01/02/2020", "remarks": ""} | changes


def recent(label: str, rate: str, last_day: str, isin: str = "BRXPTOACNOR1", **changes: str) -> dict[str, str]:
    row = {"label": label, "rate": rate, "lastDatePrior": last_day, "isinCode": isin, "assetIssued": isin}
    return row | {"approvedOn": "01/02/2020", "paymentDate": "30/12/2021", "remarks": ""} | changes


def cash(label: str, value: str, last_day: str, share_class: str = "ON", **changes: str) -> dict[str, str]:
    row = {"typeStock": share_class, "corporateAction": label, "valueCash": value, "lastDatePriorEx": last_day}
    return row | {"dateApproval": "01/02/2020", "ratio": "1", "quotedPerShares": "1"} | changes


def supplement_body(
    stocks: Sequence[dict[str, str]] = (), recents: Sequence[dict[str, str]] = (), **more: Any
) -> bytes:
    company = {"code": "XPTO", "stockDividends": list(stocks), "cashDividends": list(recents), "subscriptions": []}
    return json.dumps([company | more]).encode()


def cash_body(rows: Sequence[dict[str, str]], **page: Any) -> bytes:
    told = {"pageNumber": 1, "pageSize": 120, "totalRecords": len(rows), "totalPages": 1} | page
    return json.dumps({"page": told, "results": list(rows)}).encode()


def events(
    share: Share,
    stocks: Sequence[dict[str, str]] = (),
    recents: Sequence[dict[str, str]] = (),
    cashes: Sequence[dict[str, str]] = (),
) -> list[Event]:
    """The events that the rules make of these rows."""
    page = read_cash_page(cash_body(cashes))
    return events_of(share, read_supplement(supplement_body(stocks, recents)), whole([page]))
