"""Keeps web pages away from the AWS emulator: an ASGI app before its own.

A browser lets any page send requests to this machine. No AWS client is a browser, so whatever a browser sends is
refused: a request with `Origin` or `Sec-Fetch-Site`, and one for another host than this machine, which is how a page's
own name is made to lead here.

It runs in the virtualenv of the emulator: the standard library alone.
"""

import os
from urllib.parse import urlsplit

from devlake.emulator_retries import App, Message, Receive, Send

HERE = frozenset({"127.0.0.1", "localhost", "::1"})
REFUSED = b'{"__type": "AccessDeniedException", "message": "This AWS emulator is for programs of this machine."}'
_OF_BROWSERS = (b"origin", b"sec-fetch-site")


def second_address() -> str:
    """The address of this machine that the emulator shall listen at beside 127.0.0.1, or ""."""
    return os.environ.get("LAKE_BIND", "")


def for_programs_only(app: App) -> App:
    """`app`, which never sees what a browser sends, or what is for another host; those get 403."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or is_of_a_program(dict(scope.get("headers", []))):
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(REFUSED)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSED})

    return answer


def is_of_a_program(headers: dict[bytes, bytes]) -> bool:
    """Whether a request with these headers (names in lower case) comes from a program, and is for this machine."""
    if any(name in headers for name in _OF_BROWSERS):
        return False
    try:
        host = urlsplit(f"//{headers.get(b'host', b'').decode('latin-1')}").hostname
    except ValueError:
        return False
    return host is not None and host in {*HERE, second_address()}
