"""A web page cannot use the AWS emulator; a program can."""

import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devlake.emulator import Emulator
from devlake.emulator_guard import is_of_a_program
from devlake.fake_http import Reply, Request, serving
from tests.ask.browser import chromium

PAGE = """<!DOCTYPE html><title>of a stranger</title><script>
const target = "{url}/";
const words = {{"X-Amz-Target": "AmazonAthena.CreateWorkGroup", "Content-Type": "application/x-amz-json-1.1"}};
const plain = fetch(target + "bucket-of-a-page", {{method: "PUT", mode: "cors"}}).then(r => r.status, e => "blocked");
const simple = fetch(target, {{method: "POST", mode: "no-cors", body: "Action=CreateTopic&Name=topic-of-a-page",
  headers: {{"Content-Type": "application/x-www-form-urlencoded"}}}}).then(r => "sent", e => "blocked");
const asked = fetch(target, {{method: "POST", headers: words, body: '{{"Name": "group_of_a_page"}}'}}).then(
  r => r.status, e => "blocked");
Promise.all([plain, simple, asked]).then(all => document.title = "done " + all.join(" "));
</script>"""


class Stranger:
    """A site of another origin."""

    def __init__(self, target: str) -> None:
        self._page = PAGE.format(url=target)

    def answer(self, _request: Request) -> Reply:
        return Reply(200, self._page, "text/html")


@pytest.mark.slow
def test_a_page_of_another_origin_changes_nothing(emulator: Emulator, tmp_path: Path) -> None:
    with serving(Stranger(emulator.endpoint_url)) as site, chromium(tmp_path) as page:
        page.driver.get(site)
        page.wait(lambda: page.driver.title.startswith("done"))
        assert "200" not in page.driver.title
    assert "bucket-of-a-page" not in [one["Name"] for one in emulator.client("s3").list_buckets()["Buckets"]]
    groups = emulator.client("athena").list_work_groups()["WorkGroups"]
    assert "group_of_a_page" not in [one["Name"] for one in groups]
    topics = emulator.client("sns").list_topics()["Topics"]
    assert not [one for one in topics if "topic-of-a-page" in one["TopicArn"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "example.com"},
        {"Host": "127.0.0.1.example.com:80"},
        {"Host": ""},
    ],
)
def test_what_a_browser_sends_is_refused(emulator: Emulator, headers: dict[str, str]) -> None:
    address = urlsplit(emulator.endpoint_url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.putrequest("PUT", "/bucket-of-a-browser", skip_host="Host" in headers)
    for name, value in {**headers, "Content-Length": "0"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status in {400, 403}
    connection.close()
    assert "bucket-of-a-browser" not in [one["Name"] for one in emulator.client("s3").list_buckets()["Buckets"]]


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({b"host": b"127.0.0.1:4566"}, True),
        ({b"host": b"localhost:4566", b"user-agent": b"Boto3"}, True),
        ({b"host": b"[::1]:4566"}, True),
        ({b"host": b"127.0.0.1", b"origin": b"http://127.0.0.1:4566"}, False),
        ({b"host": b"127.0.0.1", b"sec-fetch-site": b"same-origin"}, False),
        ({b"host": b"lake.example.com"}, False),
        ({b"host": b"[::1"}, False),
        ({}, False),
    ],
)
def test_who_is_taken_for_a_program(headers: dict[bytes, bytes], taken: bool) -> None:
    assert is_of_a_program(headers) is taken
