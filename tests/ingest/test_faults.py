"""Killed runs, and an S3 that answers 503, hangs up or forgets to answer."""

import asyncio
import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from b3lake.ingest import objects
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import Tally, load_all
from b3lake.lake.calendar import sessions_between
from b3lake.lake.errors import AwsError
from devlake import paths
from devlake.fake_yahoo import FakeYahoo, error
from tests.ingest.lake_cases import DATABASE, DAYS, TestLake, key_of, table

RANGE = (dt.date(2024, 1, 2), dt.date(2024, 5, 31))
EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

ANSWERS = {"503": (503, {}, SLOW_DOWN), "expired": (400, {}, EXPIRED)}


class FaultyProxy:
    """Passes requests on to S3, save that it first fails each PUT of a key as often as `faults` says."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.faults: dict[str, list[str]] = {}
        self.puts: Counter[str] = Counter()
        self.delay_seconds = 0.0
        self.lock = threading.Lock()

    def next_fault(self, path: str) -> str | None:
        with self.lock:
            self.puts[path] += 1
            left = self.faults.get(path, self.faults.get("*", []))
            return (left.pop(0) if len(left) > 1 or path in self.faults else left[0]) if left else None


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "PUT" and self.fail(proxy.next_fault(self.path.split("?")[0].replace("%3D", "="))):
                return
            upstream = HTTPConnection(proxy.target.hostname or "", proxy.target.port, timeout=20)
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            self.reply(answer.status, dict(answer.getheaders()), answer.read())
            upstream.close()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = relay  # noqa: N815 - http.server's names

        def fail(self, fault: str | None) -> bool:
            time.sleep(proxy.delay_seconds)
            if fault in ANSWERS:
                self.reply(*ANSWERS[fault])
            elif fault:
                time.sleep(2 if fault == "hang" else 0)
                self.close_connection = True
                self.connection.close()
            return bool(fault)

        def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in {"content-length", "connection", "transfer-encoding", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            with suppress(BrokenPipeError, ConnectionResetError):  # the client was killed
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


@pytest.fixture
def proxy(lake: TestLake, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """A faulty way to the lake's S3; Glue is asked directly."""
    made = FaultyProxy(lake.url)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_address[1]}")
    yield made
    server.shutdown()
    server.server_close()


def load(lake: Lake, bars: pa.Table) -> Tally:
    async def run() -> Tally:
        inventory = await lake.survey(["PETR4"], DAYS[0], DAYS[-1])

        async def batches() -> AsyncIterator[tuple[pa.Table, object]]:
            yield bars, inventory

        return await load_all(lake.loader(dry_run=False), batches())

    return asyncio.run(run())


@pytest.mark.parametrize("fault", ["503", "drop", "hang"])
def test_passing_faults_are_overcome(lake: TestLake, proxy: FaultyProxy, fault: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(objects, "REQUEST_SECONDS", 1)
    path = f"/{lake.bucket}/{key_of(DAYS[1])}"
    proxy.faults[path] = [fault, fault, ""]
    tally = load(lake.open(), table())
    assert tally.written["PETR4"] == 5
    assert proxy.puts[path] == 3
    assert set(lake.written()) == {key_of(day) for day in DAYS}


def test_fault_for_good_fails_one_partition_and_is_not_registered(
    lake: TestLake, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(objects, "RETRIES", 2)
    path = f"/{lake.bucket}/{key_of(DAYS[1])}"
    proxy.faults[path] = ["503"] * 50
    tally = load(lake.open(), table())
    assert (tally.written["PETR4"], tally.failed["PETR4"]) == (4, 1)
    assert tally.causes["PETR4"].startswith("2024-05-03 could not be put")
    assert proxy.puts[path] == 3
    assert (str(DAYS[1]), "PETR4") not in lake.partitions()
    proxy.faults.clear()
    assert load(lake.open(), table()).written["PETR4"] == 1
    assert len(lake.partitions()) == 5


def test_credentials_that_expire_end_the_run_with_one_sentence(lake: TestLake, proxy: FaultyProxy):
    proxy.faults["*"] = ["expired"]
    with pytest.raises(AwsError, match="The AWS credentials have expired: in a lab, start it again"):
        load(lake.open(), table())
    proxy.faults.clear()
    # A put that was under way when the first was refused may have arrived after all.
    tally = load(lake.open(), table())
    assert tally.written["PETR4"] + tally.unchanged["PETR4"] == 5
    assert len(lake.written()) == 5


def run_ingestion(lake: TestLake, url: str) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"RAW_BUCKET": lake.bucket, "GLUE_DATABASE": DATABASE, "B3LAKE_YAHOO_URL": url}
    command = [sys.executable, paths.FETCH_SCRIPT]
    command += ["--tickers", "PETR4,VALE3", "--start-date", str(RANGE[0]), "--end-date", str(RANGE[1])]
    return subprocess.Popen(
        command,
        cwd=paths.ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - CI ignores it
    )


def test_interrupted_run_ends_at_once_even_while_it_waits_for_yahoo(lake: TestLake, fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [error(429, "Too Many Requests", "slow down")]
    child = run_ingestion(lake, fake_yahoo.url)
    while child.poll() is None and len(lake.written()) < 104:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert err.decode().splitlines()[-1] == ("fetch_b3_data: interrupted; run it again and it goes on where it was.")
    assert "Traceback" not in err.decode()


def test_killed_run_and_another_leave_the_lake_of_one_whole_run(
    lake: TestLake, proxy: FaultyProxy, fake_yahoo: FakeYahoo, moto_url: str
):
    proxy.delay_seconds = 0.1
    expected = 2 * len(sessions_between(*RANGE))
    for wanted in (1, 80):
        child = run_ingestion(lake, fake_yahoo.url)
        while child.poll() is None and len(lake.written()) < wanted:
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        assert child.returncode == -signal.SIGKILL
    done = lake.written()
    assert 0 < len(done) < expected
    proxy.delay_seconds = 0
    child = run_ingestion(lake, fake_yahoo.url)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 0, err.decode()
    after = lake.everything()
    written = lake.written()
    assert len(after) == expected
    assert {key: written[key] for key in done} == done, "what the killed runs had put was put again"
    assert lake.partitions() == {(key.split("/")[2][3:], key.split("/")[3][7:]) for key in after}
    whole = TestLake(lake.url, f"{lake.bucket}-whole")
    whole.s3.create_bucket(Bucket=whole.bucket)
    child = run_ingestion(whole, fake_yahoo.url)
    child.communicate(timeout=120)
    assert whole.everything() == after
