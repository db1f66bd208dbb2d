"""The proxy counts what is asked, hands it on to the byte, and spoils what its rules say and no more."""

import gc
import http.client
import json
import re
import socket
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import boto3
import obstore
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from obstore.store import S3Store

from devlake import loopback, proxy
from devlake.aws_requests import AwsRequest
from devlake.proxy import Answer, Fault, Proxy, Rule, serving

ANSWER = b"0123456789"


class Upstream:
    """A server that keeps what it receives: method, path and body of each request."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str, bytes]] = []
        self.url = ""
        self.closes_connections = False
        self.may_answer = Event()
        self.may_answer.set()

    def handler(self) -> type[loopback.QuietHandler]:
        upstream = self

        class Handler(loopback.QuietHandler):
            def put(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                upstream.received.append((self.command, self.path, body))
                assert upstream.may_answer.wait(10)
                self.send_body(200, ANSWER, "text/plain")
                self.close_connection = upstream.closes_connections  # without saying so beforehand

            def post(self) -> None:
                assert self.headers["Transfer-Encoding"] == "chunked"
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                upstream.received.append((self.command, self.path, body))
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n")

            def head(self) -> None:
                upstream.received.append((self.command, self.path, b""))
                self.send_body(200, ANSWER, "text/plain")

            do_PUT, do_POST, do_HEAD = put, post, head  # noqa: N815 - the names that http.server asks for

        return Handler


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    with loopback.serving(made.handler()) as made.url:
        yield made


def put(url: str, path: str = "/bucket/key", body: bytes = b"body") -> str:
    """The answer to a PUT, or how it failed."""
    try:
        request = urllib.request.Request(url + path, data=body, method="PUT")
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return str(error.code)
    except (http.client.HTTPException, ConnectionError) as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("fault", "seen", "arrived"),
    [
        (Fault.SERVER_ERROR, "500", 0),
        (Fault.SLOW_DOWN, "503", 0),
        (Fault.EXPIRED_CREDENTIALS, "400", 0),
        (Fault.REFUSED, "403", 0),
        (Fault.DROPPED, "RemoteDisconnected", 0),
        (Fault.HANGING, "RemoteDisconnected", 0),
        (Fault.ANSWER_LOST, "RemoteDisconnected", 1),
        (Fault.ANSWER_CUT, "IncompleteRead", 1),
        (Fault.LATE, ANSWER.decode(), 1),
    ],
)
def test_a_rule_spoils_what_it_says_and_no_more(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, fault: Fault, seen: str, arrived: int
) -> None:
    monkeypatch.setattr(proxy, "LATE_SECONDS", 0.1)
    monkeypatch.setitem(proxy._NEVER_SENT, Fault.HANGING, 0.1)
    first = []
    spoiling = Proxy(upstream.url)
    spoiling.add(Rule(fault, skip=1, count=2, on_first=lambda: first.append(len(upstream.received))))
    with serving(spoiling) as at:
        assert [put(at) for _ in range(4)] == [ANSWER.decode(), seen, seen, ANSWER.decode()]
    assert upstream.received == [("PUT", "/bucket/key", b"body")] * (2 + 2 * arrived)
    assert (spoiling.spoilt, first, spoiling.rules) == (2, [1], [])


def test_a_listing_may_be_none_or_lack_objects(moto_url: str) -> None:
    session = boto3.Session("test", "test", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=moto_url)
    s3.create_bucket(Bucket="listed")
    keys = [f"a/{number}" for number in range(5)]
    for key in keys:
        s3.put_object(Bucket="listed", Key=key, Body=b"")
    lying = Proxy(moto_url)

    def listed(url: str) -> tuple[int, bytes, list[str]]:
        asking = session.client("s3", endpoint_url=url)
        signed = asking.generate_presigned_url("list_objects_v2", Params={"Bucket": "listed", "Prefix": "a/"})
        with urllib.request.urlopen(signed, timeout=10) as answer:
            body = answer.read()
        return answer.status, body, re.findall(r"<Key>(.*?)</Key>", body.decode())

    with serving(lying) as url:
        assert listed(url)[2] == keys
        for fault in (*proxy.LIES, Fault.LISTING_SHORT):
            lying.add(Rule(fault, operation="ListObjectsV2"))
            status, body, found = listed(url)
            assert status == 200
            assert found == (keys[::2] if fault is Fault.LISTING_SHORT else [])
            assert body.decode() == proxy.LIES.get(fault, body.decode())
            assert listed(url)[2] == keys
    assert {request.prefix for request in lying.requests} == {"a/"}


@pytest.mark.parametrize("fault", [Fault.LATE, Fault.HANGING])
def test_slow_faults_take_their_time(upstream: Upstream, fault: Fault) -> None:
    spoiling = Proxy(upstream.url, rules=[Rule(fault)])
    with serving(spoiling) as at:
        started = time.monotonic()
        put(at)
        assert time.monotonic() - started > (proxy.LATE_SECONDS if fault is Fault.LATE else proxy.HANG_SECONDS) - 0.05


def test_a_rule_may_be_for_one_operation_on_one_key(upstream: Upstream) -> None:
    spoiling = Proxy(upstream.url, rules=[Rule(Fault.SLOW_DOWN, operation="PutObject", key="dt=2024/b c")])
    with serving(spoiling) as at:
        assert put(at, "/bucket/dt%3D2024/other") == ANSWER.decode()
        assert put(at, "/bucket/dt%3D2024/b%20c?partNumber=1") == ANSWER.decode()
        assert put(at, "/bucket/dt%3D2024/b%20c") == "503"
        assert put(at, "/bucket/dt%3D2024/b%20c") == ANSWER.decode()
    assert [path for _, path, _ in upstream.received] == [
        "/bucket/dt%3D2024/other",
        "/bucket/dt%3D2024/b%20c?partNumber=1",
        "/bucket/dt%3D2024/b%20c",
    ]


def test_an_action_is_over_before_its_request_goes_on_and_holds_no_other(upstream: Upstream) -> None:
    entered, leave = Event(), Event()

    def act() -> None:
        entered.set()
        assert leave.wait(10)

    acting = Proxy(upstream.url, rules=[Rule(key="slow", action=act)])
    with serving(acting) as at:
        waiting = Thread(target=put, args=(at, "/bucket/slow"))
        waiting.start()
        assert entered.wait(10)
        assert put(at, "/bucket/other") == ANSWER.decode()
        assert [path for _, path, _ in upstream.received] == ["/bucket/other"]
        leave.set()
        waiting.join()
    assert [path for _, path, _ in upstream.received] == ["/bucket/other", "/bucket/slow"]


def test_what_intercept_answers_is_not_asked_of_the_server(upstream: Upstream) -> None:
    own = Proxy(
        upstream.url, intercept=lambda request: Answer.of_json(200, {"key": request.key, "body": len(request.body)})
    )
    with serving(own) as at:
        assert json.loads(put(at)) == {"key": "key", "body": 4}
    assert upstream.received == []
    assert own.requests == [AwsRequest("s3", "PutObject", "bucket", "key")]


def test_a_connection_goes_on_and_every_kind_of_body_arrives(upstream: Upstream) -> None:
    with serving(Proxy(upstream.url)) as at:
        connection = http.client.HTTPConnection(at.removeprefix("http://"), timeout=5)
        connection.request("PUT", "/b/k", b"one", {"Expect": "100-continue"})
        assert connection.getresponse().read() == ANSWER
        connection.request("POST", "/b/k", iter([b"two", b" and three"]), encode_chunked=True)
        assert connection.getresponse().read() == ANSWER
        connection.request("HEAD", "/b/k")
        head = connection.getresponse()
        assert (head.read(), head.headers["Content-Length"]) == (b"", str(len(ANSWER)))
        connection.request("PUT", "/b/k", b"")
        assert connection.getresponse().read() == ANSWER
        connection.close()
    assert [(method, body) for method, _, body in upstream.received] == [
        ("PUT", b"one"),
        ("POST", b"two and three"),
        ("HEAD", b""),
        ("PUT", b""),
    ]


def test_a_server_that_closes_its_connections_between_requests_is_no_fault(upstream: Upstream) -> None:
    upstream.closes_connections = True
    with serving(Proxy(upstream.url)) as at:
        connection = http.client.HTTPConnection(at.removeprefix("http://"), timeout=5)
        for _ in range(3):
            connection.request("PUT", "/b/k", b"one")
            assert connection.getresponse().read() == ANSWER
            time.sleep(0.05)
        connection.close()


def test_a_request_goes_on_though_its_client_was_killed(upstream: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    upstream.may_answer.clear()
    with serving(Proxy(upstream.url)) as at:
        with socket.create_connection(("127.0.0.1", int(at.rpartition(":")[2]))) as client:
            client.sendall(b"PUT /bucket/key HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody")
            while not upstream.received:
                time.sleep(0.01)
        time.sleep(0.2)
        gc.collect()
        upstream.may_answer.set()
        assert put(at) == ANSWER.decode()
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []


def test_every_request_is_held_back_once(upstream: Upstream) -> None:
    with serving(Proxy(upstream.url, latency_seconds=0.1)) as at:
        started = time.monotonic()
        assert [put(at) for _ in range(3)] == [ANSWER.decode()] * 3
        assert 0.3 <= time.monotonic() - started < 0.6


def client(service: str, url: str) -> Any:
    config = Config(retries={"max_attempts": 0})
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", config=config)


def test_operations_are_counted_by_the_names_that_aws_gives_them(moto_url: str) -> None:
    counting = Proxy(moto_url)
    with serving(counting) as at:
        s3, glue, sts, sqs = (client(name, at) for name in ("s3", "glue", "sts", "sqs"))
        s3.create_bucket(Bucket="counted")
        for key in ("raw/a b", "raw/c"):
            s3.put_object(Bucket="counted", Key=key, Body=b"1")
        s3.copy_object(Bucket="counted", Key="raw/d", CopySource="counted/raw/c")
        s3.list_objects_v2(Bucket="counted", Prefix="raw/")
        s3.get_object(Bucket="counted", Key="raw/a b")
        s3.head_object(Bucket="counted", Key="raw/c")
        s3.delete_object(Bucket="counted", Key="raw/c")
        s3.delete_objects(Bucket="counted", Delete={"Objects": [{"Key": "raw/d"}]})
        s3.put_bucket_tagging(Bucket="counted", Tagging={"TagSet": []})
        glue.create_database(DatabaseInput={"Name": "counted"})
        sts.get_caller_identity()
        sqs.list_queues()
        store = S3Store(
            "counted",
            endpoint=at,
            region="us-east-1",
            access_key_id="test",
            secret_access_key="test",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        obstore.put(store, "raw/e", b"2" * 100, use_multipart=True)
        assert bytes(obstore.get(store, "raw/e").bytes()) == b"2" * 100
        assert [item["path"] for page in obstore.list(store, "raw") for item in page] == ["raw/a b", "raw/e"]
    assert counting.count() == Counter(
        {
            "s3 CreateBucket": 1,
            "s3 PutObject": 2,
            "s3 CopyObject": 1,
            "s3 ListObjectsV2": 2,
            "s3 GetObject": 2,
            "s3 HeadObject": 1,
            "s3 DeleteObject": 1,
            "s3 DeleteObjects": 1,
            "s3 PUT ?tagging": 1,
            "s3 CreateMultipartUpload": 1,
            "s3 UploadPart": 1,
            "s3 CompleteMultipartUpload": 1,
            "glue CreateDatabase": 1,
            "sts GetCallerIdentity": 1,
            "sqs ListQueues": 1,
        }
    )
    assert [request.key for request in counting.requests if request.operation == "GetObject"] == ["raw/a b", "raw/e"]


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault.THROTTLED, "ThrottlingException"), (Fault.SERVER_ERROR, "InternalServiceException")]
)
def test_other_services_fail_in_their_own_form(moto_url: str, fault: Fault, code: str) -> None:
    failing = Proxy(moto_url, rules=[Rule(fault, service="glue", count=99)])
    with serving(failing) as at:
        glue = client("glue", at)
        with pytest.raises(ClientError, match=code):
            glue.get_database(Name="any")
