"""Ports and HTTP servers on the loopback address of this machine, which nobody else reaches.

class Hello(QuietHandler):
    def do_GET(self) -> None:
        self.send_body(200, b"hello", "text/plain")

with serving(Hello) as url:
    urllib.request.urlopen(url).read()
"""

import ipaddress
import random
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = "127.0.0.1"
# Below the ports that the kernel hands out to connections, which come and go all the time.
_PORTS = range(15_000, 32_000)


def is_taken(port: int) -> bool:
    """Whether something listens on `port`."""
    with socket.socket() as probe:
        return probe.connect_ex((ADDRESS, port)) == 0


def is_of_this_machine(address: str) -> bool:
    """Whether `address` is a numeric one of this machine, and of no other, that a server can listen at."""
    try:
        if ipaddress.ip_address(address).is_unspecified:  # every address, those of whole networks too
            return False
        with socket.socket() as probe:
            probe.bind((address, 0))
    except (OSError, ValueError):
        return False
    return True


def free_port() -> int:
    """A port that nothing listens on."""
    while is_taken(port := random.choice(_PORTS)):  # noqa: S311 - no secret
        pass
    return port


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections open, prints nothing, and takes it as it comes when a client goes away."""

    protocol_version = "HTTP/1.1"

    def send_body(self, status: int, body: bytes, content_type: str) -> None:
        """Answer with `body` and its length."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle(self) -> None:
        with suppress(ConnectionError, ssl.SSLError):  # the client may be killed at any time
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Print nothing: who serves knows what was asked."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], port: int = 0, encryption: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve on `port` (0: a free one) for the length of a `with` block; gives the URL, https with `encryption`.

    Raises OSError when the port is taken.
    """
    server = _Server((ADDRESS, port), handler)
    if encryption:
        server.socket = encryption.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if encryption else ''}://{ADDRESS}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
