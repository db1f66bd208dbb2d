"""Ports and servers on the loopback address."""

import http.client
import socket
import urllib.request
from urllib.parse import urlsplit

import pytest

from devlake.loopback import ADDRESS, QuietHandler, free_port, is_taken, serving


class Echo(QuietHandler):
    """Answers with the path."""

    def get(self) -> None:
        self.send_body(200, self.path.encode(), "text/plain")

    do_GET = do_HEAD = get  # noqa: N815 - the names that http.server asks for


def test_a_free_port_is_one_that_nothing_listens_on() -> None:
    port = free_port()
    assert not is_taken(port)
    with socket.create_server((ADDRESS, port)):
        assert is_taken(port)


def test_a_server_answers_on_the_loopback_address_alone_and_ends_with_its_block() -> None:
    with serving(Echo) as url:
        assert urlsplit(url).hostname == "127.0.0.1"
        with socket.socket() as probe:  # another address of this machine
            assert probe.connect_ex(("127.0.0.2", urlsplit(url).port or 0)) != 0
        assert urllib.request.urlopen(f"{url}/a?b").read() == b"/a?b"
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        for _ in range(2):  # the connection is kept
            connection.request("HEAD", "/abc")
            answer = connection.getresponse()
            assert (answer.read(), answer.headers["Content-Length"]) == (b"", "4")
        connection.close()
    assert not is_taken(urlsplit(url).port)


def test_a_taken_port_is_an_error() -> None:
    with serving(Echo) as url, pytest.raises(OSError, match="in use"), serving(Echo, urlsplit(url).port):
        pass


def test_a_client_that_goes_away_is_nothing_to_print(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(Echo) as url:
        port = urlsplit(url).port
        with socket.create_connection((ADDRESS, port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closed by a reset
            client.sendall(b"GET / HTTP/1.1\r\n")
        urllib.request.urlopen(f"{url}/still").read()
    assert capfd.readouterr() == ("", "")
