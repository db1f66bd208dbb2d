"""A mutant, who has to notice it, and what became of it."""

import difflib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """`file` (from the checkout) with one change at `line` of the lines `statement`: its whole new text."""

    file: Path
    line: int
    statement: range
    text: str

    def diff(self, root: Path) -> str:
        """The change, as `diff -u` shows it."""
        before = (root / self.file).read_text("utf-8").splitlines(keepends=True)
        return "".join(difflib.unified_diff(before, self.text.splitlines(keepends=True), str(self.file), "mutant", n=2))


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMED_OUT = "timed out"


class MutationError(Exception):
    """Mutants cannot be tried; the text says why."""


@dataclass(frozen=True)
class Trial:
    """A mutant of a room and the tests (files, the nearest first) that have to notice it."""

    room: str
    mutant: Mutant
    tests: tuple[str, ...]
