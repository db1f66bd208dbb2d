"""Keeps one lake on this machine between commands: `up` starts it, `down` stops it, its data stays in .lake/."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from devlake import emulator, paths
from devlake.emulator import Emulator
from devlake.errors import DevLakeError
from devlake.loopback import free_port

FOLDER = paths.STATE / "kept"
_RECORD = FOLDER / "lake.json"
_PORT = FOLDER / "port"
HOURS_UP = 12.0  # a forgotten lake ends by itself; its data stays


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold `folder` for one command at a time. Raises DevLakeError when another command holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DevLakeError("Another command is at work on this lake: wait for it to end, and try again.") from error
        yield


def _recorded() -> Emulator | None:
    """The lake of the record, if its process still runs (and is not another one under the same id)."""
    try:
        record = json.loads(_RECORD.read_text(encoding="utf-8"))
        same = psutil.Process(record["supervisor_pid"]).create_time() == record["supervisor_created"]
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
    return Emulator(record["endpoint_url"], record["supervisor_pid"], Path(record["log"])) if same else None


def find_lake() -> Emulator | None:
    """The lake that is up and answers, or None."""
    aws = _recorded()
    return aws if aws is not None and emulator.answers(aws.endpoint_url) else None


def open_lake() -> Emulator:
    """The lake that is up. Raises DevLakeError when none is."""
    aws = find_lake()
    if aws is None:
        raise DevLakeError("No lake is up: run `make up` first.")
    return aws


def _port_of_lake(wanted: int | None) -> int | None:
    """The port on which the lake was first started: its queue is known by a URL, which holds the port.

    Raises DevLakeError when another one is wanted.
    """
    known = int(_PORT.read_text(encoding="utf-8")) if _PORT.exists() else None
    if known and wanted and wanted != known:
        raise DevLakeError(f"This lake was made on port {known}: leave LAKE_PORT out, or `make clean` for a new lake.")
    return known or wanted


def start_lake(port: int | None = None) -> Emulator:
    """Start the kept lake; its data of earlier times is there again. It ends by itself after HOURS_UP.

    Raises DevLakeError when its port is taken, or when `port` is another than it was made on.
    """
    port = _port_of_lake(port) or free_port()
    aws = emulator.start(FOLDER, port=port, seconds=HOURS_UP * 3600, with_parent=False, keep=True)
    try:
        _record(aws, port)
    except BaseException:  # without a record nobody would find it, and end it
        emulator.stop(aws)
        raise
    return aws


def _record(aws: Emulator, port: int) -> None:
    _PORT.write_text(str(port), encoding="utf-8")
    record = {
        "endpoint_url": aws.endpoint_url,
        "supervisor_pid": aws.supervisor_pid,
        "supervisor_created": psutil.Process(aws.supervisor_pid).create_time(),
        "log": str(aws.log),
    }
    fresh = _RECORD.with_suffix(".new")
    fresh.write_text(json.dumps(record), encoding="utf-8")
    fresh.replace(_RECORD)


def stop_lake() -> bool:
    """Stop the lake, whether it answers or not; returns whether there was one."""
    aws = _recorded()
    if aws is not None:
        emulator.stop(aws)
    _RECORD.unlink(missing_ok=True)
    return aws is not None
