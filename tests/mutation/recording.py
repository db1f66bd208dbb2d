"""Which tests run which lines of the program, and how long each takes: what `cover.py` wrote, put together."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutation.trials import Mutant

CHEAP_SECONDS, CHEAP_TESTS = 10.0, 300
"""The tests that a mutant meets first take so long together at the most, and are so many."""


@dataclass
class Recording:
    """Seconds of each test, in the order in which they ran, and the tests of each line of a file."""

    seconds: dict[str, float] = field(default_factory=dict)
    tests: defaultdict[str, defaultdict[int, set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )

    def add(self, written: Path) -> None:
        """Add what `cover.py` wrote to a file."""
        found = json.loads(written.read_text("utf-8"))
        self.seconds |= found["seconds"]
        for file, lines in found["tests"].items():
            for line, tests in lines.items():
                self.tests[file][int(line)].update(tests)

    def covering(self, mutant: Mutant) -> list[str]:
        """The quickest of the tests that run the mutant's line, or else its statement; in the order of their files."""
        lines = self.tests[mutant.file.as_posix()]
        found = lines[mutant.line] or {test for line in mutant.statement for test in lines[line]}
        chosen, total = set(), 0.0
        for test in sorted(found, key=lambda test: self.seconds[test])[:CHEAP_TESTS]:
            total += self.seconds[test]
            if total <= CHEAP_SECONDS:
                chosen.add(test)
        return [test for test in self.seconds if test in chosen]

    def total(self, files: Iterable[str]) -> float:
        """Seconds of all tests of these files and folders."""
        starts = tuple(each if each.endswith(".py") else f"{each}/" for each in files)
        return sum(seconds for test, seconds in self.seconds.items() if test.startswith(starts))
