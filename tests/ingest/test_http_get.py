"""Waits are told, and nobody is asked again where that cannot help."""

import errno
import http.client
import re
import socket
import urllib.error

import pytest

from b3lake.ingest.progress import progress
from b3lake.ingest.sources.http_get import BackOff, ServiceError, UnreachableError, repeated

QUICK = BackOff(attempts=3, first_seconds=0.001, longest_seconds=0.002)


def failing(error: Exception) -> tuple[list[int], type[ServiceError], str]:
    """How often an ask that raises `error` is made, and what comes of it."""
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        raise error

    with pytest.raises(ServiceError) as caught:
        repeated(ask, "host", QUICK)
    return asked, type(caught.value), str(caught.value)


def test_a_host_without_a_name_is_asked_once():
    nowhere = urllib.error.URLError(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    said = "it could not be reached (Name or service not known); check the network and run again"
    assert failing(nowhere) == ([1], UnreachableError, said)


def test_a_network_that_may_come_back_is_asked_again():
    away = urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    said = "it could not be reached (Temporary failure in name resolution), 3 times; run again later"
    assert failing(away) == ([1, 1, 1], UnreachableError, said)


def test_a_connection_that_breaks_later_is_no_silence():
    broken = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    asked, kind, _ = failing(broken)
    assert (len(asked), kind) == (3, ServiceError)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (http.client.RemoteDisconnected("Remote end closed connection"), "Remote end closed connection"),
        (urllib.error.URLError(TimeoutError("timed out")), "timed out"),
        (urllib.error.URLError("no host given"), "no host given"),
        (http.client.BadStatusLine("220 an FTP server\nis here"), "220 an FTP server"),
        (ConnectionAbortedError(), "ConnectionAbortedError"),
    ],
)
def test_the_cause_is_told_where_the_system_gives_none(error: Exception, said: str):
    assert failing(error)[2] == f"it could not be reached ({said}), 3 times; run again later"


def test_each_wait_is_told_while_it_lasts(capsys: pytest.CaptureFixture[str]):
    with progress("files", 1):
        failing(urllib.error.URLError(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")))
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r"0\.\d s", "0.0 s", line) for line in lines] == [
        f"host: it could not be reached (Connection refused); try {number} of 3 in 0.0 s" for number in (2, 3)
    ]
