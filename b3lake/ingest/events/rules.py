"""Makes events of one ticker from B3's answers about its issuer. Pure.

    >>> events_of(Share("MGLU3", ("BRMGLUACNOR2",), "ON"), supplement, None)[0].value
    Decimal('1.05')

A label decides how its number is read: of DESDOBRAMENTO and BONIFICACAO it is per cent of new shares, of GRUPAMENTO the
ratio itself; of CIS RED CAP, INCORPORACAO, RESG TOTAL RV and whatever else stands among the stock events it is nothing
that could be used. One event is listed under every ISIN that the issuer has had: a ticker takes its own.
"""

import datetime as dt
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from b3lake.ingest.events.answers import CASH, SUPPLEMENT, CashRow, StockRow, SubscriptionRow, Supplement
from b3lake.ingest.events.event import Event, Kind, Share, Status
from b3lake.lake.calendar import TOO_EARLY, session_after
from b3lake.lake.keys import FIRST_DAY

_STOCK_KINDS = {"DESDOBRAMENTO": Kind.SPLIT, "BONIFICACAO": Kind.BONUS, "GRUPAMENTO": Kind.GROUPING}
_CASH_KINDS = {
    "DIVIDENDO": Kind.DIVIDEND,
    "RENDIMENTO": Kind.DIVIDEND,
    "JRS CAP PROPRIO": Kind.JCP,
    "JUROS SOBRE CAPITAL PROPRIO": Kind.JCP,
    "JCP": Kind.JCP,
}
_CLASS_OF_NUMBER = {"3": "ON", "4": "PN", "5": "PNA", "6": "PNB", "7": "PNC", "8": "PND", "11": "UNT"}
_CLASS_IN_ISIN = {"OR": "ON", "PR": "PN", "PA": "PNA", "PB": "PNB", "PC": "PNC", "PD": "PND"}
_SHARES, _UNITS = ("ACN", "ARN"), ("CDA", "UNT")
_HUNDRED = Decimal(100)

Row = TypeVar("Row", StockRow, CashRow, SubscriptionRow)


def events_of(share: Share, supplement: Supplement | None, cash: Sequence[CashRow] | None) -> list[Event]:
    """The events of `share`, oldest first, from the answers that are there (None: not known).

    None of them is disputed yet: only prices could say so.
    """
    events: list[Event] = []
    its = _OwnRows(share)
    if supplement:
        events += [_stock_event(share.ticker, row) for row in its.own(supplement.stock)]
        events += [_subscription(share.ticker, row) for row in its.own(supplement.subscriptions)]
    listed = [row for row in cash or () if row.share_class == its.share_class]
    recent = list(its.own(supplement.cash)) if supplement else []
    events += _cash_events(share, listed, recent)
    return sorted(events, key=lambda event: (event.last_day or dt.date.min, event.kind, event.source))


def class_of(share: Share) -> str:
    """The class by which B3's cash call tells `share` from the issuer's others: ON, PN, PNA, …, UNT."""
    if share.share_class:
        return share.share_class
    return _CLASS_OF_NUMBER.get(share.ticker[4:].rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "")


def class_in_isin(isin: str) -> str:
    """As `class_of`, from an ISIN: `BRPETRACNPR6` is PN. "" for what is neither share nor unit."""
    if isin[6:9] in _UNITS:
        return "UNT"
    return _CLASS_IN_ISIN.get(isin[9:11], "")


class _OwnRows:
    """Takes the rows of a share's own ISIN from among those of all the issuer's."""

    def __init__(self, share: Share) -> None:
        self.share_class = class_of(share)
        self._isins = share.isins

    def own(self, rows: Sequence[Row]) -> Iterator[Row]:
        """Of each day the rows of one ISIN: the newest of the share's own that has any.

        Where the answer has none of them at all, ISINs of the share's class stand in, plain shares first.
        """
        there = {row.isin for row in rows}
        preferred = [isin for isin in self._isins if isin in there]
        if not preferred:
            of_class = [isin for isin in there if class_in_isin(isin) == self.share_class]
            preferred = sorted(of_class, key=lambda isin: (isin[6:9] not in (*_SHARES, *_UNITS), isin))
        by_day: dict[dt.date | None, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            by_day[row.last_day][row.isin].append(row)
        for of_day in by_day.values():
            yield from next((of_day[isin] for isin in preferred if isin in of_day), [])


def _stock_event(ticker: str, row: StockRow) -> Event:
    kind = _STOCK_KINDS.get(_plain(row.label), Kind.OTHER)
    value, why = _ratio(kind, row)
    return _event(row, ticker=ticker, isin=row.isin, kind=kind, value=value, source=SUPPLEMENT, note=why)


def _ratio(kind: Kind, row: StockRow) -> tuple[Decimal | None, str]:
    """Shares after per share before, or why there is no such number."""
    told = f"{row.label} {row.printed}".strip()
    if kind is Kind.OTHER:
        return None, f"{told}: the number is no ratio of shares"
    if row.factor is None or row.factor <= 0:
        return None, f"{told}: no number that could be a ratio"
    if row.asset and row.isin and class_in_isin(row.asset) != class_in_isin(row.isin):
        return None, f"{told}, in another paper ({row.asset})"
    return (row.factor if kind is Kind.GROUPING else 1 + row.factor / _HUNDRED), told


def _subscription(ticker: str, row: SubscriptionRow) -> Event:
    """A right to buy is nothing that adjusts a price; what it gives is in the note."""
    note = f"a right to buy {_told(row.percentage)} % of new shares at {_told(row.price)} BRL, which adjusts nothing"
    kind = Kind.SUBSCRIPTION
    return _event(row, ticker=ticker, isin=row.isin, kind=kind, value=None, source=SUPPLEMENT, note=note)


def _cash_events(share: Share, listed: Sequence[CashRow], recent: Sequence[CashRow]) -> Iterator[Event]:
    """Cash by day and kind from one of both calls, never from both: the one that has more, which is not behind.

    Equal rows of a day are instalments, each an event. Only the supplement has the days of payment.
    """
    keys = dict.fromkeys((row.last_day, _cash_kind(row)) for row in (*listed, *recent))
    for day, kind in keys:
        both = [[row for row in rows if (row.last_day, _cash_kind(row)) == (day, kind)] for rows in (listed, recent)]
        complete, told_by = (both[1], SUPPLEMENT) if len(both[1]) > len(both[0]) else (both[0], CASH)
        paid_on = defaultdict(list)
        for row in both[1]:
            paid_on[row.value].append(row.payment_date)
        for row in complete:
            payment_date = paid_on[row.value].pop(0) if paid_on[row.value] else None
            yield _cash_event(share, row, kind, payment_date, told_by)


def _cash_event(share: Share, row: CashRow, kind: Kind, payment_date: dt.date | None, source: str) -> Event:
    value, note = row.value, row.label
    if value is None or value <= 0:
        value, note = None, f"{row.label}: no amount"
    elif row.last_day and row.last_day < FIRST_DAY:
        value, note = None, f"{row.label} in a currency before the real"
    isin = row.isin or (share.isins[0] if share.isins else None)
    made = _event(row, ticker=share.ticker, isin=isin, kind=kind, value=value, source=source, note=note)
    return replace(made, payment_date=payment_date)


def _event(
    row: StockRow | CashRow | SubscriptionRow,
    *,
    ticker: str,
    isin: str | None,
    kind: Kind,
    value: Decimal | None,
    source: str,
    note: str,
) -> Event:
    """An event whose place and size decide whether it is applied."""
    placed = row.last_day is not None and row.last_day >= FIRST_DAY
    if row.last_day is None:
        note = f"{note}; B3 tells no last day with the right"
    elif not placed:
        note = f"{note}; it is {TOO_EARLY}"
    return Event(
        ticker,
        isin,
        kind,
        value,
        row.last_day,
        session_after(row.last_day) if row.last_day and placed else None,
        row.approved_on,
        None,
        source,
        Status.APPLIED if placed and value is not None else Status.UNSIZED,
        note,
    )


def _cash_kind(row: CashRow) -> Kind:
    return _CASH_KINDS.get(_plain(row.label), Kind.OTHER)


def _plain(label: str) -> str:
    """Upper case, without accents, single blanks."""
    letters = unicodedata.normalize("NFD", label.upper())
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())


def _told(number: Decimal | None) -> str:
    return "?" if number is None else f"{number.normalize():f}"
