"""Child processes that cannot outlive their purpose: every program of the pipeline is started here.

with Child(["sleep", "60"], log=folder / "sleep.log") as child:
    ...                                       # ended with the block, and with this process

code = run_child(["sam", "build"], log=folder / "sam.log", on_line=print)
"""

import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from devlake import paths
from devlake.errors import DevLakeError
from devlake.supervise import GRACE_SECONDS, end_tree

LIMIT_SECONDS = 1800.0
LONG_SECONDS = 6 * 3600.0
"""For what grows with the lake: a year of the whole market may take more than half an hour on a busy machine."""


class Child:
    """A command at work; both of its streams go to the file `log`, or to `lines` without one.

    `environment` is this process's by default. The command and all that it starts end after `seconds` (exit code 124)
    and, `with_parent`, when this process ends, however it ends; asked to end, they have `grace` seconds for it. Ctrl-C
    reaches this process alone, which then ends the child in order.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        seconds: float = LIMIT_SECONDS,
        grace: float = GRACE_SECONDS,
        with_parent: bool = True,
    ) -> None:
        self._grace = grace
        own = [sys.executable, "-m", "devlake.supervise", str(seconds), "--grace", str(grace)]
        own += ["--with-parent"] if with_parent else []
        sink = log.open("wb") if log else None
        try:
            self._supervisor = subprocess.Popen(
                [*own, "--", *map(str, command)],
                cwd=paths.ROOT,
                env=None if environment is None else dict(environment),
                stdin=subprocess.PIPE if with_parent else subprocess.DEVNULL,
                stdout=sink or subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            if sink:
                sink.close()
        self.pid = self._supervisor.pid

    def lines(self) -> Iterator[str]:
        """All that the command prints, line by line, to its end."""
        if self._supervisor.stdout:
            for line in io.TextIOWrapper(self._supervisor.stdout, encoding="utf-8", errors="replace"):
                yield line.rstrip("\n")

    def is_running(self) -> bool:
        return self._supervisor.poll() is None

    def family(self) -> list[psutil.Process]:
        """The command's process and all that it started."""
        try:
            return list(psutil.Process(self.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    def wait(self, seconds: float | None = None) -> int:
        """Wait for its end; returns the exit code. Raises subprocess.TimeoutExpired."""
        return self._supervisor.wait(seconds)

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until `is_ready`; False when the command ends before, or `seconds` pass."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.is_running():
            if is_ready():
                return True
            time.sleep(0.05)
        return False

    def end(self) -> None:
        """End the command and all that it started: first asked, then killed."""
        end_tree(self.pid, self._grace)
        self._supervisor.wait()
        for stream in (self._supervisor.stdin, self._supervisor.stdout):
            if stream:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def run_child(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path,
    on_line: Callable[[str], None] = lambda _line: None,
    seconds: float = LIMIT_SECONDS,
) -> int:
    """Run `command` to its end, at most `seconds`; returns its exit code (124 at the limit).

    Every line that it prints goes to the file `log` and to `on_line`. An exception raised in this process (Ctrl-C, say)
    ends the child and all that it started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as sink, Child(command, environment=environment, seconds=seconds) as child:
        for line in child.lines():
            sink.write(line + "\n")
            on_line(line)
        return child.wait()


def demand_ready(child: Child, what: str, is_ready: Callable[[], bool], *, seconds: float, log: Path) -> None:
    """Wait until `is_ready`; raises DevLakeError, which names `what` and its log, when it takes more than `seconds`."""
    if not child.wait_until(is_ready, seconds):
        raise DevLakeError(f"{what} did not start: see {log}.")
