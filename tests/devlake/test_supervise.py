"""A supervised command ends with its purpose: by itself, with its parent, at its time limit; its children too."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from devlake import paths
from devlake.child_process import Child, demand_ready, run_child
from devlake.errors import DevLakeError
from devlake.supervise import TIMED_OUT

# A program that starts a child of its own, says both ids, and would run for an hour.
PARENT_OF_ONE = """
import subprocess, sys, os, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(3600)
"""


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # asked for in one go: between a look and a question a process can end
        return False


def _gone(pids: list[int], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(map(_runs, pids)):
            return True
        time.sleep(0.05)
    return False


def _supervise(seconds: str, *flags: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "devlake.supervise", seconds, *flags, "--", sys.executable, "-c", PARENT_OF_ONE]
    return subprocess.Popen(
        command, cwd=paths.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def test_the_exit_code_of_the_command_is_kept() -> None:
    command = [sys.executable, "-m", "devlake.supervise", "30", "--", sys.executable, "-c", "raise SystemExit(7)"]
    assert subprocess.run(command, cwd=paths.ROOT, check=False).returncode == 7


def test_the_time_limit_ends_the_command_and_its_children() -> None:
    process = _supervise("1")
    pids = [int(word) for word in process.stdout.readline().split()]
    assert process.wait(timeout=15) == TIMED_OUT
    assert _gone(pids)
    process.communicate()


def test_the_death_of_the_parent_ends_the_command_and_its_children() -> None:
    process = _supervise("60", "--with-parent")
    pids = [int(word) for word in process.stdout.readline().split()]
    assert all(map(_runs, pids))
    process.stdin.close()  # what the kernel does for a parent that was killed
    assert _gone([*pids, process.pid])
    process.wait()
    process.stdout.close()


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(3600)"
    )
    command = [sys.executable, "-m", "devlake.supervise", "60", "--", sys.executable, "-c", stubborn]
    process = subprocess.Popen(command, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    child = psutil.Process(process.pid).children()[0].pid
    process.terminate()
    process.wait(timeout=20)
    assert _gone([child])
    process.stdout.close()


def test_a_child_ends_with_its_block_and_keeps_its_log(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with Child([sys.executable, "-c", PARENT_OF_ONE], log=log) as child:
        assert child.wait_until(lambda: log.read_text().endswith("\n"), seconds=10)
        pids = [int(word) for word in log.read_text().split()]
        assert {one.pid for one in child.family()} >= set(pids)
        assert child.is_running()
    assert not child.is_running()
    assert child.family() == []
    assert _gone(pids)


def test_waiting_for_a_child_ends_with_it_or_with_its_time(tmp_path: Path) -> None:
    with Child([sys.executable, "-c", "pass"], log=tmp_path / "log") as short:
        assert not short.wait_until(lambda: False, seconds=60)
    with Child([sys.executable, "-c", PARENT_OF_ONE], log=tmp_path / "log") as long:
        started = time.monotonic()
        assert not long.wait_until(lambda: False, seconds=0.3)
        assert time.monotonic() - started < 5
        with pytest.raises(DevLakeError, match=r"^The thing did not start: see .*log\.$"):
            demand_ready(long, "The thing", lambda: False, seconds=0.1, log=tmp_path / "log")


def test_run_child_hands_over_lines_keeps_the_log_and_the_exit_code(tmp_path: Path) -> None:
    lines: list[str] = []
    program = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    log = tmp_path / "child.log"
    code = run_child([sys.executable, "-u", "-c", program], environment={}, log=log, on_line=lines.append, seconds=30)
    assert (code, lines, log.read_text()) == (3, ["one", "two"], "one\ntwo\n")


def test_run_child_ends_the_child_when_the_caller_is_interrupted(tmp_path: Path) -> None:
    seen: list[int] = []

    def interrupt(line: str) -> None:
        seen.extend(int(word) for word in line.split())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_child([sys.executable, "-c", PARENT_OF_ONE], environment={}, log=tmp_path / "log", on_line=interrupt)
    assert len(seen) == 2
    assert _gone(seen)
