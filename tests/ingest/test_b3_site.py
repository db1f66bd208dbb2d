"""B3's site: which files are asked for, and each way in which it may not give one."""

import datetime as dt
import io
import ipaddress
import ssl
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.sources.b3_site import (
    ClosedError,
    DownloadError,
    NotPublishedError,
    SiteFile,
    files_on_site,
    read_from_site,
)
from b3lake.ingest.sources.cotahist import Cotahist, Period
from b3lake.ingest.sources.http_get import USER_AGENT, BackOff
from b3lake.lake.calendar import sessions_between
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_b3 import FakeB3, cotahist_path, zip_of
from devlake.fake_http import HTML_200, SERVER_ERROR, Reply, Scripted, redirect, serving

TODAY = dt.date(2024, 5, 6)
DAY = dt.date(2024, 5, 3)
FILE = SiteFile("COTAHIST_D03052024.ZIP", Period(DAY, DAY))
QUICK = BackOff(attempts=3, first_seconds=0.001, longest_seconds=0.002, timeout_seconds=5)
PATH = cotahist_path("D03052024")
B3 = FakeB3([quote(day=20240503), quote(day=20240503, market="020")], today=TODAY)


def zip_file(day: dt.date, *, streamed: bool = False) -> bytes:
    records = [quote(day=int(f"{day:%Y%m%d}"))]
    return zip_of("COTAHIST.TXT", whole_file(records, year=day.year, total_of="quotes"), streamed=streamed)


WHOLE = zip_file(DAY)


@contextmanager
def site(*replies: Reply) -> Iterator[tuple[str, Scripted]]:
    """B3's site with FILE on it, which gives `replies` before."""
    scripted = Scripted(B3, list(replies))
    with serving(scripted) as url:
        yield url, scripted


def read(url: str, file: SiteFile = FILE, today: dt.date = TODAY) -> Cotahist:
    return read_from_site(file, url, today, back_off=QUICK)


# --- Which files -------------------------------------------------------------------------------------------------


def weekdays(start: dt.date, end: dt.date) -> list[dt.date]:
    days = (start + dt.timedelta(days=n) for n in range((end - start).days + 1))
    return [day for day in days if day.weekday() < 5]


def test_the_fewest_files_of_the_site():
    names = [file.name for file in files_on_site(weekdays(dt.date(2023, 12, 25), DAY), TODAY)]
    assert names == [
        "COTAHIST_A2023.ZIP",
        "COTAHIST_M012024.ZIP",
        "COTAHIST_M022024.ZIP",
        "COTAHIST_M032024.ZIP",
        "COTAHIST_M042024.ZIP",
        "COTAHIST_D01052024.ZIP",  # a holiday: should it be there, the calendar is wrong
        "COTAHIST_D02052024.ZIP",
        "COTAHIST_D03052024.ZIP",
    ]


def test_a_past_year_is_not_downloaded_for_a_holiday():
    assert files_on_site([dt.date(2023, 5, 1)], TODAY) == []


@settings(max_examples=40, deadline=None)
@given(start=st.dates(dt.date(2020, 1, 1), dt.date(2024, 5, 2)), length=st.integers(0, 900))
def test_files_of_the_site_cover_every_session_once(start: dt.date, length: int):
    end = min(start + dt.timedelta(days=length), DAY)
    files = files_on_site(weekdays(start, end), TODAY)
    for day in sessions_between(start, end):
        assert sum(file.period.start <= day <= file.period.end for file in files) == 1


# --- How they come -----------------------------------------------------------------------------------------------


def test_every_request_says_who_asks_and_for_what():
    with site() as (url, scripted):
        found = read(url)
    assert (found.days, found.quotes["ticker"].tolist()) == ({DAY}, [b"PETR4"])
    (request,) = scripted.requests
    assert request.path == PATH
    assert request.user_agent == USER_AGENT
    assert request.user_agent.startswith("b3-lake/")
    assert "application/zip" in request.accept


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, WHOLE, "application/zip", tells_length=False),
        Reply(200, zip_file(DAY, streamed=True), "application/octet-stream", tells_length=False),
        redirect(PATH),
    ],
    ids=["without a length", "streamed", "moved"],
)
def test_forms_in_which_a_sound_file_comes(reply: Reply):
    with site(reply) as (url, _):
        assert read(url).days == {DAY}


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_file_larger_than_what_is_read_at_once_comes_whole(tells_length: bool):
    """As a month's does; stored here, not compressed, so that it is."""
    records = [quote(day=20240503, code=f"X{number:04}3", open=3710 + number) for number in range(10_000)]
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("COTAHIST.TXT", whole_file(records, total_of="quotes"))
    assert len(sink.getvalue()) > 2 << 20
    with site(Reply(200, sink.getvalue(), "application/zip", tells_length=tells_length)) as (url, scripted):
        found = read(url)
    assert len(scripted.requests) == 1
    assert found.quotes["ticker"].tolist() == [f"X{number:04}3".encode() for number in range(10_000)]
    assert found.quotes["open"].tolist() == [round(37.10 + number / 100, 2) for number in range(10_000)]


FAULTS = {
    "500": (SERVER_ERROR, "it answered 500"),
    "503": (Reply(503, ""), "it answered 503"),
    "429": (Reply(429, ""), "it answered 429"),
    "a page": (HTML_200, "it answered with a page where a ZIP file belongs"),
    "a redirect to a page": (redirect("/aviso.html"), "it answered with a page"),
    "nothing": (Reply(200, b""), "it answered with something else where a ZIP file belongs"),
    "half a ZIP with a length": (Reply(200, WHOLE, "application/zip", cut=True), "its answer was cut short"),
    "half a ZIP without one": (
        Reply(200, WHOLE, "application/zip", cut=True, tells_length=False),
        "what came is no such file: it is a broken ZIP file",
    ),
    "half a streamed ZIP": (
        Reply(200, zip_file(DAY, streamed=True), "application/zip", cut=True, tells_length=False),
        "what came is no such file: it is a broken ZIP file",
    ),
    "another day's file": (
        Reply(200, zip_file(dt.date(2024, 5, 2))),
        "what came is no such file: it holds quotes outside 2024-05-03 to 2024-05-03",
    ),
}


def replies(fault: str, times: int) -> list[Reply]:
    """The answers for a fault that happens so often: a redirect is followed by what it leads to."""
    reply, _ = FAULTS[fault]
    return [reply, HTML_200] * times if reply.location else [reply] * times


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_is_tried_again(fault: str):
    with site(*replies(fault, 2)) as (url, scripted):
        assert read(url).days == {DAY}
    assert [request.path for request in scripted.requests].count(PATH) == 3


def test_each_further_try_is_told(caplog: pytest.LogCaptureFixture):
    with site(SERVER_ERROR, Reply(429, "")) as (url, _):
        read(url)
    told = [record.getMessage().split(" in ")[0] for record in caplog.records if "try " in record.getMessage()]
    assert told == [
        f"{FILE.name}: it answered 500; try 2 of 3",
        f"{FILE.name}: it answered 429; try 3 of 3",
    ]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_is_a_sentence_after_a_bound(fault: str):
    with site(*replies(fault, 3)) as (url, scripted), pytest.raises(DownloadError) as caught:
        read(url)
    assert str(caught.value).startswith(f"{FILE.name}: {FAULTS[fault][1]}")
    assert str(caught.value).endswith(", 3 times; run again later, or give the file with --b3-files.")
    assert "\n" not in str(caught.value)
    assert [request.path for request in scripted.requests].count(PATH) == 3


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (403, "B3's server refuses this program (403 Forbidden): download the file with a browser, and give"),
        (406, "B3's server refuses this program (406 Not Acceptable): download the file with a browser, and give"),
        (410, "B3's server answered 410 Gone: run again later, or give"),
        (299, "B3's server answered 299 of no known meaning: run again later, or give"),
    ],
)
def test_a_refusal_has_its_sentence_and_is_not_repeated(status: int, says: str):
    with site(Reply(status, "<html/>", "text/html")) as (url, scripted), pytest.raises(DownloadError) as caught:
        read(url)
    assert str(caught.value) == f"{FILE.name}: {says} the file with --b3-files."
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    ("day", "today", "kind", "says"),
    [
        (DAY, DAY, NotPublishedError, "not published yet: B3 publishes a session's file in its evening"),
        (DAY, dt.date(2024, 5, 6), NotPublishedError, "not published yet"),
        (DAY, dt.date(2024, 5, 7), DownloadError, "B3's site does not have it (404): give the file with --b3-files"),
        (dt.date(2024, 5, 1), dt.date(2024, 5, 1), ClosedError, "B3 was closed on 2024-05-01, and has no file of it"),
        (dt.date(2024, 5, 4), dt.date(2024, 5, 6), ClosedError, "B3 was closed on 2024-05-04"),
    ],
)
def test_a_missing_file_is_told_by_the_calendar(day: dt.date, today: dt.date, kind: type, says: str):
    file = SiteFile(f"COTAHIST_D{day:%d%m%Y}.ZIP", Period(day, day))
    with serving(FakeB3()) as url, pytest.raises((DownloadError, NotPublishedError)) as caught:
        read(url, file, today)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{file.name}: {says}")


def test_a_server_that_is_not_there_is_a_sentence():
    with serving(FakeB3()) as url:
        pass
    with pytest.raises(DownloadError, match=r"it could not be reached \(.*refused.*\), 3 times; run again later, or"):
        read(url)


# --- Certificates ------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that only itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*form, plain))
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_a_certificate_that_nobody_vouches_for(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    scripted = Scripted(B3)
    with serving(scripted, encryption=context) as url:
        with pytest.raises(DownloadError) as caught:
            read(url)
        assert str(caught.value) == (
            f"{FILE.name}: the certificate of 127.0.0.1 cannot be verified (self-signed certificate): "
            "set SSL_CERT_FILE to a file with your network's certificates, or give the file with --b3-files."
        )
        assert scripted.requests == [], "nothing is asked of a server that nobody vouches for"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert read(url).days == {DAY}
