"""`sam local invoke`: the function in a container, as Lambda runs it, beside an AWS emulator that it reaches.

It needs a container engine (DOCKER_HOST, or where Docker's client looks) that has the image of the function's Python.
"""

import ipaddress
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from b3lake.lake.names import Names
from devlake import emulator as emulators
from devlake import paths
from devlake.deploy_stack import deploy_stack
from devlake.emulator import Emulator
from devlake.loopback import ADDRESS
from tests.template.deploy import SAM, SAMCONFIG

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

IMAGE = "public.ecr.aws/lambda/python:3.12-x86_64"
# Event to how many objects the run is for; None: no run is asked for.
BARE = {
    "s3_put": 1,
    "s3_several": 3,
    "s3_removed": 1,
    "s3_test_event": None,
    "s3_foreign_key": None,
    "s3_folder_marker": None,
}


def _docker(*words: str) -> str:
    """What Docker's client prints; "" where it is missing or fails."""
    if not shutil.which("docker"):
        return ""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else ""


@pytest.fixture(scope="module")
def reached() -> Iterator[Emulator]:
    """An emulator with the stack, by the address at which a container reaches it."""
    subnet = _docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}")
    if not subnet or not _docker("image", "inspect", IMAGE):
        pytest.skip(f"no container engine runs here that has {IMAGE}")
    bridge = str(ipaddress.ip_network(subnet)[1])
    with tempfile.TemporaryDirectory() as folder:
        aws = emulators.start(Path(folder), also_at=bridge)
        try:
            deploy_stack(aws, Path(folder))
            yield replace(aws, endpoint_url=aws.endpoint_url.replace(ADDRESS, bridge))
        finally:
            emulators.stop(aws)


def _invoke(aws: Emulator, event: str) -> Any:
    """What the function returned, or its error."""
    command = [SAM, "local", "invoke", "StartGlueJobFunction", "--event", str(paths.ROOT / "events" / f"{event}.json")]
    command += ["--template-file", str(paths.TEMPLATE), "--config-file", str(SAMCONFIG), "--skip-pull-image"]
    environment = aws.environment() | {"SAM_CLI_TELEMETRY": "0", "AWS_ENDPOINT_URL_GLUE": aws.endpoint_url}
    del environment["AWS_ENDPOINT_URL"]  # sam's own calls have nowhere to go, and need none
    done = subprocess.run(
        command, cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def _runs(aws: Emulator) -> list[str]:
    runs = aws.client("glue").get_job_runs(JobName=Names().refine_job)["JobRuns"]
    return [run["Id"] for run in runs]


@pytest.mark.parametrize("event", BARE)
def test_a_bare_event_starts_a_run_that_is_on_record(reached: Emulator, event: str) -> None:
    before = _runs(reached)
    returned = _invoke(reached, event)
    assert returned["objects"] == (BARE[event] or 0)
    assert set(_runs(reached)) - set(before) == ({returned["job_run_id"]} if BARE[event] else set())
    assert (returned["job_run_id"] is None) == (BARE[event] is None)


def test_a_malformed_event_is_an_error_and_exit_code_0(reached: Emulator) -> None:
    assert _invoke(reached, "malformed")["errorType"] == "MalformedEventError"


def test_malformed_messages_go_back_to_the_queue(reached: Emulator) -> None:
    failed = [item["itemIdentifier"][-1] for item in _invoke(reached, "sqs_mixed")["batchItemFailures"]]
    assert set(failed) >= {"4", "5"}
    assert "batchItemFailures" in _invoke(reached, "sqs_put")


def test_without_the_key_the_function_is_refused(reached: Emulator) -> None:
    before = _runs(reached)
    error = _invoke(replace(reached, key="test"), "s3_put")
    assert error["errorType"] == "ClientError"
    assert _runs(reached) == before
