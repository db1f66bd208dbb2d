"""Which requests the emulator's own server takes itself, and how an answer leaves it, to the byte."""

import asyncio
from typing import Any

import pytest

from devlake.emulator_messages import Answer, Head, usual
from devlake.emulator_retries import Message


def request(*lines: bytes) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


def test_a_usual_request_is_read() -> None:
    head = request(
        b"PUT /bucket/dt%3D2024-01-02/a%20b?x=1&y HTTP/1.1",
        b"Host: 127.0.0.1:4566",
        b"X-Amz-Meta: \t a: b \xe9 \t",
        b"Content-Length: 12",
        b"Empty:",
    )
    read = usual(head)
    headers = [
        (b"host", b"127.0.0.1:4566"),
        (b"x-amz-meta", b"a: b \xe9"),
        (b"content-length", b"12"),
        (b"empty", b""),
    ]
    assert read == Head("PUT", b"/bucket/dt%3D2024-01-02/a%20b?x=1&y", headers, 12)
    assert {name: read.scope()[name] for name in ("method", "path", "raw_path", "query_string", "headers")} == {
        "method": "PUT",
        "path": "/bucket/dt=2024-01-02/a b",
        "raw_path": b"/bucket/dt%3D2024-01-02/a%20b",
        "query_string": b"x=1&y",
        "headers": headers,
    }


def test_a_request_that_states_no_length_has_no_body() -> None:
    read = usual(request(b"GET / HTTP/1.1", b"host: a"))
    assert read is not None
    assert read.length == 0


@pytest.mark.parametrize(
    "head",
    [
        request(b"GET / HTTP/1.0", b"host: a"),
        request(b"GET / HTTP/1.1"),
        request(b"GET / HTTP/1.1", b"host: a", b"Host: b"),
        request(b"GET  / HTTP/1.1", b"host: a"),
        request(b"GET /\xc3\xa9 HTTP/1.1", b"host: a"),
        request(b"GET http://a/ HTTP/1.1", b"host: a"),
        request(b"PATCH / HTTP/1.1", b"host: a"),
        request(b"PRI * HTTP/2.0"),
        request(b"GET / HTTP/1.1", b"host: a", b" folded: b"),
        request(b"GET / HTTP/1.1", b"host: a", b"name : b"),
        request(b"GET / HTTP/1.1", b"host: a", b"no colon"),
        request(b"GET / HTTP/1.1", b"host: a", b"x: a\x00b"),
        request(b"GET / HTTP/1.1", b"host: a", b"x: a\nb: c"),
        request(b"GET / HTTP/1.1", b"host: a", b"Upgrade: websocket"),
        request(b"GET / HTTP/1.1", b"host: a", b"Connection: close"),
        request(b"PUT / HTTP/1.1", b"host: a", b"Expect: 100-continue", b"content-length: 3"),
        request(b"PUT / HTTP/1.1", b"host: a", b"Transfer-Encoding: chunked"),
        request(b"PUT / HTTP/1.1", b"host: a", b"content-length: 3", b"Content-Length: 3"),
        request(b"PUT / HTTP/1.1", b"host: a", b"content-length: +3"),
        request(b"PUT / HTTP/1.1", b"host: a", b"content-length: 3, 3"),
    ],
)
def test_any_other_request_is_left_to_the_other_server(head: bytes) -> None:
    assert usual(head) is None


class Wire:
    """The pieces that were written."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)

    async def drain(self) -> None:
        pass


def start(status: int, *headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(piece: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": more}


def sent(method: str, *messages: Message) -> tuple[list[bytes], bool]:
    """The pieces that were written for these messages, and whether another answer may follow."""
    wire: Any = Wire()

    async def send() -> bool:
        answer = Answer(wire, method)
        for message in messages:
            await answer.send(message)
        return await answer.end()

    return wire.pieces, asyncio.run(send())


SIZED = (b"Content-Length", b"4")


@pytest.mark.parametrize(
    ("method", "messages", "pieces"),
    [
        ("GET", [start(200, SIZED), body(b"four")], [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour"]),
        ("HEAD", [start(200, SIZED), body(b"four")], [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"]),
        ("HEAD", [start(404), body(b"four")], [b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n"]),
        ("DELETE", [start(204, (b"a", b"b")), body(b"")], [b"HTTP/1.1 204 No Content\r\na: b\r\n\r\n"]),
        ("GET", [start(304), body(b"none")], [b"HTTP/1.1 304 Not Modified\r\n\r\n"]),
        (
            "GET",
            [start(200, SIZED), body(b"fo", more=True), body(b"ur")],
            [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfo", b"ur"],
        ),
        (
            "GET",
            [start(200), body(b"seventeen letters", more=True), body(b"", more=True), body(b"b")],
            [
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n11\r\nseventeen letters\r\n",
                b"1\r\nb\r\n0\r\n\r\n",
            ],
        ),
        ("GET", [start(299, SIZED), body(b"four")], [b"HTTP/1.1 299 \r\nContent-Length: 4\r\n\r\nfour"]),
    ],
)
def test_an_answer_leaves_in_as_few_pieces_as_it_came(
    method: str, messages: list[Message], pieces: list[bytes]
) -> None:
    assert sent(method, *messages) == (pieces, True)


def test_an_answer_that_never_began_is_a_failure_and_the_last() -> None:
    failed = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    assert sent("GET") == ([failed], False)
    assert sent("GET", start(200, SIZED)) == ([failed], False)


def test_an_answer_that_was_broken_off_is_the_last() -> None:
    pieces, may_follow = sent("GET", start(200, SIZED), body(b"fo", more=True))
    assert pieces == [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfo"]
    assert not may_follow
