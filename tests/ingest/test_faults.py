"""Killed runs, and an S3 that answers 503, hangs up or forgets to answer."""

import asyncio
import datetime as dt
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import pyarrow as pa
import pytest

from b3lake.ingest import objects
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import Tally, load_all
from b3lake.lake.calendar import sessions_between
from b3lake.lake.errors import AwsError
from devlake import paths
from devlake.fake_yahoo import FakeYahoo, error
from devlake.proxy import Fault, Proxy, Rule, serving
from tests.ingest.lake_cases import DATABASE, DAYS, TestLake, key_of, table

RANGE = (dt.date(2024, 1, 2), dt.date(2024, 5, 31))


@pytest.fixture
def proxy(lake: TestLake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A faulty way to the lake's S3; Glue is asked directly."""
    made = Proxy(lake.url)
    with serving(made) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        yield made


def fail_puts(proxy: Proxy, fault: Fault, times: float, key: str | None = None) -> None:
    """Let so many puts fail: of `key`, or of any."""
    proxy.add(Rule(fault, operation="PutObject", key=key, count=times))


def puts(proxy: Proxy, key: str) -> int:
    return sum(request.operation == "PutObject" and request.key == key for request in proxy.requests)


def load(lake: Lake, bars: pa.Table) -> Tally:
    async def run() -> Tally:
        inventory = await lake.survey(["PETR4"], DAYS[0], DAYS[-1])

        async def batches() -> AsyncIterator[tuple[pa.Table, object]]:
            yield bars, inventory

        return await load_all(lake.loader(dry_run=False), batches())

    return asyncio.run(run())


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.DROPPED, Fault.HANGING, Fault.ANSWER_LOST, Fault.ANSWER_CUT])
def test_passing_faults_are_overcome(lake: TestLake, proxy: Proxy, fault: Fault, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(objects, "REQUEST_SECONDS", 1)
    fail_puts(proxy, fault, 2, key_of(DAYS[1]))
    tally = load(lake.open(), table())
    assert tally.written["PETR4"] == 5
    assert puts(proxy, key_of(DAYS[1])) == 3
    assert set(lake.written()) == {key_of(day) for day in DAYS}


def test_fault_for_good_fails_one_partition_and_is_not_registered(
    lake: TestLake, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(objects, "RETRIES", 2)
    fail_puts(proxy, Fault.SLOW_DOWN, math.inf, key_of(DAYS[1]))
    tally = load(lake.open(), table())
    assert (tally.written["PETR4"], tally.failed["PETR4"]) == (4, 1)
    assert tally.causes["PETR4"].startswith("2024-05-03 could not be put")
    assert puts(proxy, key_of(DAYS[1])) == 3
    assert (str(DAYS[1]), "PETR4") not in lake.partitions()
    proxy.forget_rules()
    assert load(lake.open(), table()).written["PETR4"] == 1
    assert len(lake.partitions()) == 5


def test_credentials_that_expire_end_the_run_with_one_sentence(lake: TestLake, proxy: Proxy):
    fail_puts(proxy, Fault.EXPIRED_CREDENTIALS, math.inf)
    with pytest.raises(AwsError, match="The AWS credentials have expired: in a lab, start it again"):
        load(lake.open(), table())
    proxy.forget_rules()
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
    lake: TestLake, proxy: Proxy, fake_yahoo: FakeYahoo, moto_url: str
):
    proxy.latency_seconds = 0.1
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
    proxy.latency_seconds = 0
    child = run_ingestion(lake, fake_yahoo.url)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 0, err.decode()
    after = lake.everything()
    written = lake.written()
    assert len(after) == expected
    assert {key: written[key] for key in done} == done, "what the killed runs had put was put again"
    assert lake.partitions() == {(key.split("/")[2][3:], key.split("/")[3][7:]) for key in after}
    whole = lake.another("whole")
    child = run_ingestion(whole, fake_yahoo.url)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 0, err.decode()
    assert whole.everything() == after
