"""B3's answers about an issuer's events: from its service of listed companies, or from a folder of answers.

The service is asked slowly, one issuer after the other. An issuer that it does not answer for never takes the others
with it; where it answers for none any more, the rest is not asked.
"""

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from b3lake.ingest.events.answers import (
    CASH,
    SUPPLEMENT,
    CashRow,
    Supplement,
    as_one,
    read_cash_page,
    read_supplement,
    whole,
)
from b3lake.ingest.events.event import EventsError, Share
from b3lake.ingest.sources.b3_index import BASE_URL, PAGE_SIZE
from b3lake.ingest.sources.http_get import PATIENT, Answer, BackOff, PassingError, ServiceError, get

PAUSE_SECONDS = 0.3
"""Between two requests."""
MOST_PAGES = 50
MOST_SILENT_ISSUERS = 3
"""After so many issuers in a row without an answer the service is taken to be down."""


@dataclass(frozen=True)
class IssuerAnswers:
    """What B3 told of an issuer: both answers as they came (None: not to be had), read; and why one is missing.

    `bodies` is by call, in the form of the folder of answers; several pages are one.
    """

    issuer: str
    supplement: Supplement | None = None
    cash: tuple[CashRow, ...] | None = None
    bodies: dict[str, bytes] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    reached: bool = True

    def with_body(self, call: str, body: bytes | None, problem: str) -> "IssuerAnswers":
        """As this, with the answer to `call`, or with what is wrong with it."""
        if body is None:
            return replace(self, problems=(*self.problems, f"{call}: {problem}"))
        bodies = self.bodies | {call: body}
        if call == SUPPLEMENT:
            return replace(self, supplement=read_supplement(body), bodies=bodies)
        return replace(self, cash=whole([read_cash_page(body)]), bodies=bodies)

    def without_cash(self, problem: str) -> "IssuerAnswers":
        """As this, its cash answer being no answer."""
        bodies = {call: body for call, body in self.bodies.items() if call != CASH}
        return replace(self, cash=None, bodies=bodies, problems=(*self.problems, f"{CASH}: {problem}"))


def file_name(issuer: str, call: str) -> str:
    """The name of an answer in a folder."""
    return f"{issuer}-{call}.json"


@dataclass(frozen=True)
class B3Events:
    """The service at `base_url` (setting B3LAKE_B3_LISTED_URL), or the answers in `folder`."""

    base_url: str = BASE_URL
    folder: Path | None = None
    back_off: BackOff = PATIENT
    pause_seconds: float = PAUSE_SECONDS
    page_size: int = PAGE_SIZE

    def ask_all(self, shares: Iterable[Share]) -> Iterator[IssuerAnswers]:
        """The answers about the issuers of `shares`, each issuer once, in order."""
        names: dict[str, str] = {}
        for share in shares:
            names[share.issuer] = names.get(share.issuer) or share.trading_name
        silent = 0
        for issuer, trading_name in names.items():
            if silent == MOST_SILENT_ISSUERS:
                yield IssuerAnswers(issuer, problems=("B3's service of listed companies does not answer: not asked",))
                continue
            answers = self.ask(issuer, trading_name)
            silent = 0 if answers.reached else silent + 1
            yield answers

    def ask(self, issuer: str, trading_name: str) -> IssuerAnswers:
        """Both answers about `issuer`, or one of them where the other is no good."""
        told = IssuerAnswers(issuer)
        body, problem, reached = _try(SUPPLEMENT, lambda: self._supplement(issuer))
        told = replace(told.with_body(SUPPLEMENT, body, problem), reached=reached)
        known_as = (trading_name, told.supplement.trading_name if told.supplement else "")
        names = dict.fromkeys(name for name in map(plain_name, known_as) if name)
        body, problem, reached = _try(CASH, lambda: self._cash(issuer, list(names)))
        told = replace(told.with_body(CASH, body, problem), reached=told.reached or reached)
        if told.cash == () and told.supplement and told.supplement.cash:
            return told.without_cash("B3 finds nothing under the trading name, though it lists payments of this year")
        return told

    def _supplement(self, issuer: str) -> bytes:
        if self.folder:
            return _read(self.folder, issuer, SUPPLEMENT)
        return self._get(SUPPLEMENT, {"issuingCompany": issuer, "language": "pt-br"})

    def _cash(self, issuer: str, names: list[str]) -> bytes:
        """The whole cash answer, of the first of `names` that has any."""
        if self.folder:
            return _read(self.folder, issuer, CASH)
        if not names:
            raise EventsError("no trading name is known to ask by")
        for name in names:
            bodies = self._pages(name)
            if read_cash_page(bodies[0]).records:
                break
        return as_one(bodies)

    def _pages(self, name: str) -> list[bytes]:
        bodies: list[bytes] = []
        pages = 1
        while len(bodies) < pages:
            number = len(bodies) + 1
            asked = {"language": "pt-br", "pageNumber": number, "pageSize": self.page_size, "tradingName": name}
            bodies.append(self._get(CASH, asked))
            pages = read_cash_page(bodies[0]).pages
            if pages > MOST_PAGES:
                raise EventsError(f"B3 has {pages} pages of events, more than {MOST_PAGES}")
        return bodies

    def _get(self, call: str, wanted: dict[str, object]) -> bytes:
        """The body of one answer. Raises EventsError for a refusal, ServiceError when there is none."""
        time.sleep(self.pause_seconds)
        encoded = base64.b64encode(json.dumps(wanted, separators=(",", ":")).encode()).decode()
        return get(f"{self.base_url}/listedCompaniesProxy/CompanyCall/{call}/{encoded}", _body, self.back_off)


def _try(call: str, ask: Callable[[], bytes]) -> tuple[bytes | None, str, bool]:
    """An answer that can be used, or why there is none; and whether anybody answered."""
    try:
        body = ask()
        if call == SUPPLEMENT:
            read_supplement(body)
        else:
            whole([read_cash_page(body)])
    except EventsError as error:
        return None, str(error), True
    except ServiceError as error:
        return None, str(error), False
    return body, "", True


def plain_name(trading_name: str) -> str:
    """A trading name as the service finds it: without slashes, single blanks."""
    return " ".join(trading_name.replace("/", "").split())


def _body(answer: Answer) -> bytes:
    """The body of an answer that may be good. Raises PassingError for a page of markup, EventsError for a refusal."""
    if answer.is_markup:
        raise PassingError(f"it answered {answer.status} with a page instead of JSON")
    if answer.status != 200:
        raise EventsError(f"B3 refuses to answer (status {answer.status})")
    return answer.body


def _read(folder: Path, issuer: str, call: str) -> bytes:
    path = folder / file_name(issuer, call)
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise EventsError(f"{path} does not exist") from error
    except OSError as error:
        raise EventsError(f"{path} cannot be read ({error.strerror})") from error
