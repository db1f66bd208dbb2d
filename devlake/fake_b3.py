"""A fake of B3's site: COTAHIST files of given or invented quotes, answers about companies, and its manners.

    b3 = FakeB3(invented_records(["PETR4", "VALE3"], dt.date(2024, 1, 2), dt.date(2024, 12, 30)))
    with serving(Scripted(b3, at={cotahist_path("A2024"): [SERVER_ERROR, b3.cut_zip("A2024")]})) as url:
        ...                       # 500, then half a ZIP, then the year's file; point the lake at it: B3LAKE_B3_URL=url

As the real one it has 404 where nothing is published, streams the files of the year that is not over, without a length,
and refuses Python's own User-Agent. `python -m devlake.fake_b3 --port 8901` serves invented quotes until interrupted.
"""

import base64
import datetime as dt
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from devlake import fake_b3_index
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_http import NOT_FOUND, SERVER_ERROR, Reply, Request, Service, serve_until_interrupted
from devlake.invented_quotes import daily_bars

FILES = "/InstDados/SerHist/"
COMPANIES = "/listedCompaniesProxy/CompanyCall/"
ZIP_TYPE = "application/x-zip-compressed"
_NAME = re.compile(r"COTAHIST_(?:A(?P<year>\d{4})|M(?P<month>\d{2}\d{4})|D(?P<day>\d{2}\d{2}\d{4}))\.ZIP")
QUOTES_COUNTED_SINCE = 2025
"""The year of the first files whose trailer counts the quotes only, and not all lines."""


def cotahist_path(period: str) -> str:
    """The path of a file: `A2024` of a year, `M012024` of a month, `D02012024` of a day."""
    return f"{FILES}COTAHIST_{period}.ZIP"


def company_path(call: str, **asked: object) -> str:
    """The path that asks about a company: its question is base64 of JSON."""
    return f"{COMPANIES}{call}/{base64.b64encode(json.dumps(asked).encode()).decode()}"


@dataclass
class FakeB3:
    """The site on the day `today`, when all of `records` are published (quotes of 245 bytes, see cotahist_writer).

    `total_of` is what the files' trailers count, `lines` or `quotes`; by default as B3 did in the file's year.
    `answers` are about companies, by `<ISSUER>-<call>`, or a folder of files `<ISSUER>-<call>.json`. `trading_names`
    says which issuer a name is of, where no answer tells it. `indexes` answers about portfolios.
    """

    records: Sequence[bytes] = ()
    today: dt.date = field(default_factory=lambda: dt.datetime.now(dt.timezone.utc).date())
    total_of: str | None = None
    answers: Mapping[str, Any] | Path = field(default_factory=dict)
    trading_names: Mapping[str, str] = field(default_factory=dict)
    indexes: Service | None = None
    _zips: dict[str, bytes] = field(default_factory=dict, repr=False)

    def answer(self, request: Request) -> Reply:
        name = request.path.removeprefix(FILES)
        if request.path.startswith(FILES) and _NAME.fullmatch(name):
            return self._file(name)
        if request.path.startswith(COMPANIES):
            return self._company(request.path.removeprefix(COMPANIES))
        if request.path.startswith(fake_b3_index.PATH) and self.indexes:
            return self.indexes.answer(request)
        return NOT_FOUND

    def cut_zip(self, period: str) -> Reply:
        """The first half of a file, sent as if that were all: only who reads the ZIP to its end finds out."""
        body = self._zip(f"COTAHIST_{period}.ZIP")
        return Reply(200, body[: len(body) // 2], ZIP_TYPE, tells_length=False)

    def answer_cut(self, period: str) -> Reply:
        """A file whose connection ends half way, before the length or the last chunk that was announced."""
        return replace(self._file(f"COTAHIST_{period}.ZIP"), cut=True)

    def _file(self, name: str) -> Reply:
        body = self._zip(name)
        if not body:
            return NOT_FOUND
        return Reply(200, body, ZIP_TYPE, chunked=self._is_streamed(name))

    def _is_streamed(self, name: str) -> bool:
        return str(self.today.year) in name

    def _zip(self, name: str) -> bytes:
        """The file as it is published; nothing where it has no quote."""
        if name not in self._zips:
            begin = _begin_of_days(name)
            records = [record for record in self.records if record[2:10].startswith(begin)]
            self._zips[name] = self._made(name, records) if records else b""
        return self._zips[name]

    def _made(self, name: str, records: list[bytes]) -> bytes:
        year = int(records[-1][2:6])
        total_of = self.total_of or ("quotes" if year >= QUOTES_COUNTED_SINCE else "lines")
        last = max(record[2:10] for record in records).decode()
        text = whole_file(records, year=year, made=last, total_of=total_of)
        return zip_of(member_name(name, year), text, streamed=self._is_streamed(name))

    def _company(self, question: str) -> Reply:
        call, _, coded = question.partition("/")
        try:
            asked = json.loads(base64.b64decode(coded, validate=True))
            if call == "GetListedCashDividends":
                issuer = self._issuer_of(str(asked["tradingName"]))
                return _page(self._told(issuer, call), int(asked["pageNumber"]), int(asked["pageSize"]))
            issuer = str(asked["issuingCompany"])
        except (ValueError, KeyError, TypeError):
            return SERVER_ERROR
        return Reply(200, self._told(issuer, call) or [])

    def _told(self, issuer: str | None, call: str) -> Any:
        """The answer about an issuer, None where there is none."""
        if isinstance(self.answers, Mapping):
            return self.answers.get(f"{issuer}-{call}")
        file = self.answers / f"{issuer}-{call}.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def _issuer_of(self, trading_name: str) -> str | None:
        """The issuer of a trading name, which the service knows without its slashes."""
        known = {**dict(self._names_told()), **self.trading_names}
        return next((issuer for name, issuer in known.items() if name.replace("/", "") == trading_name), None)

    def _names_told(self) -> Iterable[tuple[str, str]]:
        told = (
            self.answers if isinstance(self.answers, Mapping) else [one.stem for one in self.answers.glob("*-*.json")]
        )
        for issuer in {name.partition("-")[0] for name in told}:
            for one in self._told(issuer, "GetListedSupplementCompany") or ():
                if "tradingName" in one:
                    yield one["tradingName"].strip(), issuer


def _begin_of_days(name: str) -> bytes:
    """The first digits of the days (YYYYMMDD) of a file's records, by its name."""
    found = _NAME.fullmatch(name)
    if not found:
        raise ValueError(f"{name} is no name of a COTAHIST file on B3's site")
    if found["year"]:
        return found["year"].encode()
    if found["month"]:
        return f"{found['month'][2:]}{found['month'][:2]}".encode()
    return f"{found['day'][4:]}{found['day'][2:4]}{found['day'][:2]}".encode()


def member_name(name: str, year: int) -> str:
    """B3's name for the text in the ZIP file `name`, which it changed twice."""
    if year <= 2000:
        return f"COTAHIST.A{year}"
    return name.removesuffix(".ZIP") + ("" if year == 2001 else ".TXT")


class _Stream(io.RawIOBase):
    """A sink that cannot go back, as a connection."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written += data
        return len(data)


def zip_of(member: str, text: bytes, *, streamed: bool = False) -> bytes:
    """A ZIP file of one member; `streamed`, its sizes stand behind it (flag bit 3)."""
    sink = _Stream() if streamed else io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, text)
    return bytes(sink.written) if isinstance(sink, _Stream) else sink.getvalue()


def _page(told: Any, number: int, size: int) -> Reply:
    """A page of the rows that an answer has."""
    page: dict[str, Any] = {"pageNumber": number, "pageSize": size, "totalRecords": None, "totalPages": None}
    if size > fake_b3_index.MOST_ROWS:
        return Reply(200, {"page": page, "results": []})
    rows = told["results"] if told else []
    page |= {"totalRecords": len(rows), "totalPages": -(-len(rows) // size)}
    return Reply(200, {"page": page, "results": rows[(number - 1) * size : number * size]})


def invented_records(tickers: Iterable[str], first: dt.date, last: dt.date) -> list[bytes]:
    """Quotes of every session from `first` to `last`, day after day: those that the fake Yahoo has, in B3's form."""
    records = [
        (bar["day"], ticker, _record(ticker, bar))
        for ticker in tickers
        for bar in daily_bars(f"{ticker}.SA", first, last)
    ]
    return [record for _, _, record in sorted(records)]


def _record(ticker: str, bar: Mapping[str, Any]) -> bytes:
    prices = {name: round(bar[name] * 100) for name in ("open", "high", "low", "close")}
    mean = round(sum(prices.values()) / 4)
    return quote(
        day=int(f"{bar['day']:%Y%m%d}"),
        code=ticker,
        name=ticker[:4],
        spec="ON      NM",
        isin=f"BR{ticker[:4]}ACNOR0",
        mean=mean,
        bid=prices["close"],
        ask=prices["close"],
        volume=bar["volume"],
        turnover=mean * bar["volume"],
        trades=min(bar["volume"] // 1000, 99_999),
        **prices,
    )


if __name__ == "__main__":
    _TODAY = dt.datetime.now(dt.timezone.utc).date()
    _RECORDS = invented_records(("PETR4", "VALE3", "ITUB4"), _TODAY - dt.timedelta(days=730), _TODAY)
    sys.exit(serve_until_interrupted(FakeB3(_RECORDS), "Serve invented COTAHIST files as B3's site would."))
