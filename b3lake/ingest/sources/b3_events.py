"""B3's answers about an issuer's events: from its service of listed companies, or from a folder of answers.

The service is asked slowly, one issuer after the other. An issuer that it does not answer for never takes the others
with it; where it answers for none any more, the rest is not asked.
"""

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from b3lake.ingest.events.event import EventsError, NotToldError, Share
from b3lake.ingest.sources.b3_index import BASE_URL, PAGE_SIZE
from b3lake.ingest.sources.http_get import PATIENT, Answer, BackOff, PassingError, ServiceError, get

PAUSE_SECONDS = 0.3
"""Between two requests."""
MOST_PAGES = 50
MOST_SILENT_ISSUERS = 3
"""After so many issuers in a row without an answer the service is taken to be down."""
NOT_ASKED = "B3's service of listed companies does not answer: not asked"


@dataclass(frozen=True)
class IssuerAnswers:
    """B3's answers about an issuer: both answers as they came (None: not to be had), read; and why one is missing.

    `bodies` is by call, in the form of the folder of answers; several pages are one. `missed` tells that an answer did
    not come, or is none: another time it may. Nothing is missed of an issuer that B3 or the folder does not know.
    """

    issuer: str
    supplement: Supplement | None = None
    cash: tuple[CashRow, ...] | None = None
    bodies: dict[str, bytes] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    reached: bool = True
    missed: bool = False

    def with_body(self, call: str, body: bytes) -> "IssuerAnswers":
        """As this, with the answer to `call`. Raises EventsError when it is none."""
        bodies = self.bodies | {call: body}
        if call == SUPPLEMENT:
            return replace(self, supplement=read_supplement(body), bodies=bodies)
        return replace(self, cash=whole([read_cash_page(body)]), bodies=bodies)

    def without(self, call: str, problem: str, *, missed: bool) -> "IssuerAnswers":
        """As this, with what is wrong with the answer to `call`."""
        return replace(self, problems=(*self.problems, f"{call}: {problem}"), missed=self.missed or missed)

    def or_kept(self, kept: Mapping[str, bytes]) -> "IssuerAnswers":
        """As this, with the answers of an earlier day, by call, in place of those that are missing."""
        told = self
        for call in [call for call in (SUPPLEMENT, CASH) if call in kept and call not in self.bodies]:
            try:
                told = told.with_body(call, kept[call])
            except EventsError as error:
                told = told.without(call, f"what the lake kept of it: {error}", missed=True)
        if self.problems and told.bodies != self.bodies:
            return replace(told, problems=(*told.problems, "what was answered before stands"))
        return told

    def without_cash(self, problem: str) -> "IssuerAnswers":
        """As this, its cash answer being no answer."""
        bodies = {call: body for call, body in self.bodies.items() if call != CASH}
        return replace(self, cash=None, bodies=bodies).without(CASH, problem, missed=True)


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

    def has(self, issuer: str) -> bool:
        """Whether there is an answer about `issuer` in the folder; the service may have one about anybody."""
        return not self.folder or any((self.folder / file_name(issuer, call)).is_file() for call in (SUPPLEMENT, CASH))

    def ask_all(self, shares: Iterable[Share]) -> Iterator[IssuerAnswers]:
        """The answers about the issuers of `shares`, each issuer once, in order."""
        names: dict[str, str] = {}
        for share in shares:
            names[share.issuer] = names.get(share.issuer) or share.trading_name
        silent = 0
        for issuer, trading_name in names.items():
            if silent == MOST_SILENT_ISSUERS:
                yield IssuerAnswers(issuer, problems=(NOT_ASKED,), reached=False, missed=True)
                continue
            answers = self.ask(issuer, trading_name)
            silent = 0 if answers.reached else silent + 1
            yield answers

    def ask(self, issuer: str, trading_name: str) -> IssuerAnswers:
        """Both answers about `issuer`, or one of them where the other is no good."""
        nothing = IssuerAnswers(issuer, reached=False)
        told = _with(nothing, SUPPLEMENT, lambda: self._supplement(issuer))
        known_as = (trading_name, told.supplement.trading_name if told.supplement else "")
        names = dict.fromkeys(name for name in map(plain_name, known_as) if name)
        if not names and not self.folder:
            return told.without(CASH, "no trading name is known to ask by", missed=False)
        told = _with(told, CASH, lambda: self._cash(issuer, list(names)))
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


def _with(told: IssuerAnswers, call: str, ask: Callable[[], bytes]) -> IssuerAnswers:
    """`told` with the answer to `call`, or with why there is none; and whether anybody answered."""
    try:
        return replace(told.with_body(call, ask()), reached=True)
    except EventsError as error:
        return replace(told.without(call, str(error), missed=not isinstance(error, NotToldError)), reached=True)
    except ServiceError as error:
        return told.without(call, str(error), missed=True)


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
        raise NotToldError(f"{path} does not exist") from error
    except OSError as error:
        raise EventsError(f"{path} cannot be read ({error.strerror})") from error
