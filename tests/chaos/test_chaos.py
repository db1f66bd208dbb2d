"""The torture run's own parts, and a short run: all of `make chaos` but its length."""

import http.client
import itertools
import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.chaos.__main__ import torture
from tests.chaos.compare import Contents, differences
from tests.chaos.glue_runs import GlueRuns
from tests.chaos.plan import KINDS, rounds
from tests.chaos.proxy import Proxy, Rule, serving

# Its first round has kills of both programs, Yahoo, events, damage and refusals, and needs no run in full mode.
SHORT = 2928


def _kinds(seed: int, many: int) -> list[str]:
    planned = itertools.islice(rounds(seed), many)
    return [
        fault.kind
        for one in planned
        for faults in (one.damage, one.yahoo, one.ingest, one.events, one.refine)
        for fault in faults
    ]


def test_a_seed_is_a_plan() -> None:
    first, again, other = (list(itertools.islice(rounds(seed), 20)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_kind_of_fault_comes_in_a_run_of_two_hundred() -> None:
    counted = Counter(_kinds(1, 16))
    assert counted.total() >= 200
    assert counted.keys() == set(KINDS)
    assert max(counted.values()) <= 2 * min(counted.values())


class _Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.server.received.append(self.rfile.read(int(self.headers["Content-Length"])))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"0123456789")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[tuple[str, list[bytes]]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    server.received = []
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", server.received
    server.shutdown()
    server.server_close()


def _put(url: str, body: bytes = b"body") -> str:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, method="PUT"), timeout=5) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return str(error.code)
    except (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError) as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("answer", "seen", "arrived"),
    [
        ("500", "500", 0),
        ("503", "503", 0),
        ("drop", "RemoteDisconnected", 0),
        ("deaf", "RemoteDisconnected", 1),
        ("cut", "IncompleteRead", 1),
        ("slow", "0123456789", 1),
    ],
)
def test_the_proxy_spoils_what_a_rule_says_and_no_more(
    upstream: tuple[str, list[bytes]], answer: str, seen: str, arrived: int
) -> None:
    url, received = upstream
    proxy, first = Proxy(url), []
    proxy.arm(Rule("s3", skip=1, left=2, answer=answer, on_first=lambda: first.append(len(received))))
    with serving(proxy) as at:
        assert _put(at) == "0123456789"
        assert [_put(at), _put(at)] == [seen, seen]
        assert _put(at) == "0123456789"
    assert received == [b"body"] * (2 + 2 * arrived)
    assert (proxy.spoilt, first, proxy.rules) == (2, [1], [])


def test_glue_runs_one_at_a_time_and_is_given_up_after_two_that_failed() -> None:
    runs = GlueRuns("job")
    assert runs.answer("CreateJob", {}) is None
    for number in (0, 1):
        assert not runs.given_up()
        assert runs.answer("StartJobRun", {}) == (200, {"JobRunId": f"jr_{number}"})
        assert (runs.answer("StartJobRun", {}) or (0, {}))[1]["__type"] == "ConcurrentRunsExceededException"
        run = runs.asked_for()
        assert run
        runs.begin(run)
        runs.end(run, succeeded=False)
    assert runs.asked_for() is None
    assert runs.given_up()
    told = (runs.answer("GetJobRuns", {}) or (0, {}))[1]["JobRuns"]
    assert [(run["Id"], run["JobRunState"]) for run in told] == [("jr_1", "FAILED"), ("jr_0", "FAILED")]
    assert abs(told[0]["StartedOn"] - time.time()) < 60
    assert json.dumps(told)
    runs.end(runs.ask(), succeeded=True)
    assert not runs.given_up()


def _contents(**keys: int) -> Contents:
    tables = ("b3_daily_quotes", "b3_daily_quotes_refined", "b3_daily_quotes_compact")
    rows = {table: {key: [{"close": close}] for key, close in keys.items()} for table in tables}
    return Contents(rows, {table: {(key,) for key in keys} for table in tables}, [])


def test_lost_added_and_wrong_rows_are_told_apart() -> None:
    quiet = _contents(a=1, b=2)
    assert differences(_contents(a=1, b=2), quiet) == []
    assert differences(_contents(a=1, b=3), quiet)[0] == (
        "b3_daily_quotes: b has [{'close': 3}] instead of [{'close': 2}]"
    )
    assert "b3_daily_quotes: object b is lost" in differences(_contents(a=1), quiet)
    assert "b3_daily_quotes_compact: partition ('c',) is one too many" in differences(_contents(a=1, b=2, c=3), quiet)


@pytest.mark.slow
@pytest.mark.timeout(
    900
)  # a minute alone on a machine; the pipeline's processes share two cores with whatever else runs
def test_a_short_torture_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torture(seed=SHORT, faults=8, settle_every=8, folder=tmp_path)
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.split("rows compared, ")[1].startswith(f"none lost, doubled or wrong; seed {SHORT}, ")
