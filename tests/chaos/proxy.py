"""A proxy before the AWS emulator, which answers wrongly where a rule says so, and forwards the rest untouched."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SLOW_SECONDS = 1.0
UPSTREAM_SECONDS = 120.0
_HOP = {"connection", "expect", "keep-alive", "transfer-encoding", "content-length"}
_TARGET = "AWSGlue."
_JSON = "application/x-amz-json-1.1"

# What is done when a rule is met, before the request is answered or forwarded.
Deed = Callable[[], None]


@dataclass
class Rule:
    """From the `skip`-th request to `service` (s3 or glue) on, `left` of them get `answer`, and `deed` is done.

    `answer` is one of 500, 503, throttle, drop, deaf (done, but not answered), cut, slow; "" forwards untouched.
    `on_first` is done once, at the first of them.
    """

    service: str
    skip: int
    left: int
    answer: str = ""
    deed: Deed | None = None
    on_first: Deed | None = None


# Glue's operation and its arguments, to a status and an answer; None: ask the AWS emulator.
Intercept = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]] | None]


@dataclass
class Proxy:
    """What a proxy is told: where it forwards to, its rules, and what it answers itself."""

    upstream: str
    intercept: Intercept = lambda _operation, _arguments: None
    rules: list[Rule] = field(default_factory=list)
    spoilt: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, rule: Rule) -> None:
        with self._lock:
            self.rules.append(rule)

    def disarm(self) -> None:
        """Forget the rules that were not met."""
        with self._lock:
            self.rules.clear()

    def meet(self, service: str) -> list[Rule]:
        """The rules that this request meets: at most one that answers, and any that only do something."""
        with self._lock:
            met: list[Rule] = []
            for rule in self.rules:
                if rule.service != service or (rule.answer and any(other.answer for other in met)):
                    continue
                if rule.skip:
                    rule.skip -= 1
                    continue
                rule.left -= 1
                met.append(rule)
            self.rules = [rule for rule in self.rules if rule.left > 0]
            self.spoilt += sum(bool(rule.answer) for rule in met)
            return met


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


def _error(service: str, answer: str) -> _Answer:
    if service == "glue":
        code = "ThrottlingException" if answer == "throttle" else "InternalServiceException"
        body = json.dumps({"__type": code, "message": "torture"}).encode()
        return _Answer(400 if answer == "throttle" else 500, [("Content-Type", _JSON)], body)
    code = "SlowDown" if answer == "503" else "InternalError"
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>torture</Message></Error>"
    return _Answer(int(answer), [("Content-Type", "application/xml")], text.encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _serve(self) -> None:
        body = self._body()
        target = self.headers.get("X-Amz-Target", "")
        service = "glue" if target.startswith(_TARGET) else "s3"
        if service == "glue":
            own = self.proxy.intercept(target.removeprefix(_TARGET), json.loads(body or b"{}"))
            if own:
                self._send(_Answer(own[0], [("Content-Type", _JSON)], json.dumps(own[1]).encode()))
                return
        met = self.proxy.meet(service)
        answer = next((rule.answer for rule in met if rule.answer), "")
        for rule in met:
            first, rule.on_first = rule.on_first, None
            for deed in (first, rule.deed):
                if deed:
                    deed()
        self._answer(service, answer, body)

    def _answer(self, service: str, answer: str, body: bytes) -> None:
        if answer == "drop":
            self.close_connection = True
        elif answer in {"500", "503", "throttle"}:
            self._send(_error(service, answer))
        else:
            got = self._forward(body)
            if answer == "slow":
                time.sleep(SLOW_SECONDS)
            if answer == "deaf":
                self.close_connection = True
            else:
                self._send(got, cut=answer == "cut")

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _forward(self, body: bytes) -> _Answer:
        place = urlsplit(self.proxy.upstream)
        upstream = http.client.HTTPConnection(place.hostname or "", place.port, timeout=UPSTREAM_SECONDS)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body)
            got = upstream.getresponse()
            # A HEAD's Content-Length is the object's, and no body follows it.
            kept = _HOP - {"content-length"} if self.command == "HEAD" else _HOP
            headers = [(name, value) for name, value in got.getheaders() if name.lower() not in kept]
            return _Answer(got.status, headers, got.read())
        finally:
            upstream.close()

    def _send(self, answer: _Answer, *, cut: bool = False) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if cut:
            self.close_connection = True
        self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)

    def handle(self) -> None:
        with suppress(OSError, http.client.HTTPException):  # either end may be killed at any time
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Say nothing: what went wrong is counted."""

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names that http.server asks for


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def serving(proxy: Proxy) -> Iterator[str]:
    """Serve `proxy` on a free loopback port for the length of a `with` block; gives the URL."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
