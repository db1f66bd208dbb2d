"""The model's requests are those that the real programs make, counted on a proxy before an AWS emulator."""

import dataclasses
import datetime as dt
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from b3lake.cost import model
from b3lake.cost.requests import TABLES_BESIDE, Requests, ingestion, refine_run
from b3lake.lake.calendar import sessions_between
from devlake import paths
from devlake.deploy_stack import deploy_stack
from devlake.emulator import Emulator, running
from devlake.fake_http import serving as serving_http
from devlake.fake_sources import FakeSources
from devlake.ingest_quotes import fake_origin, ingest_quotes
from devlake.proxy import Proxy, serving
from devlake.run_glue import spark_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TICKERS = ["PETR4", "VALE3", "ITUB4"]
FIRST, BEFORE, LAST = "2024-01-02", "2024-06-27", "2024-06-28"
WINDOW = 7
DATES = len(sessions_between(dt.date.fromisoformat(FIRST), dt.date.fromisoformat(LAST)))
OF_S3 = {"writes": "s3 PutObject", "lists": "s3 ListObjectsV2", "reads": "s3 GetObject"}
NOT_BILLED = {"monitoring PutMetricData", "glue GetJob"}


@dataclass
class Measured:
    """The requests of each step, and the bytes of the lake's objects by prefix."""

    steps: dict[str, Requests] = field(default_factory=dict)
    sizes: dict[str, list[int]] = field(default_factory=dict)


def as_requests(counted: Counter[str]) -> Requests:
    """The operations that the proxy counted as the model's requests; any other operation fails."""
    found = {name: counted[operation] for name, operation in OF_S3.items()}
    others = {name: count for name, count in counted.items() if name not in {*OF_S3.values(), *NOT_BILLED}}
    assert all(name.startswith("glue ") for name in others), others
    return Requests(**found, catalog=sum(others.values()))


def _refine(aws: Emulator, folder: Path, job: str) -> None:
    arguments = aws.client("glue").get_job(JobName=job)["Job"]["DefaultArguments"]
    command = [sys.executable, str(paths.REFINE_JOB), *(word for pair in arguments.items() for word in pair)]
    subprocess.run(command, env=spark_environment(aws, folder), check=True, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """A lake of half a year, and one more session of it."""
    folder, found = tmp_path_factory.mktemp("lake"), Measured()
    with running() as aws, serving_http(FakeSources()) as url_of_fakes, pytest.MonkeyPatch.context() as patch:
        outputs = deploy_stack(aws, folder)
        proxy = Proxy(aws.endpoint_url)
        with serving(proxy) as url:
            counted, origin = dataclasses.replace(aws, endpoint_url=url), fake_origin(url_of_fakes)

            def note(step: str) -> None:
                found.steps[step] = as_requests(proxy.count())
                proxy.requests.clear()

            for kind, first, last in (("first", FIRST, BEFORE), ("daily", "", LAST)):
                patch.setenv("START_DATE", first)
                patch.setenv("END_DATE", last)
                ingest_quotes(counted, outputs, folder, origin, tickers=TICKERS, sessions=None if first else WINDOW)
                note(f"{kind} ingestion")
                _refine(counted, folder, outputs["RefineJobName"])
                note(f"{kind} run")
        for prefix in ("raw", "refined", "history"):
            pages = aws.client("s3").get_paginator("list_objects_v2")
            listed = pages.paginate(Bucket=outputs["RawBucketName"], Prefix=f"{prefix}/b3/")
            found.sizes[prefix] = [item["Size"] for page in listed for item in page["Contents"]]
        yield found


def test_a_daily_ingestion(measured: Measured) -> None:
    """The second of a day: the tables beside the quotes, which the first one wrote, are the same."""
    wanted = ingestion(len(TICKERS), WINDOW)
    assert measured.steps["daily ingestion"] == dataclasses.replace(wanted, writes=wanted.writes - TABLES_BESIDE)
    assert measured.steps["first ingestion"].writes == len(TICKERS) * (DATES - 1) + TABLES_BESIDE


def test_a_daily_run(measured: Measured) -> None:
    assert measured.steps["daily run"] == refine_run(len(TICKERS), DATES, years=1)


def test_a_first_run(measured: Measured) -> None:
    """It lists refined while that is still empty, so that the model's is the dearer, by little."""
    wanted, found = refine_run(len(TICKERS), DATES - 1, 1, DATES - 1), measured.steps["first run"]
    assert found.writes == wanted.writes
    assert 0 <= wanted.reads - found.reads <= 5
    assert 0 <= wanted.lists - found.lists <= 10
    assert abs(wanted.catalog - found.catalog) <= 2


def test_the_bytes_of_the_model(measured: Measured) -> None:
    """Of synthetic quotes; within a third is near enough for what costs cents."""
    rows = len(TICKERS) * DATES
    assert len(measured.sizes["raw"]) == len(measured.sizes["refined"]) == rows
    assert sum(measured.sizes["raw"]) / rows == pytest.approx(model.RAW_OBJECT, rel=0.34)
    assert sum(measured.sizes["refined"]) / rows == pytest.approx(model.REFINED_OBJECT, rel=0.34)
    assert sum(measured.sizes["history"]) / rows == pytest.approx(model.HISTORY_ROW, rel=0.34)
