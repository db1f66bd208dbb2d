"""Keeps one lake on this machine between commands: `up` starts it, `down` stops it, its data stays in .lake/."""

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from devlake import emulator, paths
from devlake.emulator import Emulator
from devlake.errors import DamagedLakeError, DevLakeError
from devlake.loopback import free_port
from devlake.supervise import end_tree

FOLDER = paths.STATE / "kept"
_RECORD = FOLDER / "lake.json"
_PORT = FOLDER / "port"
KEY = FOLDER / "key"
"""The secret access key of the lake that is up, for its owner alone to read."""
_LOG = "emulator.log"
_FORM_OF_KEY = re.compile(r"[\w-]{43}", re.ASCII)
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
        found = Emulator(record["endpoint_url"], record["supervisor_pid"], Path(record["log"]), _key())
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise DamagedLakeError(
            f"What {FOLDER} says of the lake that is up is damaged: `make down` ends it, and `make up` starts it again."
        ) from error
    return found if same else None


def _key() -> str:
    key = KEY.read_text(encoding="ascii")
    if not _FORM_OF_KEY.fullmatch(key):
        raise ValueError
    return key


def _unrecorded() -> list[psutil.Process]:
    """The processes that write the log of this lake's emulator: it is among them, whatever the record says."""
    log = str((FOLDER / _LOG).resolve())
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(file.path == log for file in process.open_files()):
                found.append(process)
    return found


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


def _port_in(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text.strip()):
        raise ValueError
    return int(text)


def port_of_lake(wanted: int | None) -> int | None:
    """The port on which the lake was first started: its queue is known by a URL, which holds the port.

    Raises DevLakeError when another one is wanted.
    """
    try:
        known = _port_in(_PORT.read_text(encoding="utf-8")) if _PORT.exists() else None
    except (OSError, ValueError) as error:
        raise DamagedLakeError(
            f"{_PORT} holds no port: write the one that the lake was made on into it, or `make clean` for a new lake."
        ) from error
    if known and wanted and wanted != known:
        raise DevLakeError(f"This lake was made on port {known}: leave LAKE_PORT out, or `make clean` for a new lake.")
    return known or wanted


def start_lake(port: int | None = None, also_at: str = "") -> Emulator:
    """Start the kept lake; its data of earlier times is there again. It ends by itself after HOURS_UP.

    `also_at` is a second address of this machine to listen at.

    Raises DevLakeError when its port is taken, or when `port` is another than it was made on.
    """
    port = port_of_lake(port) or free_port()
    key = secrets.token_urlsafe(32)
    aws = emulator.start(
        FOLDER, port=port, seconds=HOURS_UP * 3600, with_parent=False, keep=True, key=key, also_at=also_at
    )
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
    _write(KEY, aws.key)
    _write(_RECORD, json.dumps(record))


def _write(file: Path, text: str) -> None:
    """Replace `file` as a whole, by one that its owner alone may read."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as sink:
        sink.write(text)
    fresh.replace(file)


def stop_lake() -> bool:
    """Stop the lake, whether it answers or not; returns whether there was one."""
    try:
        aws = _recorded()
    except DamagedLakeError:
        aws = None
    if aws is not None:
        emulator.stop(aws)
    left = _unrecorded()
    for process in left:
        end_tree(process.pid)
    _RECORD.unlink(missing_ok=True)
    return aws is not None or bool(left)
