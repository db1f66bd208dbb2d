"""The emulator answers a usual request as hypercorn would, and hypercorn answers whatever else a connection brings."""

import http.client
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devlake import emulator as emulators
from devlake.emulator import Emulator
from tests.devlake.raw_requests import raw_request

pytestmark = pytest.mark.slow

TO_HYPERCORN = b"Connection: keep-alive\r\n"
"""A header that changes nothing, but that no usual request has."""
OF_THE_MOMENT = re.compile(r"(?i)date|last-modified|x-amz.*-id.*|x-amzn-requestid")
ID_IN_BODY = re.compile(rb"<(RequestId|HostId)>[^<]*")


def signed(aws: Emulator, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request to S3, which leaves its connection open."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = aws.endpoint_url + path
    whole = raw_request(url, body, method=method, headers=named, service="s3", secret=aws.key)
    return whole.replace(b"Connection: close\r\n", b"")


def with_header(request: bytes, line: bytes) -> bytes:
    return request.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n", 1)


@contextmanager
def connected(aws: Emulator) -> Iterator[socket.socket]:
    place = urlsplit(aws.endpoint_url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        yield connection


def read(connection: socket.socket, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Status and headers and body, without what differs from one answer to the next."""
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    headers = {name.lower(): text for name, text in answer.getheaders() if not OF_THE_MOMENT.fullmatch(name)}
    return answer.status, headers, ID_IN_BODY.sub(b"", answer.read())


@pytest.fixture(scope="module")
def bucket(emulator: Emulator) -> str:
    emulator.client("s3").create_bucket(Bucket="of-usual-requests")
    emulator.client("s3").put_object(Bucket="of-usual-requests", Key="there", Body=b"four")
    return "of-usual-requests"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (("PUT", "/put", b"some bytes"), 200),
        (("GET", "/there", b""), 200),
        (("HEAD", "/there", b""), 200),
        (("GET", "/gone", b""), 404),
        (("HEAD", "/gone", b""), 404),
        (("DELETE", "/never-was", b""), 204),
        (("GET", "", b""), 200),
    ],
)
def test_both_servers_give_the_same_answer(
    asked: tuple[str, str, bytes], status: int, emulator: Emulator, bucket: str
) -> None:
    method, path, body = asked
    request = signed(emulator, method, f"/{bucket}{path}", body)
    answers = []
    for one in (request, with_header(request, TO_HYPERCORN)):
        with connected(emulator) as connection:
            connection.sendall(one)
            answers.append(read(connection, method))
    assert answers[0] == answers[1]
    assert answers[0][0] == status


def test_requests_follow_each_other_on_a_connection_and_hypercorn_has_it_from_the_first_unusual_one(
    emulator: Emulator, bucket: str
) -> None:
    with connected(emulator) as connection:
        for number in range(3):
            body = b"%d" % number
            connection.sendall(signed(emulator, "PUT", f"/{bucket}/of-one-connection", body))
            assert read(connection)[0] == 200
            connection.sendall(signed(emulator, "GET", f"/{bucket}/of-one-connection"))
            assert read(connection)[2] == body
        waits = signed(emulator, "PUT", f"/{bucket}/of-one-connection", b"asked first", Expect="100-continue")
        head, _, body = waits.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read(connection)[0] == 200
        connection.sendall(signed(emulator, "GET", f"/{bucket}/of-one-connection"))
        assert read(connection)[2] == b"asked first"


def test_requests_that_come_at_once_are_answered_in_order(emulator: Emulator, bucket: str) -> None:
    usual = signed(emulator, "GET", f"/{bucket}/there")
    missing = signed(emulator, "GET", f"/{bucket}/gone")
    with connected(emulator) as connection:
        connection.sendall(usual + with_header(missing, TO_HYPERCORN) + usual)
        received = b""
        while received.count(b"HTTP/1.1 ") < 3 or not received.endswith(b"four"):
            piece = connection.recv(65536)
            assert piece
            received += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"404", b"200"]


@pytest.mark.parametrize(
    "request_line",
    [b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01 nonsense\r\n\r\n"],
)
def test_what_is_no_request_is_refused(request_line: bytes, emulator: Emulator) -> None:
    with connected(emulator) as connection:
        connection.sendall(request_line)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_head_without_an_end_is_refused(emulator: Emulator) -> None:
    with connected(emulator) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 2**17)
        assert connection.recv(100).startswith(b"HTTP/1.1 431 ")


def test_many_connections_have_each_its_own_answers(emulator: Emulator, bucket: str) -> None:
    def put_and_get(number: int) -> bytes:
        with connected(emulator) as connection:
            connection.sendall(signed(emulator, "PUT", f"/{bucket}/many/{number}", b"%d" % number * 1000))
            assert read(connection)[0] == 200
            connection.sendall(signed(emulator, "GET", f"/{bucket}/many/{number}"))
            return read(connection)[2]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(put_and_get, range(24))) == [b"%d" % number * 1000 for number in range(24)]


def test_the_emulator_ends_at_once_while_a_connection_waits() -> None:
    with tempfile.TemporaryDirectory() as folder:
        aws = emulators.start(Path(folder))
        try:
            with connected(aws) as connection:
                connection.sendall(signed(aws, "GET", "/"))
                assert read(connection)[0] == 200
                begun = time.monotonic()
                emulators.stop(aws)
                assert time.monotonic() - begun < GRACE_OF_HYPERCORN
                assert connection.recv(10) == b""
        finally:
            emulators.stop(aws)


GRACE_OF_HYPERCORN = 3.0
"""Seconds that it waits for connections at its end."""
