"""Runs pytest in forks of one process that has imported what the tests import, save the program and the tests.

A process of the tests' own virtualenv runs this file: it reads a request a line, `{"arguments": […], "seconds": 10}`,
forks, and answers `{"code": 1, "seconds": 2.5}`: pytest's exit code, null when it did not end in time. To import
pandas, Arrow and the AWS libraries takes longer than most tests do; no thread of theirs has begun when it forks.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

OWN = ("b3lake", "functions", "devlake", "tests", "bench", "conftest", "__main__")
LIST_MODULES = """
import sys, pytest
pytest.main(["-q", "-n0", "-p", "no:cacheprovider", "--collect-only", "-qq", *sys.argv[1:]])
print("\\n" + " ".join(name for name, module in sorted(sys.modules.items()) if getattr(module, "__spec__", None)))
"""


def import_for(tests: list[str]) -> None:
    """Import the libraries that these tests import, as another process tells."""
    command = [sys.executable, "-c", LIST_MODULES, *tests]
    told = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    for name in told.stdout.splitlines()[-1].split():
        if not name.startswith(OWN):
            with contextlib.suppress(Exception):  # then the tests import it
                importlib.import_module(name)


def run_forked(arguments: list[str], seconds: float, log: Path) -> int | None:
    """pytest's exit code, or minus the signal that ended it; None when it did not end in so many seconds."""
    child = os.fork()
    if child == 0:
        _become_pytest(arguments, log)
    try:
        return _wait(child, seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


def _become_pytest(arguments: list[str], log: Path) -> None:
    code = 3  # pytest's own for an internal error
    try:
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        import pytest

        code = int(pytest.main(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _wait(child: int, seconds: float) -> int | None:
    """Its exit code; an alarm interrupts the wait for one that does not end."""
    signal.signal(signal.SIGALRM, _too_late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except TimeoutError:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_late(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError


def main() -> None:
    log = Path(sys.argv[1])
    import_for(sys.argv[2:])
    for line in sys.stdin:
        request = json.loads(line)
        started = time.monotonic()
        code = run_forked(request["arguments"], request["seconds"], log)
        print(json.dumps({"code": code, "seconds": time.monotonic() - started}), flush=True)


if __name__ == "__main__":
    main()
