"""A fake public service on a loopback port: routes a GET to a function, and is as rude as it is told to be.

    with serving(FakeCentralBank()) as url:
        ...

A service answers a `Request` with a `Reply`. `Scripted` puts replies of a test in front of its own.
"""

import argparse
import json
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from devlake import loopback


@dataclass(frozen=True)
class Request:
    """One GET: its path without escapes, its query, its headers (names in lower case)."""

    path: str
    query: dict[str, str]
    headers: Mapping[str, str]

    @property
    def user_agent(self) -> str:
        return self.headers.get("user-agent", "")

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")


@dataclass(frozen=True)
class Reply:
    """A status and a body (text is sent as it is, bytes too, anything else as JSON).

    `cut` ends the body half way; without `tells_length` it ends where the connection does, or with `chunked` where its
    chunks do; `location` redirects.
    """

    status: int
    body: object
    media_type: str = "application/json"
    cut: bool = False
    tells_length: bool = True
    location: str = ""
    chunked: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)).encode()


class Service(Protocol):
    """Whoever answers."""

    def answer(self, request: Request) -> Reply: ...


@dataclass
class Scripted:
    """`service`, with `replies` sent before it is asked itself; every request is kept.

    Those of `at`, path to replies, come first, and only to requests for that path.
    """

    service: Service
    replies: list[Reply] = field(default_factory=list)
    at: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            for replies in (self.at.get(request.path), self.replies):
                if replies:
                    return replies.pop(0)
        return self.service.answer(request)


HTML_200 = Reply(200, "<!DOCTYPE html>\n<html><head><title>Indisponível</title></head></html>", "text/html")
"""A page where an answer belongs, with a status that says that all is well."""
XML_200 = Reply(200, '<?xml version="1.0" encoding="UTF-8"?><Fault><faultstring/></Fault>', "text/xml")
"""The same in XML."""
SERVER_ERROR = Reply(500, "<html><body>Internal Server Error</body></html>", "text/html")
NOT_FOUND = Reply(404, "<html><body><h1>404 - Arquivo não encontrado</h1></body></html>", "text/html")
DENIED = Reply(403, "<html><body>Access Denied</body></html>", "text/html")
PYTHON_AGENT = "Python-urllib"


def redirect(location: str) -> Reply:
    """An answer that sends the client to `location`, a path or a URL."""
    return Reply(302, "", "text/html", location=location)


class _Handler(loopback.QuietHandler):
    service: Service

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server asks for
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(unquote(parts.path), query, headers)
        refused = not request.user_agent or request.user_agent.startswith(PYTHON_AGENT)
        self._send(DENIED if refused else self.service.answer(request))

    def _send(self, reply: Reply) -> None:
        body = reply.encoded()
        self.send_response(reply.status)
        charset = "" if isinstance(reply.body, bytes) else ";charset=utf-8"
        self.send_header("Content-Type", reply.media_type + charset)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.location:
            self.send_header("Location", reply.location)
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.tells_length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        sent = _in_chunks(body) if reply.chunked else body
        self.wfile.write(sent[: len(sent) // 2] if reply.cut else sent)
        self.close_connection = self.close_connection or reply.cut


def _in_chunks(body: bytes, size: int = 1 << 16) -> bytes:
    chunks = (body[first : first + size] for first in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@contextmanager
def serving(service: Service, port: int = 0, encryption: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve `service` on a loopback port (0: a free one) for the length of a `with` block; gives the URL."""
    with loopback.serving(type("Handler", (_Handler,), {"service": service}), port, encryption) as url:
        yield url


def serve_until_interrupted(service: Service, description: str) -> int:
    """Serve on the port that the command line names, and print the URL; returns the exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="loopback port; a free one by default")
    port = parser.parse_args().port
    try:
        with serving(service, port) as url:
            print(url, flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    except OSError as refused:
        print(f"error: Port {port} cannot be listened on ({refused}): choose another.", file=sys.stderr)
        return 1
    return 0
