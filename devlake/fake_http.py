"""A fake public service on a loopback port: routes a GET to a function, and is as rude as it is told to be.

    with serving(FakeCentralBank()) as url:
        ...

A service answers a `Request` with a `Reply`. `Scripted` puts replies of a test in front of its own.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from devlake import loopback
from devlake.loopback import QuietHandler


@dataclass(frozen=True)
class Request:
    """One GET: its path without escapes, its query, its User-Agent."""

    path: str
    query: dict[str, str]
    user_agent: str


@dataclass(frozen=True)
class Reply:
    """A status and a body (text is sent as it is, bytes too, anything else as JSON); `cut` ends it half way."""

    status: int
    body: object
    media_type: str = "application/json"
    cut: bool = False

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)).encode()


class Service(Protocol):
    """Whoever answers."""

    def answer(self, request: Request) -> Reply: ...


@dataclass
class Scripted:
    """`service`, with `replies` sent before it is asked itself; every request is kept."""

    service: Service
    replies: list[Reply] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self.replies:
                return self.replies.pop(0)
        return self.service.answer(request)


HTML_200 = Reply(200, "<!DOCTYPE html>\n<html><head><title>Indisponível</title></head></html>", "text/html")
"""A page where an answer belongs, with a status that says that all is well."""
XML_200 = Reply(200, '<?xml version="1.0" encoding="UTF-8"?><Fault><faultstring/></Fault>', "text/xml")
"""The same in XML."""
PYTHON_AGENT = "Python-urllib"


class _Handler(QuietHandler):
    service: Service

    def do_GET(self) -> None:  # noqa: N802 - the name that the base class looks for
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        request = Request(unquote(parts.path), query, self.headers.get("User-Agent", ""))
        if not request.user_agent or request.user_agent.startswith(PYTHON_AGENT):
            self._reply(Reply(403, "<html><body>Access Denied</body></html>", "text/html"))
            return
        self._reply(self.service.answer(request))

    def _reply(self, reply: Reply) -> None:
        body = reply.encoded()
        media_type = f"{reply.media_type};charset=utf-8"
        if not reply.cut:
            self.send_body(reply.status, body, media_type)
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True


@contextmanager
def serving(service: Service, port: int = 0) -> Iterator[str]:
    """Serve `service` on a loopback port (0: a free one) for the length of a `with` block; gives the URL."""
    with loopback.serving(type("Handler", (_Handler,), {"service": service}), port) as url:
        yield url
