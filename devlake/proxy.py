"""A proxy before an AWS on this machine: counts what is asked, lets it take its time, and spoils answers.

    proxy = Proxy(emulator.endpoint_url, latency_seconds=0.03)
    proxy.add(Rule(Fault.SLOW_DOWN, service="s3", skip=10, count=2))
    with serving(proxy) as url:
        ...                                   # the eleventh and twelfth request to S3 get 503
    proxy.count()                             # Counter({'s3 PutObject': 40, 's3 ListObjectsV2': 1})

What no rule asks for is handed on to the byte, over one connection to the server for each of a client's.
"""

import asyncio
import enum
import itertools
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from devlake.aws_requests import AwsRequest, read_aws_request
from devlake.http_messages import Message, read_request, read_response
from devlake.loopback import ADDRESS

LATE_SECONDS = 1.0
HANG_SECONDS = 2.0
_BUFFER_BYTES = 2**20


class Fault(enum.Enum):
    """How the answer to a request is spoilt."""

    SERVER_ERROR = enum.auto()
    """500."""
    SLOW_DOWN = enum.auto()
    """503, S3's way to throttle."""
    THROTTLED = enum.auto()
    """400, the other services' way to throttle."""
    EXPIRED_CREDENTIALS = enum.auto()
    """400, as from the hour on at which a lab's session ends."""
    DROPPED = enum.auto()
    """The connection ends, and nothing was done."""
    ANSWER_LOST = enum.auto()
    """The connection ends after the request was carried out."""
    ANSWER_CUT = enum.auto()
    """The connection ends half way through the answer."""
    LATE = enum.auto()
    """The right answer, LATE_SECONDS late."""
    HANGING = enum.auto()
    """No answer for HANG_SECONDS, then the connection ends, and nothing was done."""
    REFUSED = enum.auto()
    """403, as for an object that is archived."""
    LISTING_AN_ERROR = enum.auto()
    """200 and an error, as S3 answers where it has begun to answer."""
    LISTING_A_PAGE = enum.auto()
    """200 and a page, as a hotel's network answers."""
    LISTING_EMPTY = enum.auto()
    """A listing of nothing."""
    LISTING_SHORT = enum.auto()
    """The listing without every second of its objects."""


_NEVER_SENT = {Fault.DROPPED: 0.0, Fault.HANGING: HANG_SECONDS}
_ERRORS = {
    Fault.SERVER_ERROR: (500, "InternalError", "InternalServiceException"),
    Fault.SLOW_DOWN: (503, "SlowDown", "ServiceUnavailableException"),
    Fault.THROTTLED: (400, "SlowDown", "ThrottlingException"),
    Fault.EXPIRED_CREDENTIALS: (400, "ExpiredToken", "ExpiredTokenException"),
    Fault.REFUSED: (403, "InvalidObjectState", "AccessDeniedException"),
}
"""Status, S3's code, the other services' code."""
_XML = "<?xml version='1.0'?>"
LIES = {
    Fault.LISTING_AN_ERROR: f"{_XML}<Error><Code>InternalError</Code><Message>fault of the proxy</Message></Error>",
    Fault.LISTING_A_PAGE: "<!DOCTYPE html><html><head><title>Sign in</title></head><body></body></html>",
    Fault.LISTING_EMPTY: f"{_XML}<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
    "<KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>",
}
"""Fault to the body that is answered, with 200, in place of a listing."""
_LISTED = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """A response that the proxy makes itself."""

    status: int
    body: bytes
    content_type: str = "application/x-amz-json-1.1"

    @classmethod
    def of_json(cls, status: int, document: object) -> "Answer":
        return cls(status, json.dumps(document).encode())

    @classmethod
    def of_lie(cls, fault: Fault) -> "Answer":
        """The answer in place of a listing, for a fault of LIES."""
        return cls(200, LIES[fault].encode(), "application/xml")

    def to_bytes(self, *, to_head: bool = False) -> bytes:
        head = f"HTTP/1.1 {self.status} -\r\nContent-Type: {self.content_type}\r\nContent-Length: {len(self.body)}"
        return f"{head}\r\n\r\n".encode() + (b"" if to_head else self.body)


@dataclass
class Rule:
    """After `skip` requests that match, `count` of them meet `fault`, if there is one, and set off `action`.

    Those match that are for `service`, and for `key` where one is given; `operation` likewise. `action` runs before the
    request is answered, in a thread of its own; `on_first` is called once, at the first.
    """

    fault: Fault | None = None
    service: str = "s3"
    operation: str | None = None
    key: str | None = None
    skip: int = 0
    count: float = 1
    action: Callable[[], None] | None = None
    on_first: Callable[[], None] | None = None

    def matches(self, request: AwsRequest) -> bool:
        return (
            self.service == request.service
            and self.operation in {None, request.operation}
            and self.key in {None, request.key}
        )


@dataclass
class Proxy:
    """Where requests are handed on to, what is done to them, and which were made.

    `intercept` may answer a request in place of the server; it is asked before any rule.
    """

    upstream: str
    latency_seconds: float = 0.0
    intercept: Callable[[AwsRequest], Answer | None] = lambda _request: None
    rules: list[Rule] = field(default_factory=list)
    requests: list[AwsRequest] = field(default_factory=list)
    spoilt: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, rule: Rule) -> None:
        with self._lock:
            self.rules.append(rule)

    def forget_rules(self) -> None:
        with self._lock:
            self.rules.clear()

    def count(self) -> Counter[str]:
        """How often each operation was asked for since `requests` was cleared: `s3 GetObject`, `glue GetTable`, …"""
        return Counter(request.name for request in list(self.requests))

    def note(self, request: AwsRequest) -> None:
        with self._lock:
            self.requests.append(replace(request, body=b""))

    def meet(self, request: AwsRequest) -> tuple[Fault | None, list[Callable[[], None]]]:
        """The fault that a request meets, one at the most, and what is to be done before."""
        with self._lock:
            met: list[Rule] = []
            for rule in self.rules:
                if not rule.matches(request) or (rule.fault and any(other.fault for other in met)):
                    continue
                if rule.skip:
                    rule.skip -= 1
                    continue
                rule.count -= 1
                met.append(rule)
            self.rules = [rule for rule in self.rules if rule.count > 0]
            fault = next((rule.fault for rule in met if rule.fault), None)
            self.spoilt += fault is not None
            actions = []
            for rule in met:
                actions += [action for action in (rule.on_first, rule.action) if action]
                rule.on_first = None
            return fault, actions


def _error(fault: Fault, service: str) -> Answer:
    status, of_s3, of_others = _ERRORS[fault]
    if service != "s3":
        return Answer.of_json(status, {"__type": of_others, "message": "fault of the proxy"})
    body = f"{_XML}<Error><Code>{of_s3}</Code><Message>fault of the proxy</Message></Error>"
    return Answer(status, body.encode(), "application/xml")


def _without_every_second(listing: bytes) -> Answer:
    """The listing (of a server that gives its length) with the first object, the third, and so on."""
    numbers = itertools.count()
    body = _LISTED.sub(lambda found: b"" if next(numbers) % 2 else found[0], listing)
    return Answer(200, body, "application/xml")


class _Connection:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy, self._reader, self._writer = proxy, reader, writer
        self._upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def serve(self) -> None:
        """Serve requests until either end closes its connection."""
        with closing(self._writer):
            try:
                while (request := await read_request(self._reader, self._writer)) and await self._answer(request):
                    await self._writer.drain()
            finally:
                if self._upstream:
                    self._upstream[1].close()

    async def _answer(self, request: Message) -> bool:
        """Answer one request; returns whether the connection goes on."""
        method, target, _ = request.first_line.split(" ", 2)
        asked = read_aws_request(method, target, request.headers, request.body)
        self._proxy.note(asked)
        own = self._proxy.intercept(asked)
        if own is None:
            fault, actions = self._proxy.meet(asked)
            for action in actions:
                await asyncio.get_running_loop().run_in_executor(None, action)
            await asyncio.sleep(self._proxy.latency_seconds)
            if fault in _NEVER_SENT:
                await asyncio.sleep(_NEVER_SENT[fault])
                return False
            if fault in LIES:
                own = Answer.of_lie(fault)
            elif fault in _ERRORS:
                own = _error(fault, asked.service)
            else:
                return await self._hand_on(request, fault, to_head=method == "HEAD")
        self._writer.write(own.to_bytes(to_head=method == "HEAD"))
        return True

    async def _hand_on(self, request: Message, fault: Fault | None, *, to_head: bool) -> bool:
        reader, writer = await self._connect()
        writer.write(request.head + request.body)
        response = await read_response(reader, to_head=to_head)
        if response is None or fault is Fault.ANSWER_LOST:
            return False
        if fault is Fault.LATE:
            await asyncio.sleep(LATE_SECONDS)
        if fault is Fault.LISTING_SHORT:
            self._writer.write(_without_every_second(response.body).to_bytes())
            return True
        if fault is Fault.ANSWER_CUT:
            whole = response.head + response.body
            self._writer.write(whole[: len(whole) - (len(response.body) or len(whole)) // 2 - 1])
            return False
        self._writer.write(response.head + response.body)
        return response.headers.get("connection", "").lower() != "close"

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connection to the server: a new one where the server has closed the last, as it may between requests."""
        if self._upstream and self._upstream[0].at_eof():
            self._upstream[1].close()
            self._upstream = None
        if self._upstream is None:
            place = urlsplit(self._proxy.upstream)
            self._upstream = await asyncio.open_connection(place.hostname, place.port, limit=_BUFFER_BYTES)
        return self._upstream


@contextmanager
def serving(proxy: Proxy) -> Iterator[str]:
    """Serve `proxy` on a free port, in a thread, for the length of a `with` block; gives the URL."""

    # asyncio itself forgets the task of a client that has gone away, whose request may still be carried out.
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):  # either end may be killed at any time
            await _Connection(proxy, reader, writer).serve()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        for one in connections:
            one.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        starting = asyncio.start_server(accept, ADDRESS, 0, limit=_BUFFER_BYTES, backlog=256)
        server = asyncio.run_coroutine_threadsafe(starting, loop).result()
        try:
            yield f"http://{ADDRESS}:{server.sockets[0].getsockname()[1]}"
        finally:
            asyncio.run_coroutine_threadsafe(stop(server), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
