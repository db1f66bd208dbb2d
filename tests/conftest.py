"""Fixtures that more than one stage's tests use."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from devlake import paths
from devlake.emulator import Emulator, running

# `sam deploy` uploads functions/ as it is: with compiled files left in it by tests, it would deploy the function anew.
sys.dont_write_bytecode = True

# On a busy machine one example may take long, and proves nothing by that.
settings.register_profile("without deadlines", deadline=None)
settings.load_profile("without deadlines")

# Tests that run in one process when they run side by side, for they share more than a file's fixtures: a Spark session,
# stacks of fixed names. Elsewhere each file is a group. Groups are begun in this order, the long ones first.
TOGETHER = {
    "tests/terraform/test_run_ingestion.py": "run_ingestion",
    "tests/terraform/test_release.py": "release",
    "tests/terraform/": "stacks",
    "tests/chaos/": "chaos",
    "tests/refine/": "spark",
    "tests/e2e/": "e2e",
    "tests/template/": "template",
}


def _group(item: pytest.Item) -> str:
    path = item.path.relative_to(paths.ROOT).as_posix()
    return next((group for start, group in TOGETHER.items() if path.startswith(start)), path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests into the groups that `--dist loadgroup` keeps together, and the long groups first."""
    if not hasattr(config, "workerinput"):
        return
    first = list(TOGETHER.values())
    items.sort(key=lambda item: first.index(_group(item)) if _group(item) in first else len(first))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded data beside the checkout; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("B3_LAKE_SHARED", paths.ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("needs the recorded data, which is not beside this checkout (../shared/data)")
    return folder


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """One AWS emulator for the whole session; tests use buckets and names of their own on it."""
    with running() as aws:
        yield aws


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """moto's server, in this process; tests use buckets and names of their own on it."""
    from moto.server import ThreadedMotoServer  # it takes a while, and few tests need it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _no_real_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can reach a real account: not its credentials, not its endpoints."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
