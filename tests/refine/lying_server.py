"""An S3 that answers some LIST requests with something else than a listing, and hands on the rest."""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ERROR = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code><Message>Try again</Message></Error>'
PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body></body></html>"
NOTHING = (
    b'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"
)
"""A listing, of nothing."""
_HOP_BY_HOP = {"connection", "transfer-encoding", "host", "content-length"}


@contextmanager
def lying(endpoint: str, lie: bytes, about: Callable[[str], bool]) -> Iterator[str]:
    """The address of a server before `endpoint` that answers LIST requests for whose path and query `about` holds
    with `lie` and 200."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.command == "GET" and "list-type=2" in self.path and about(self.path):
                self.give(200, {"Content-Type": "application/xml"}, lie)
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            headers["Host"] = endpoint.removeprefix("http://")
            request = urllib.request.Request(endpoint + self.path, body or None, headers, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    self.give(answer.status, dict(answer.headers), answer.read())
            except urllib.error.HTTPError as error:
                self.give(error.code, dict(error.headers), error.read())

        def give(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            length = headers.get("Content-Length") if self.command == "HEAD" else None
            for name, value in headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 - the base class's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
