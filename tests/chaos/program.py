"""A program of the pipeline as a process that can be killed at any request."""

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from devlake.child_process import Child
from tests.chaos.errors import ChaosError

LIMIT_SECONDS = 300.0
WAIT_SECONDS = LIMIT_SECONDS + 30


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code, and all that it printed on both streams."""

    code: int
    text: str

    @property
    def last_json(self) -> str:
        """The last line that is a JSON object, "" where there is none."""
        return next((line for line in reversed(self.text.splitlines()) if line.startswith("{")), "")


class Program(Child):
    """A command at work, with all that it prints in the file `log`."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> None:
        super().__init__(command, environment=environment, log=log, seconds=LIMIT_SECONDS)
        self._log = log

    def kill(self, rng: random.Random) -> None:
        """SIGKILL to the program and all that it started, or to one of them alone."""
        family = self.family()
        for victim in family if rng.random() < 0.5 else [rng.choice(family)] if family else []:
            with suppress(psutil.NoSuchProcess):
                victim.kill()

    def terminate(self) -> None:
        """SIGTERM to the program, as a machine that is shut down sends it."""
        for program in self.family()[:1]:
            with suppress(psutil.NoSuchProcess):
                program.terminate()

    def finish(self) -> Ended:
        """Wait for its end."""
        with self:
            code = self.wait(WAIT_SECONDS)
        return Ended(code, self._log.read_text(encoding="utf-8", errors="replace"))


def demand(program: Program, what: str) -> Ended:
    """Wait for its end. Raises ChaosError, which says `what` it was, unless it did well."""
    ended = program.finish()
    if ended.code != 0:
        raise ChaosError(f"{what} ended with exit code {ended.code}:\n{ended.text[-3000:]}")
    return ended
