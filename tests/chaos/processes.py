"""Programs of the pipeline as processes that can be killed at any request, and that never outlive the torture."""

import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from devlake import paths
from devlake.supervise import end_tree

LIMIT_SECONDS = 300.0
WAIT_SECONDS = LIMIT_SECONDS + 30


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, and what it printed on both streams."""

    code: int
    text: str

    @property
    def last_json(self) -> str:
        """The last line that is a JSON object, "" where there is none."""
        return next((line for line in reversed(self.text.splitlines()) if line.startswith("{")), "")


class Process:
    """A command at work, with all that it prints in the file `log`."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> None:
        supervised = [sys.executable, "-m", "devlake.supervise", str(LIMIT_SECONDS), "--with-parent", "--"]
        self._log = log
        with log.open("wb") as sink:
            self._supervisor = subprocess.Popen(
                [*supervised, *map(str, command)],
                cwd=paths.ROOT,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, dice: random.Random) -> None:
        """SIGKILL to the program and all that it started, or to one of them alone."""
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self._supervisor.pid).children(recursive=True)
            for victim in family if dice.random() < 0.5 else [dice.choice(family)] if family else []:
                with suppress(psutil.NoSuchProcess):
                    victim.kill()

    def wait(self) -> Ended:
        """Wait for its end."""
        try:
            code = self._supervisor.wait(WAIT_SECONDS)
        finally:
            end_tree(self._supervisor.pid)
            if self._supervisor.stdin:
                self._supervisor.stdin.close()
        return Ended(code, self._log.read_text(encoding="utf-8", errors="replace"))
