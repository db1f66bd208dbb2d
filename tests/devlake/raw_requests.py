"""Requests to an AWS emulator as bytes, signed by botocore or not at all."""

import socket
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from devlake.aws_environment import ACCESS_KEY, REGION


def raw_request(
    url: str,
    body: bytes = b"",
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    service: str = "athena",
    secret: str = "",
    access_key: str = ACCESS_KEY,
) -> bytes:
    """A whole request; it is signed where `secret` is given."""
    request = AWSRequest(method, url, {"Host": urlsplit(url).netloc, **(headers or {})}, body)
    if secret:
        SigV4Auth(Credentials(access_key, secret), service, REGION).add_auth(request)
    first = f"{method} {urlsplit(url).path or '/'} HTTP/1.1"
    names = [f"{name}: {text}" for name, text in request.headers.items()]
    return "\r\n".join([first, *names, f"Content-Length: {len(body)}", "Connection: close", "", ""]).encode() + body


def send(url: str, request: bytes) -> int:
    """The status of the answer."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        connection.sendall(request)
        return int(connection.makefile("rb").readline().split()[1])
