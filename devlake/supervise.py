"""Runs a command as a child that cannot outlive its purpose.

`python -m devlake.supervise SECONDS [--grace SECONDS] [--with-parent] -- COMMAND…` starts COMMAND and ends it, with
every process that it started, when SECONDS have passed (exit code 124), on SIGTERM or SIGINT (143), or (with
`--with-parent`) when standard input closes, which the kernel does when the parent dies, however it dies. Processes are
ended by id, never by name.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType

import psutil

GRACE_SECONDS = 5.0
TIMED_OUT = 124
ENDED = 143


def end_tree(pid: int, grace: float = GRACE_SECONDS) -> None:
    """End process `pid` and all its descendants: first asked, then, after `grace` seconds, killed."""
    try:
        root = psutil.Process(pid)
        family = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(family, timeout=grace)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=GRACE_SECONDS)


def _watch_parent(stop: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    stop.set()


def supervise(command: list[str], seconds: float, *, grace: float = GRACE_SECONDS, with_parent: bool) -> int:
    """Run `command` for at most `seconds`; returns its exit code, or TIMED_OUT or ENDED when it was ended here."""
    stop = threading.Event()

    def on_signal(_signum: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    if with_parent:
        threading.Thread(target=_watch_parent, args=(stop,), daemon=True).start()
    deadline = time.monotonic() + seconds
    while child.poll() is None and not stop.wait(0.1) and time.monotonic() < deadline:
        pass
    code = child.poll()
    if code is None:
        code = ENDED if stop.is_set() else TIMED_OUT
    end_tree(child.pid, grace)
    child.wait()
    return code


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devlake.supervise")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--grace", type=float, default=GRACE_SECONDS)
    parser.add_argument("--with-parent", action="store_true")
    divide = sys.argv.index("--")
    own = parser.parse_args(sys.argv[1:divide])
    return supervise(sys.argv[divide + 1 :], own.seconds, grace=own.grace, with_parent=own.with_parent)


if __name__ == "__main__":
    sys.exit(main())
