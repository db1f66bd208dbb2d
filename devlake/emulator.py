"""Starts and ends the AWS emulator (ministack) on a loopback port."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from devlake import paths
from devlake.errors import DevLakeError
from devlake.supervise import end_tree

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Emulator:
    """A running AWS emulator: where it answers, and the process that ends it."""

    endpoint_url: str
    supervisor_pid: int
    log: Path

    def environment(self) -> dict[str, str]:
        """The process environment in which every AWS client talks to this endpoint and to no other."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return inherited | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client of `service` at this endpoint, whatever the caller's own AWS settings say."""
        session: Any = boto3.session.Session()  # a service named by a variable has no type of its own
        return session.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the AWS emulator takes any
        )


def answers(endpoint_url: str) -> bool:
    """Whether an AWS emulator answers there."""
    try:
        with urllib.request.urlopen(f"{endpoint_url}/_ministack/health", timeout=5):  # noqa: S310 - a loopback address
            return True
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    folder: Path,
    *,
    port: int | None = None,
    seconds: float = 3600,
    with_parent: bool = True,
    enforce_iam: bool = False,
    keep: bool = False,
) -> Emulator:
    """Start the AWS emulator with its files and log in `folder`, and wait until it answers.

    It ends after `seconds`, and with `with_parent` also when this process does. With `keep`, what it holds is saved in
    `folder` when it ends, and found again at the next start. Raises DevLakeError when the port is taken, when its
    virtualenv is missing, or when it does not answer in time.
    """
    program = [str(paths.tool("ministack", "python")), "-m", "devlake.emulator_catalog"]
    if not paths.tool("ministack", "ministack").exists():
        raise DevLakeError("The AWS emulator is not installed: run `make setup`.")
    port = port or free_port()
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise DevLakeError(
                f"Port {port} is taken: end what listens there (`make down` ends a lake that hangs), "
                "or set LAKE_PORT to another one for a new lake."
            )
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # a lake that was killed leaves its functions' code behind
    scratch.mkdir(parents=True)
    log = folder / "emulator.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(scratch),
        "AUTH": "true" if enforce_iam else "false",
    }
    if keep:
        environment |= {
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(folder / "objects"),
        }
    command = [sys.executable, "-m", "devlake.supervise", str(seconds)]
    command += [*(["--with-parent"] if with_parent else []), "--", *program]
    with log.open("wb") as sink:
        supervisor = subprocess.Popen(
            command,
            cwd=paths.ROOT,
            env=environment,
            stdin=subprocess.PIPE if with_parent else subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the caller alone, which then ends this tree in order
        )
    aws = Emulator(f"http://127.0.0.1:{port}", supervisor.pid, log)
    try:
        _wait_until_ready(aws, supervisor)
    except BaseException:  # Ctrl-C too: nobody knows of this process yet
        end_tree(supervisor.pid)
        raise
    return aws


def _wait_until_ready(aws: Emulator, supervisor: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and supervisor.poll() is None:
        if answers(aws.endpoint_url):
            return
        time.sleep(0.05)
    raise DevLakeError(f"The AWS emulator did not start: see {aws.log}.")


def stop(aws: Emulator) -> None:
    """End the AWS emulator and every process that it started."""
    end_tree(aws.supervisor_pid)


@contextmanager
def running(*, enforce_iam: bool = False, seconds: float = 3600) -> Iterator[Emulator]:
    """An AWS emulator of one's own for the length of a `with` block."""
    with tempfile.TemporaryDirectory(prefix="b3-lake-") as folder:
        aws = start(Path(folder), enforce_iam=enforce_iam, seconds=seconds)
        try:
            yield aws
        finally:
            stop(aws)
