"""Ctrl-C in the middle of the demo ends everything that it started, and says so."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from devlake import paths

pytestmark = pytest.mark.slow

# Overridden by hand to try the later stages: B3_LAKE_INTERRUPT_AT='Refine on Spark'.
STAGE = os.environ.get("B3_LAKE_INTERRUPT_AT", "Deploy template.yaml")


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a short one that was listed, and has ended since
        return ""


def test_ctrl_c_leaves_nothing_running() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "devlake", "demo"],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - CI ignores it
    )
    for line in process.stdout:
        if line.startswith(STAGE):
            break
    time.sleep(1)
    family = psutil.Process(process.pid).children(recursive=True)
    assert any("ministack" in _command(one) for one in family)
    os.killpg(process.pid, signal.SIGINT)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "error: Interrupted: everything that was started has been ended."
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
