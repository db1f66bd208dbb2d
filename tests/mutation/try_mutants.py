"""Tries mutants, each in a copy of the checkout and a process of its own: killed, survived, or timed out.

The checkout is never changed. A process that does not end is ended with all that it started.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from devlake import paths
from tests.mutation.rooms import TOO_LONG
from tests.mutation.trials import Fate, MutationError, Trial

LEFT_OUT = shutil.ignore_patterns(".git", ".venvs", ".lake", ".aws-sam", ".hypothesis", "__pycache__", ".*_cache")
PYTEST = ("-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", "-m", "not slow", "--hypothesis-seed=0")
PATIENCE = 4
"""So many times as long as the tests take without a mutant, and `grace_seconds` more, they may take with one."""
SIGNS_OF_A_TEST = {1, 2, 4}
"""pytest's exit codes when a test failed, and when tests or their conftest.py could not even be imported."""
NO_TESTS = 5
"""That of a file whose tests are all slow."""


@contextmanager
def copies(root: Path, count: int) -> Iterator[list[Path]]:
    """So many copies of the checkout at `root`, with its virtualenvs; they are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        made = [Path(folder) / str(number) for number in range(count)]
        for copy in made:
            shutil.copytree(root, copy, ignore=LEFT_OUT, symlinks=True)
            (copy / paths.VENVS.name).symlink_to(paths.VENVS.resolve())
        yield made


def run_tests(copy: Path, tests: Sequence[str], seconds: float) -> int | None:
    """pytest's exit code for `tests` in `copy`; None when they did not end in so many seconds."""
    environment = os.environ | {
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "B3_LAKE_SHARED": os.environ.get("B3_LAKE_SHARED", str(paths.ROOT.parent / "shared")),
        "TMPDIR": str(copy.parent),  # what an ended test leaves goes with the copies
    }
    command = [
        str(copy / ".venvs/tech/bin/python"),
        *PYTEST,
        *(f"--deselect=tests/{test}" for test in TOO_LONG),
        *tests,
    ]
    with (copy.parent / f"{copy.name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end_group(process.pid)
            process.wait()


def _end_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return  # nothing of it is left


class Bench:
    """Copies of the checkout in which mutants are tried side by side."""

    def __init__(self, places: Sequence[Path], grace_seconds: float = 20) -> None:
        self._size, self._grace_seconds = len(places), grace_seconds
        self._free: SimpleQueue[Path] = SimpleQueue()
        for place in places:
            self._free.put(place)
        self._seconds: dict[str, float] = {}

    def time_tests(self, trials: Sequence[Trial]) -> None:
        """Run the tests of `trials` without a mutant. Raises MutationError when one fails: it would kill everything."""
        files = sorted({test for trial in trials for test in trial.tests})
        with ThreadPoolExecutor(self._size) as threads:
            self._seconds |= zip(files, threads.map(self._time, files), strict=True)

    def _time(self, test: str) -> float:
        copy = self._free.get()
        try:
            started = time.monotonic()
            code = run_tests(copy, [test], 1800)
            if code not in {0, NO_TESTS}:
                log = (copy.parent / f"{copy.name}.log").read_text("utf-8", "replace")
                raise MutationError(f"Without a mutant {test} ends with {code}:\n{log[-3000:]}")
            return time.monotonic() - started
        finally:
            self._free.put(copy)

    def try_all(self, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Fate]]:
        """Try each, in their order, several at once. Raises MutationError when the tests could not be run."""
        with ThreadPoolExecutor(self._size) as threads:
            yield from zip(trials, threads.map(self._try, trials), strict=True)

    def _try(self, trial: Trial) -> Fate:
        copy = self._free.get()
        file = copy / trial.mutant.file
        before = file.read_text("utf-8")
        try:
            file.write_text(trial.mutant.text, "utf-8")
            expected = sum(self._seconds[test] for test in trial.tests)
            code = run_tests(copy, trial.tests, self._grace_seconds + PATIENCE * expected)
        finally:
            file.write_text(before, "utf-8")
            self._free.put(copy)
        if code is None:
            return Fate.TIMED_OUT
        if code == 0:
            return Fate.SURVIVED
        if code in SIGNS_OF_A_TEST or code < 0:
            return Fate.KILLED
        raise MutationError(f"pytest ended with {code}: {' '.join(trial.tests)}")
