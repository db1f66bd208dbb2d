"""Ctrl-C while a program imports: one line, exit code 130, whatever it was importing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from b3lake.cli import COMMANDS
from devlake import paths
from devlake.__main__ import COMMANDS as OF_DEVLAKE
from tests.bad_input import try_commands
from tests.bad_input.try_commands import USUAL

pytestmark = pytest.mark.slow

# Runs a program, which says so and waits where it begins to import the module that is named.
PROGRAM = """
import runpy, sys, time

awaited = sys.argv[1]

class Wait:
    def find_spec(self, name, *_):
        if name == awaited:
            print("importing", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Wait())
sys.argv = sys.argv[2:]
if sys.argv[0] == "-m":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    runpy.run_path(sys.argv[0], run_name="__main__")
"""
HEAVY = ("botocore", "pandas", "pyarrow")
PROGRAMS: dict[str, tuple[tuple[str, ...], str, str]] = {
    **{f"b3lake {name}": (("-m", "b3lake", name, *USUAL[name]), COMMANDS[name].module, "b3lake") for name in COMMANDS},
    **{f"devlake {name}": (("-m", "devlake", name), module, "error") for name, module in OF_DEVLAKE.items()},
    "the host's launcher": (("ec2/fetch_b3_data.py",), COMMANDS["fetch"].module, "fetch_b3_data"),
}
"""A program's words, the module of its command, and what its line begins with."""


@pytest.fixture(autouse=True)
def nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No lake is up, and nobody answers for AWS."""
    with try_commands.surroundings(tmp_path):
        monkeypatch.chdir(paths.ROOT)
        yield


def _interrupted_at(module: str, words: tuple[str, ...], **environment: str) -> tuple[int, str] | None:
    """Exit code and standard error of a program that is interrupted where it imports `module`; None: it never does."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, module, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=paths.ROOT,
        env=os.environ | environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - CI ignores it
    ) as process:
        assert process.stdout
        if "importing\n" not in iter(process.stdout.readline, ""):
            return None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_import_that_is_interrupted_is_one_line(program: str) -> None:
    words, own, begins = PROGRAMS[program]
    ended = {module: _interrupted_at(module, words) for module in (own, *HEAVY)}
    reached = {module: how for module, how in ended.items() if how is not None}
    assert own in reached
    for module, (code, said) in reached.items():
        assert (code, said.count("\n")) == (130, 1), (module, said)
        assert "nterrupted" in said, (module, said)
        assert said.startswith(begins), (module, said)


def test_the_line_is_in_the_language_of_the_terminal() -> None:
    words, own, _ = PROGRAMS["b3lake ask"]
    assert _interrupted_at(own, words, LC_ALL="pt_BR.UTF-8") == (130, "b3lake: interrompido; execute de novo.\n")


def test_who_ignores_the_signal_goes_on_ignoring_it() -> None:
    """As in a shell's background, where Ctrl-C is not meant for it."""
    program = "import os, signal; from b3lake.lake import interrupts; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    program += "interrupts.end_at_once('x'); os.kill(os.getpid(), signal.SIGINT); interrupts.end_in_order(); "
    program += "os.kill(os.getpid(), signal.SIGINT); print('went on')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")
