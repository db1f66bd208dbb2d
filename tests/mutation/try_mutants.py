"""Tries mutants, each in a copy of the checkout and a process of its own: killed, survived, or timed out.

The tests that run the mutant's line come first, as a recording of all tests without a mutant tells (`cover.py`); only
when they notice nothing all tests of its module run. The checkout is never changed. A process that does not end is
ended with all that it started.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Self, TypeVar

from devlake import paths
from tests.mutation.recording import Recording
from tests.mutation.rooms import TOO_LONG
from tests.mutation.trials import Fate, MutationError, Trial

LEFT_OUT = shutil.ignore_patterns(".git", ".venvs", ".lake", ".aws-sam", ".hypothesis", "__pycache__", ".*_cache")
PYTEST = (
    *("-q", "-x", "-n0", "-p", "no:cacheprovider", "-m", "not slow", "--hypothesis-seed=0"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # plugins are imported before pytest begins
)
PATIENCE = 4
"""So many times as long as the tests take without a mutant, and `grace_seconds` more, they may take with one."""
LONGEST_SECONDS = 1800.0
PASSED, FAILED, INTERRUPTED, NOT_FOUND, NO_TESTS = 0, 1, 2, 4, 5
"""pytest's exit codes. INTERRUPTED: a test file could not be imported; NOT_FOUND: conftest.py could not, or a test that
was named is no more; NO_TESTS: all of a file's are slow."""
Given, Found = TypeVar("Given"), TypeVar("Found")


@contextmanager
def copies(root: Path, count: int) -> Iterator[list[Path]]:
    """So many copies of the checkout at `root`, with its virtualenvs; they are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        made = [Path(folder) / str(number) for number in range(count)]
        for copy in made:
            shutil.copytree(root, copy, ignore=LEFT_OUT, symlinks=True)
            (copy / paths.VENVS.name).symlink_to(paths.VENVS.resolve())
        yield made


class Copy:
    """A copy of the checkout, and the process that forks into its tests."""

    def __init__(self, folder: Path, tests: Sequence[str]) -> None:
        self.folder, self.log = folder, folder.parent / f"{folder.name}.log"
        environment = os.environ | {
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "B3_LAKE_SHARED": os.environ.get("B3_LAKE_SHARED", str(paths.ROOT.parent / "shared")),
            "TMPDIR": str(folder.parent),  # what an ended test leaves goes with the copies
        }
        command = [str(paths.VENVS / "tech/bin/python"), "-m", "tests.mutation.forks", str(self.log), *tests]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with self._process:
            self._process.terminate()

    def run(self, tests: Sequence[str], seconds: float, *more: str) -> int | None:
        """pytest's exit code for `tests`; None when they did not end in so many seconds. Raises MutationError."""
        deselected = [f"--deselect=tests/{test}" for test in TOO_LONG]
        request = {"arguments": [*PYTEST, *deselected, *more, *tests], "seconds": seconds}
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise MutationError("The process that runs the tests has ended.")
        code: int | None = json.loads(answer)["code"]
        return code


class Bench:
    """Copies of the checkout in which mutants are tried side by side."""

    def __init__(self, copies: Sequence[Copy], grace_seconds: float) -> None:
        self._size, self._grace_seconds = len(copies), grace_seconds
        self._free: SimpleQueue[Copy] = SimpleQueue()
        for copy in copies:
            self._free.put(copy)
        self._recording = Recording()

    def record(self, trials: Sequence[Trial]) -> None:
        """Run the tests of `trials` without a mutant. Raises MutationError when one fails: it would kill everything."""
        files = sorted({test for trial in trials for test in trial.tests})
        for written in self._map(self._record, files):
            if written.exists():
                self._recording.add(written)

    def try_all(self, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Fate]]:
        """Try each, in their order, several at once. Raises MutationError when the tests could not be run."""
        yield from zip(trials, self._map(self._try, trials), strict=True)

    def _map(self, work: Callable[[Copy, Given], Found], given: Sequence[Given]) -> Iterator[Found]:
        def in_a_copy(one: Given) -> Found:
            copy = self._free.get()
            try:
                return work(copy, one)
            finally:
                self._free.put(copy)

        with ThreadPoolExecutor(self._size) as threads:
            yield from threads.map(in_a_copy, given)

    def _record(self, copy: Copy, test: str) -> Path:
        written = copy.folder.parent / f"{test.replace('/', '-')}.json"
        code = copy.run([test], LONGEST_SECONDS, "-p", "tests.mutation.cover", f"--lines-to={written}")
        if code not in {PASSED, NO_TESTS}:
            log = copy.log.read_text("utf-8", "replace")
            raise MutationError(f"Without a mutant {test} ends with {code}:\n{log[-3000:]}")
        return written

    def _try(self, copy: Copy, trial: Trial) -> Fate:
        file = copy.folder / trial.mutant.file
        before = file.read_text("utf-8")
        try:
            file.write_text(trial.mutant.text, "utf-8")
            return self._fate(copy, trial)
        finally:
            file.write_text(before, "utf-8")

    def _fate(self, copy: Copy, trial: Trial) -> Fate:
        """Killed by the tests that run its line, or else what all tests of its module make of it."""
        first = self._recording.covering(trial.mutant)
        if first:
            code = copy.run(first, self._patience(sum(self._recording.seconds[test] for test in first)))
            if code not in {PASSED, NOT_FOUND}:
                return _judge(code, first)
        return _judge(copy.run(trial.tests, self._patience(self._recording.total(trial.tests))), trial.tests)

    def _patience(self, expected: float) -> float:
        return self._grace_seconds + PATIENCE * expected


def _judge(code: int | None, tests: Sequence[str]) -> Fate:
    if code is None:
        return Fate.TIMED_OUT
    if code == PASSED:
        return Fate.SURVIVED
    if code in {FAILED, INTERRUPTED, NOT_FOUND} or code < 0:
        return Fate.KILLED
    raise MutationError(f"pytest ended with {code}: {' '.join(tests)}")


@contextmanager
def bench(root: Path, count: int, trials: Sequence[Trial], grace_seconds: float = 20) -> Iterator[Bench]:
    """So many copies of the checkout at `root`, in which the tests of `trials` have passed. Raises MutationError."""
    tests = sorted({test for trial in trials for test in trial.tests})
    with copies(root, count) as folders, ExitStack() as stack:
        made = Bench([stack.enter_context(Copy(folder, tests)) for folder in folders], grace_seconds)
        made.record(trials)
        yield made
