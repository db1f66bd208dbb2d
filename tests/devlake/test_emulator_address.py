"""An AWS emulator at a second address of this machine is the same one, guarded alike; unasked it has none."""

import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devlake import emulator as emulators
from devlake.emulator import Emulator
from devlake.loopback import ADDRESS, is_of_this_machine
from tests.devlake.raw_requests import raw_request, send

SECOND = "127.0.0.2"  # of this machine alone, too


@pytest.fixture(scope="module")
def at_both() -> Iterator[Emulator]:
    with tempfile.TemporaryDirectory() as folder:
        aws = emulators.start(Path(folder), also_at=SECOND)
        yield aws
        emulators.stop(aws)


def _at_second(aws: Emulator) -> Emulator:
    return replace(aws, endpoint_url=aws.endpoint_url.replace(ADDRESS, SECOND))


@pytest.mark.slow
def test_it_is_one_emulator_at_both_addresses(at_both: Emulator) -> None:
    at_both.client("s3").create_bucket(Bucket="of-the-first")
    buckets = _at_second(at_both).client("s3").list_buckets()["Buckets"]
    assert [one["Name"] for one in buckets] == ["of-the-first"]


@pytest.mark.slow
@pytest.mark.parametrize("headers", [{"Origin": "https://example.com"}, {"Host": "example.com"}, {"Host": "127.0.0.3"}])
def test_browsers_and_foreign_names_are_refused_there_too(at_both: Emulator, headers: dict[str, str]) -> None:
    url = _at_second(at_both).endpoint_url
    asked = {"headers": {"X-Amz-Target": "AmazonAthena.ListWorkGroups"}, "secret": at_both.key}
    assert send(url, raw_request(url, b"{}", **asked)) == 200
    asked["headers"] |= headers
    assert send(url, raw_request(url, b"{}", **asked)) == 403


@pytest.mark.slow
def test_who_has_not_the_key_is_refused_there_too(at_both: Emulator) -> None:
    url = _at_second(at_both).endpoint_url
    for secret in ("", "test"):
        asked = raw_request(url, b"{}", headers={"X-Amz-Target": "AmazonAthena.ListWorkGroups"}, secret=secret)
        assert send(url, asked) == 403


@pytest.mark.slow
def test_without_being_asked_it_listens_at_the_loopback_address_alone(emulator: Emulator) -> None:
    with socket.socket() as probe:
        assert probe.connect_ex((SECOND, urlsplit(emulator.endpoint_url).port)) != 0


@pytest.mark.parametrize(
    ("address", "is_one"),
    [(ADDRESS, True), (SECOND, True), ("0.0.0.0", False), ("::", False), ("192.0.2.7", False), ("docker0", False)],
)
def test_an_address_of_this_machine_is_known(address: str, is_one: bool) -> None:
    assert is_of_this_machine(address) is is_one
