"""Runs a command as a child that cannot outlive its purpose.

`python -m devlake.supervise SECONDS [--with-parent] -- COMMAND…` starts COMMAND and ends it, with every process that it
started, when SECONDS have passed (exit code 124), on SIGTERM or SIGINT (143), or (with `--with-parent`) when standard
input closes, which the kernel does when the parent dies, however it dies. Processes are ended by id, never by name.
"""

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


def end_tree(pid: int) -> None:
    """End process `pid` and all its descendants: first asked, then, after a grace period, killed."""
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
    _, alive = psutil.wait_procs(family, timeout=GRACE_SECONDS)
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


def supervise(command: list[str], seconds: float, *, with_parent: bool) -> int:
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
    end_tree(child.pid)
    child.wait()
    return code


def main() -> int:
    own, command = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    return supervise(command, float(own[0]), with_parent="--with-parent" in own)


if __name__ == "__main__":
    sys.exit(main())
