"""Fixtures that more than one stage's tests use."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from devlake import paths
from devlake.aws_environment import ACCESS_KEY, PROCESS_KEY
from devlake.emulator import Emulator, running

# `sam deploy` uploads functions/ as it is: with compiled files left in it by tests, it would deploy the function anew.
sys.dont_write_bytecode = True

# Sentences are compared in English, whatever the language of the terminal that the tests run on.
os.environ["LC_ALL"] = "C.UTF-8"

# On a busy machine one example may take long, and proves nothing by that.
settings.register_profile("without deadlines", deadline=None)
settings.load_profile("without deadlines")

# Tests that run in one process when they run side by side, for they share more than a file's fixtures: a Spark session,
# stacks of fixed names. Elsewhere each file is a group. Groups are begun in this order, the long ones first.
TOGETHER = {
    "tests/terraform/": "stacks",
    "tests/refine/": "spark",
    "tests/chaos/": "chaos",
    "tests/e2e/": "e2e",
    "tests/template/": "template",
}


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: those of Terraform's tests that run long wait for most of their time."""
    return (os.cpu_count() or 1) + 1


def _group(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return next((group for start, group in TOGETHER.items() if file.startswith(start)), file)


class _InGroups(LoadScopeScheduling):
    """Gives each process a whole group at a time (`--dist loadgroup` has no effect with pytest 9.2)."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _InGroups(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, put the long groups first."""
    if hasattr(config, "workerinput"):
        first = list(TOGETHER.values())
        items.sort(key=lambda item: first.index(found) if (found := _group(item.nodeid)) in first else len(first))


@pytest.fixture(autouse=True, scope="module")
def _no_settings_of_others() -> None:
    """Each file begins without what libraries keep of an earlier file's tests: keys, and the address of its Glue."""
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None
    if "awswrangler" in sys.modules:
        sys.modules["awswrangler"].config.glue_endpoint_url = None


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
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PROCESS_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
