"""Starts and ends the AWS emulator (ministack) on a loopback port."""

import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from devlake import paths
from devlake.aws_environment import ACCESS_KEY, PROCESS_KEY, REGION, aws_environment, without_aws_settings
from devlake.child_process import Child, demand_ready
from devlake.errors import DamagedLakeError, DevLakeError
from devlake.loopback import ADDRESS, free_port, is_taken
from devlake.refused_state import refused_file
from devlake.supervise import end_tree

ACCOUNT_ID = "123456789012"
START_SECONDS = 60.0
KEPT_SECONDS = 600.0
"""A kept lake of many objects reads what it knows of each when it starts, and saves its catalog when it ends."""
STATE, OBJECTS = _SAVED_IN = ("state", "objects")
"""Folders of a kept lake: what the services know, and the objects' bytes."""
PROGRAM = "devlake.emulator_catalog"
"""ministack and what it lacks."""


@dataclass(frozen=True)
class Emulator:
    """A running AWS emulator: where it answers, the process that ends it, and the key that requests are signed with."""

    endpoint_url: str
    supervisor_pid: int
    log: Path
    key: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The process environment in which every AWS client talks to this endpoint and to no other."""
        return aws_environment(secret_key=self.key, AWS_ENDPOINT_URL=self.endpoint_url)

    def client(self, service: str) -> Any:
        """A boto3 client of `service` at this endpoint, whatever the caller's own AWS settings say."""
        return _client(self.endpoint_url, self.key, service)

    def store(self, bucket: str) -> Any:
        """An obstore store of `bucket` at this endpoint, likewise."""
        from obstore.store import S3Store  # noqa: PLC0415 - who only asks where the lake is needs none

        return S3Store(
            bucket,
            endpoint=self.endpoint_url,
            region=REGION,
            access_key_id=ACCESS_KEY,
            secret_access_key=self.key,
            client_options={"allow_http": True},
        )


_NOT_THE_CALLERS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""botocore's variables (name in a file, in the environment, default, conversion): no profile, no file."""


@cache  # making one takes longer than most requests
def _client(endpoint_url: str, key: str, service: str) -> Any:
    import boto3  # noqa: PLC0415 - takes longer than to find the lake, and who only asks it needs none
    import botocore.session  # noqa: PLC0415 - likewise

    settings = botocore.session.get_session(_NOT_THE_CALLERS)
    # A service named by a variable has no type of its own.
    session: Any = boto3.session.Session(botocore_session=settings)
    return session.client(
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=key,
    )


def answers(endpoint_url: str) -> bool:
    """Whether an AWS emulator answers there."""
    try:
        with urllib.request.urlopen(f"{endpoint_url}/_ministack/health", timeout=5):  # noqa: S310 - a loopback address
            return True
    except (urllib.error.URLError, OSError):
        return False


def start(  # noqa: PLR0913 - all that one process is started with
    folder: Path,
    *,
    port: int | None = None,
    seconds: float = 3600,
    with_parent: bool = True,
    enforce_iam: bool = False,
    keep: bool = False,
    key: str = PROCESS_KEY,
    also_at: str = "",
    program: str = PROGRAM,
) -> Emulator:
    """Start the AWS emulator with its files and log in `folder`, and wait until it answers.

    It ends after `seconds`, and with `with_parent` also when this process does. With `keep`, what it holds is saved in
    `folder` when it ends, and found again at the next start. It serves who signs with `key`, and who reaches the
    address `also_at` of this machine, too. `program` is the module that is run. Raises DevLakeError when the port is
    taken, when its virtualenv is missing, or when it does not answer in time.
    """
    if not paths.tool("ministack", "ministack").exists():
        raise DevLakeError("The AWS emulator is not installed: run `make setup`.")
    if spoilt := next((name for name in _SAVED_IN if keep and (folder / name).is_file()), ""):
        raise _damaged(folder / spoilt)
    port = port or free_port()
    if is_taken(port):
        raise DevLakeError(
            f"Port {port} is taken: end what listens there (`make down` ends a lake that hangs), "
            "or set LAKE_PORT to another one for a new lake."
        )
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # a lake that was killed leaves its functions' code behind
    scratch.mkdir(parents=True)
    log = folder / "emulator.log"
    command: list[str | Path] = [paths.tool("ministack", "python"), "-m", program]
    environment = _environment(port, scratch, folder if keep else None, key, also_at, enforce_iam=enforce_iam)
    child = Child(
        command, environment=environment, log=log, seconds=seconds, grace=KEPT_SECONDS, with_parent=with_parent
    )
    aws = Emulator(f"http://{ADDRESS}:{port}", child.pid, log, key)
    try:
        limit = KEPT_SECONDS if keep else START_SECONDS
        demand_ready(child, "The AWS emulator", lambda: answers(aws.endpoint_url), seconds=limit, log=log)
    except BaseException as error:  # Ctrl-C too: nobody knows of this process yet
        child.end()
        if isinstance(error, DevLakeError) and (damaged := refused_file(log)):
            raise _damaged(folder / damaged) from error
        raise
    return aws


def _damaged(file: Path) -> DamagedLakeError:
    return DamagedLakeError(
        f"{file} cannot be read, and nothing was changed: put a whole copy of it in its place, or `make clean` for a "
        "new lake."
    )


def _environment(
    port: int, scratch: Path, kept: Path | None, key: str, also_at: str, *, enforce_iam: bool
) -> dict[str, str]:
    """The settings of ministack; what it holds is saved in the folder `kept`, if one is given."""
    own = {
        "AWS_SECRET_ACCESS_KEY": key,
        "BIND_HOST": ADDRESS,
        "GATEWAY_PORT": str(port),
        "LAKE_BIND": also_at,
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_HOST": ADDRESS,
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(scratch),
        "PERSIST_STATE": "1" if kept else "0",
        "S3_PERSIST": "0",  # devlake/emulator_files.py reads the objects, and keeps them
        "AUTH": "true" if enforce_iam else "false",
    }
    if kept:
        own |= {"STATE_DIR": str(kept / STATE), "S3_DATA_DIR": str(kept / OBJECTS)}
    return without_aws_settings() | own


def stop(aws: Emulator) -> None:
    """End the AWS emulator and every process that it started."""
    end_tree(aws.supervisor_pid, KEPT_SECONDS)


@contextmanager
def running(*, enforce_iam: bool = False, seconds: float = 3600) -> Iterator[Emulator]:
    """An AWS emulator of one's own for the length of a `with` block."""
    with tempfile.TemporaryDirectory(prefix="b3-lake-") as folder:
        aws = start(Path(folder), enforce_iam=enforce_iam, seconds=seconds)
        try:
            yield aws
        finally:
            stop(aws)
