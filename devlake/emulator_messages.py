"""HTTP/1.1 as the emulator's own server reads and writes it: usual requests, and the answers to them.

A usual request is what the lake's programs send by the ten thousand: a plain head, the length of its body stated,
nothing to be agreed on first. What is not usual is told from it strictly, for another server to judge.

It runs in the virtualenv of the emulator: the standard library alone.
"""

import asyncio
import re
from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
from typing import Any
from urllib.parse import unquote

from devlake.emulator_retries import Message

END_OF_HEAD = b"\r\n\r\n"
_FIRST = re.compile(rb"(GET|PUT|POST|HEAD|DELETE) (/[!-~]*) HTTP/1\.1")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)")
_LENGTH = re.compile(rb"[0-9]{1,12}")
_TO_BE_AGREED_ON = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"connection"})
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_FAILED = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True)
class Head:
    """A usual request but for its body: names of headers in lower case, `length` of the body in bytes."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    length: int

    def scope(self) -> Message:
        """The same as ASGI has it, but for the two addresses."""
        path, _, query = self.target.partition(b"?")
        return {
            "type": "http",
            "http_version": "1.1",
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "method": self.method,
            "scheme": "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "extensions": {},
        }


def usual(head: bytes) -> Head | None:
    """The request that begins with `head` (up to its empty line), or None where it is not a usual one."""
    first, *lines = head.removesuffix(END_OF_HEAD).split(b"\r\n")
    asked = _FIRST.fullmatch(first)
    found = [one for line in lines if (one := _HEADER.fullmatch(line))]
    if asked is None or len(found) < len(lines):
        return None
    headers = [(one[1].lower(), one[2].strip(b" \t")) for one in found]
    names = [name for name, _ in headers]
    lengths = [value for name, value in headers if name == b"content-length"]
    if names.count(b"host") != 1 or len(lengths) > 1 or not _TO_BE_AGREED_ON.isdisjoint(names):
        return None
    if not all(_LENGTH.fullmatch(value) for value in lengths):
        return None
    return Head(asked[1].decode(), asked[2], headers, int(lengths[0]) if lengths else 0)


class Answer:
    """One answer on its way to a client: in one piece where all of it is there, else as it comes."""

    def __init__(self, writer: asyncio.StreamWriter, method: str) -> None:
        self._writer, self._to_head = writer, method == HTTPMethod.HEAD
        self._first_part = b""
        self._sized = self._bodiless = self._begun = self._whole = False

    async def send(self, message: Message) -> None:
        """Take a message of ASGI's."""
        if message["type"] == "http.response.start":
            self._start(int(message["status"]), message.get("headers", []))
        elif message["type"] == "http.response.body":
            await self._send(bytes(message.get("body", b"")), more=bool(message.get("more_body")))

    async def end(self) -> bool:
        """Whether all of it was sent, so that another can follow; one that never began is a 500."""
        if not self._begun:
            await self._write(_FAILED)
        return self._whole

    def _start(self, status: int, headers: Any) -> None:
        self._bodiless = self._to_head or status in _WITHOUT_BODY
        self._sized = any(name.lower() == b"content-length" for name, _ in headers)
        lines = [b"HTTP/1.1 %d %s" % (status, _phrase(status)), *(b"%s: %s" % one for one in headers)]
        if not self._sized and status not in _WITHOUT_BODY:
            lines.append(b"transfer-encoding: chunked")
        self._first_part = b"\r\n".join(lines) + END_OF_HEAD

    async def _send(self, body: bytes, *, more: bool) -> None:
        piece = b"" if self._bodiless else body if self._sized else _chunked(body, more=more)
        if not self._begun:
            piece, self._begun = self._first_part + piece, True
        self._whole = not more
        await self._write(piece)

    async def _write(self, piece: bytes) -> None:
        if piece:
            self._writer.write(piece)
            await self._writer.drain()


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


def _chunked(piece: bytes, *, more: bool) -> bytes:
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
    return chunk if more else chunk + b"0\r\n\r\n"
