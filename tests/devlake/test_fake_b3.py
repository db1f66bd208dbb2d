"""The fake B3, asked by raw HTTP: each of its rude manners, and the bytes of what it serves."""

import base64
import datetime as dt
import http.client
import io
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devlake import fake_b3_index
from devlake.cotahist_writer import LAYOUT, quote
from devlake.fake_b3 import FakeB3, company_path, cotahist_path, invented_records
from devlake.fake_b3_index import FakeIndexes, FakeMember
from devlake.fake_http import HTML_200, SERVER_ERROR, Scripted, redirect, serving
from devlake.invented_quotes import daily_bars

TODAY = dt.date(2026, 3, 10)
RECORDS = [
    quote(day=20241230, code="PETR4"),
    quote(day=20260105, code="PETR4"),
    quote(day=20260105, code="VALE3"),
    quote(day=20260202, code="PETR4"),
]
AGENT = {"User-Agent": "a test"}


@dataclass
class Raw:
    """An answer as it came: `error` where the connection ended before the body did."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    error: str = ""

    @property
    def lines(self) -> list[bytes]:
        """The text in the ZIP that came, line by line."""
        with zipfile.ZipFile(io.BytesIO(self.body)) as archive:
            return archive.read(archive.namelist()[0]).split(b"\r\n")


def ask(url: str, path: str, headers: Mapping[str, str] = AGENT) -> Raw:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    try:
        return Raw(answer.status, answer.headers, answer.read())
    except http.client.IncompleteRead as error:
        return Raw(answer.status, answer.headers, error.partial, type(error).__name__)
    finally:
        connection.close()


@contextmanager
def site(**scripted: object) -> Iterator[tuple[str, Scripted]]:
    served = Scripted(FakeB3(RECORDS, TODAY), **scripted)
    with serving(served) as url:
        yield url, served


def test_a_past_year_comes_whole_with_its_length() -> None:
    with site() as (url, _):
        year = ask(url, cotahist_path("A2024"))
    assert year.status == 200
    assert year.headers["Content-Type"] == "application/x-zip-compressed"
    assert year.headers["Content-Length"] == str(len(year.body))
    with zipfile.ZipFile(io.BytesIO(year.body)) as archive:
        assert archive.namelist() == ["COTAHIST_A2024.TXT"]
        assert archive.infolist()[0].flag_bits & 8 == 0
    head = b"COTAHIST.2024BOVESPA 20241230"
    assert year.lines == [(b"00" + head).ljust(245), RECORDS[0], (b"99" + head + b"00000000003").ljust(245), b""]


def test_the_open_year_is_streamed_without_a_length_and_its_sizes_stand_behind_the_member() -> None:
    with site() as (url, _):
        year = ask(url, cotahist_path("A2026"))
    assert "Content-Length" not in year.headers
    assert year.headers["Transfer-Encoding"] == "chunked"
    signature, _, flags, _, _, _, crc, compressed, size = struct.unpack("<4sHHHHHIII", year.body[:26])
    assert (signature, flags & 8, crc, compressed, size) == (b"PK\x03\x04", 8, 0, 0, 0)
    assert year.lines[1:-2] == RECORDS[1:]
    assert year.lines[-2][2:].rstrip() == b"COTAHIST.2026BOVESPA 2026020200000000003"  # the quotes alone


@pytest.mark.parametrize(
    ("period", "there"),
    [("M012026", RECORDS[1:3]), ("M022026", RECORDS[3:]), ("D05012026", RECORDS[1:3]), ("D30122024", RECORDS[:1])],
)
def test_months_and_days_have_their_own_quotes(period: str, there: list[bytes]) -> None:
    with site() as (url, _):
        assert ask(url, cotahist_path(period)).lines[1:-2] == there


@pytest.mark.parametrize(
    "path", [cotahist_path("D06012026"), cotahist_path("A2023"), cotahist_path("X2024"), "/", "/InstDados/SerHist/"]
)
def test_what_is_not_published_is_404_with_a_page(path: str) -> None:
    with site() as (url, _):
        answer = ask(url, path)
    assert (answer.status, answer.headers.get_content_type()) == (404, "text/html")
    assert answer.body.startswith(b"<html>")


@pytest.mark.parametrize("agent", ["Python-urllib/3.11", ""])
def test_who_does_not_say_who_asks_is_refused(agent: str) -> None:
    with site() as (url, served):
        answer = ask(url, cotahist_path("A2024"), {"User-Agent": agent})
    assert (answer.status, answer.body) == (403, b"<html><body>Access Denied</body></html>")
    assert served.requests == []


def test_faults_come_in_turn_at_their_path_and_nowhere_else() -> None:
    path = cotahist_path("A2024")
    b3 = FakeB3(RECORDS, TODAY)
    served = Scripted(
        b3, at={path: [SERVER_ERROR, redirect("/aviso.html"), b3.cut_zip("A2024")], "/aviso.html": [HTML_200]}
    )
    with serving(served) as url:
        assert ask(url, cotahist_path("A2026")).status == 200
        assert ask(url, path).status == 500
        moved = ask(url, path)
        assert (moved.status, moved.headers["Location"]) == (302, "/aviso.html")
        page = ask(url, moved.headers["Location"])
        assert (page.status, page.body[:15]) == (200, b"<!DOCTYPE html>")
        half, whole = ask(url, path), ask(url, path)
    assert "Content-Length" not in half.headers
    assert "Transfer-Encoding" not in half.headers
    assert (half.status, half.error) == (200, "")  # nothing tells but the ZIP itself
    assert half.body == whole.body[: len(whole.body) // 2]
    with pytest.raises(zipfile.BadZipFile):
        half.lines  # noqa: B018 - it is read
    assert whole.lines[1:-2] == RECORDS[:1]


@pytest.mark.parametrize("period", ["A2024", "A2026"])
def test_a_connection_that_ends_too_early_is_seen_by_who_knows_the_length_or_the_chunks(period: str) -> None:
    b3 = FakeB3(RECORDS, TODAY)
    path = cotahist_path(period)
    with serving(Scripted(b3)) as url:
        whole = ask(url, path)
    fault = b3.answer_cut(period)
    with serving(Scripted(b3, at={path: [fault]})) as url:
        cut = ask(url, path)
    assert cut.error == "IncompleteRead"
    assert len(cut.body) < len(whole.body)
    assert whole.body.startswith(cut.body)


def test_every_request_is_kept_with_its_headers() -> None:
    with site() as (url, served):
        ask(url, f"{cotahist_path('A2024')}?a=b", AGENT | {"Accept": "application/zip"})
    (request,) = served.requests
    assert (request.path, request.query) == (cotahist_path("A2024"), {"a": "b"})
    assert (request.user_agent, request.accept) == ("a test", "application/zip")
    assert request.headers["host"] == urlsplit(url).netloc


@pytest.mark.parametrize(("total_of", "total"), [("lines", b"00000000003"), ("quotes", b"00000000001")])
def test_the_trailer_counts_what_it_is_told_to(total_of: str, total: bytes) -> None:
    with serving(FakeB3(RECORDS, TODAY, total_of=total_of)) as url:
        for period in ("A2024", "M022026"):
            assert ask(url, cotahist_path(period)).lines[-2].rstrip().endswith(total)


@pytest.mark.parametrize(
    ("year", "member"),
    [(1999, "COTAHIST.A1999"), (2000, "COTAHIST.A2000"), (2001, "COTAHIST_A2001"), (2002, "COTAHIST_A2002.TXT")],
)
def test_members_have_the_names_that_b3_gave_them(year: int, member: str) -> None:
    with serving(FakeB3([quote(day=year * 10_000 + 104)], TODAY)) as url:
        body = ask(url, cotahist_path(f"A{year}")).body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.namelist() == [member]


def test_invented_records_are_the_fake_yahoos_quotes() -> None:
    first, last = dt.date(2024, 2, 8), dt.date(2024, 2, 15)  # Carnival between
    records = invented_records(["VALE3", "PETR4"], first, last)

    def field(record: bytes, name: str) -> str:
        begin, width = LAYOUT[name]
        return record[begin - 1 : begin - 1 + width].decode()

    assert {len(record) for record in records} == {245}
    assert [(field(record, "day"), field(record, "code").strip()) for record in records] == [
        (day, code) for day in ("20240208", "20240209", "20240214", "20240215") for code in ("PETR4", "VALE3")
    ]
    wanted = next(daily_bars("PETR4.SA", first, last))
    told = {
        name: int(field(records[0], name)) for name in ("open", "high", "low", "close", "volume", "turnover", "mean")
    }
    assert {name: told[name] / 100 for name in ("open", "high", "low", "close")} == {
        name: wanted[name] for name in ("open", "high", "low", "close")
    }
    assert told["volume"] == wanted["volume"]
    assert told["turnover"] == told["mean"] * told["volume"]
    assert told["low"] <= told["mean"] <= told["high"]


SUPPLEMENT = [{"code": "ABEV", "tradingName": "AMBEV S/A   ", "stockDividends": [], "cashDividends": []}]
ROWS = [{"typeStock": "ON", "valueCash": f"0,{number:04d}"} for number in range(5)]
ANSWERS = {
    "ABEV-GetListedSupplementCompany": SUPPLEMENT,
    "ABEV-GetListedCashDividends": {"page": {}, "results": ROWS},
    "PETR-GetListedCashDividends": {"page": {}, "results": ROWS[:1]},
}
NAMES = {"PETROBRAS": "PETR"}


def as_folder(folder: Path) -> Path:
    for name, answer in ANSWERS.items():
        (folder / f"{name}.json").write_text(json.dumps(answer))
    return folder


@pytest.mark.parametrize("in_a_folder", [False, True])
def test_companies_are_told_of_from_a_folder_or_from_given_answers(tmp_path: Path, in_a_folder: bool) -> None:
    answers = as_folder(tmp_path) if in_a_folder else ANSWERS

    def told(call: str, **asked: object) -> object:
        answer = ask(url, company_path(call, **asked))
        assert answer.status == 200
        return json.loads(answer.body)

    def page(number: int, size: int, name: str) -> object:
        return told("GetListedCashDividends", language="pt-br", pageNumber=number, pageSize=size, tradingName=name)

    def numbers(number: int, size: int, records: int | None, pages: int | None) -> dict[str, int | None]:
        return {"pageNumber": number, "pageSize": size, "totalRecords": records, "totalPages": pages}

    with serving(FakeB3(answers=answers, trading_names=NAMES)) as url:
        assert told("GetListedSupplementCompany", issuingCompany="ABEV", language="pt-br") == SUPPLEMENT
        assert told("GetListedSupplementCompany", issuingCompany="XXXX", language="pt-br") == []
        assert page(1, 2, "AMBEV SA") == {"page": numbers(1, 2, 5, 3), "results": ROWS[:2]}
        assert page(3, 2, "AMBEV SA") == {"page": numbers(3, 2, 5, 3), "results": ROWS[4:]}
        assert page(1, 120, "PETROBRAS") == {"page": numbers(1, 120, 1, 1), "results": ROWS[:1]}
        assert page(1, 20, "AMBEV S/A") == {"page": numbers(1, 20, 0, 0), "results": []}
        assert page(1, 121, "AMBEV SA") == {"page": numbers(1, 121, None, None), "results": []}


@pytest.mark.parametrize("question", ["", "!", base64.b64encode(b"[]").decode(), base64.b64encode(b"{}").decode()])
def test_a_question_that_is_none_is_answered_with_500(question: str) -> None:
    with serving(FakeB3(answers=ANSWERS)) as url:
        assert ask(url, f"/listedCompaniesProxy/CompanyCall/GetListedCashDividends/{question}").status == 500


def test_the_recorded_answers_can_be_served(shared_data: Path) -> None:
    folder = shared_data / "b3_events"
    with serving(FakeB3(answers=folder)) as url:
        told = json.loads(ask(url, company_path("GetListedSupplementCompany", issuingCompany="ABEV")).body)
        assert told == json.loads((folder / "ABEV-GetListedSupplementCompany.json").read_text())
        asked = {"language": "pt-br", "pageNumber": 2, "pageSize": 20, "tradingName": "AMBEV SA"}
        second = json.loads(ask(url, company_path("GetListedCashDividends", **asked)).body)
    whole = json.loads((folder / "ABEV-GetListedCashDividends.json").read_text())
    assert second["results"] == whole["results"][20:]
    assert second["page"]["totalRecords"] == len(whole["results"]) == 29


def test_portfolios_are_asked_for_at_the_same_address() -> None:
    indexes = FakeIndexes(TODAY, {"IBOV": [FakeMember("PETR4", 10, 20.0)]})
    question = {"language": "pt-br", "pageNumber": 1, "pageSize": 120, "index": "IBOV"}
    path = fake_b3_index.PATH + base64.b64encode(json.dumps(question).encode()).decode()
    with serving(FakeB3(indexes=indexes)) as url:
        assert [row["cod"] for row in json.loads(ask(url, path).body)["results"]] == ["PETR4"]
    with serving(FakeB3()) as url:
        assert ask(url, path).status == 404
