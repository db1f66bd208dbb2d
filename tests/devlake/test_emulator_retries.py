"""A request that is sent again gets its first answer; a new one, or one that failed, is carried out."""

import asyncio
import socket
import time
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from devlake.emulator import Emulator
from devlake.emulator_retries import answering_retries
from tests.devlake.raw_requests import raw_request


def create_work_group(aws: Emulator, name: str, invocation: str) -> None:
    client = aws.client("athena")

    def say(request, **_):
        request.headers["amz-sdk-invocation-id"] = invocation

    client.meta.events.register("before-send.athena.CreateWorkGroup", say)
    try:
        client.create_work_group(Name=name)
    finally:
        client.meta.events.unregister("before-send.athena.CreateWorkGroup", say)


@pytest.mark.slow
def test_a_creation_that_is_sent_again_is_answered_as_before(emulator: Emulator):
    create_work_group(emulator, "sent_twice", "first-call")
    create_work_group(emulator, "sent_twice", "first-call")
    with pytest.raises(ClientError, match="already exists"):
        create_work_group(emulator, "sent_twice", "second-call")
    there = [one["Name"] for one in emulator.client("athena").list_work_groups()["WorkGroups"]]
    assert there.count("sent_twice") == 1


@pytest.mark.slow
def test_a_creation_whose_client_has_gone_is_answered_to_its_second_request(emulator: Emulator):
    address = urlsplit(emulator.endpoint_url)
    names = {"X-Amz-Target": "AmazonAthena.CreateWorkGroup", "Amz-Sdk-Invocation-Id": "gone"}
    names["Content-Type"] = "application/x-amz-json-1.1"
    request = raw_request(emulator.endpoint_url, b'{"Name": "client_gone"}', headers=names, secret=emulator.key)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(request)
    deadline = time.monotonic() + 10
    while "client_gone" not in [one["Name"] for one in emulator.client("athena").list_work_groups()["WorkGroups"]]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    create_work_group(emulator, "client_gone", "gone")


def answered(requests: list[tuple[str, bytes]], *statuses: int, kept: int = 500) -> list[int]:
    """The statuses that these requests (method, invocation) get from an app that gives `statuses` in turn."""
    coming = iter(statuses)

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": next(coming), "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def ask() -> list[int]:
        front, got = answering_retries(app, kept), []

        async def send(message):
            if message["type"] == "http.response.start":
                got.append(message["status"])

        for method, invocation in requests:
            headers = [(b"amz-sdk-invocation-id", invocation)] if invocation else []
            await front({"type": "http", "method": method, "headers": headers}, receive, send)
        return got

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("requests", "statuses", "kept", "got"),
    [
        ([("POST", b"a"), ("POST", b"a"), ("POST", b"b")], (200, 409), 500, [200, 200, 409]),
        ([("POST", b"a"), ("POST", b"a"), ("POST", b"a")], (500, 200), 500, [500, 200, 200]),
        ([("POST", b""), ("POST", b"")], (200, 409), 500, [200, 409]),
        ([("GET", b"a"), ("GET", b"a")], (200, 409), 500, [200, 409]),
        ([("POST", b"a"), ("POST", b"b"), ("POST", b"a")], (200, 201, 409), 1, [200, 201, 409]),
    ],
    ids=["sent again", "failed", "no invocation", "a read", "forgotten"],
)
def test_which_requests_are_answered_as_before(requests, statuses, kept, got):
    assert answered(requests, *statuses, kept=kept) == got
