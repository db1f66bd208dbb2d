"""Watches the memory of everything that a run starts, and what it takes of the processors."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_EVERY_SECONDS = 0.2


@dataclass
class PeakMemory:
    """The largest resident set of any one process so far, in bytes, and that process's name; and of each program's.

    `largest_together` is the largest sum of those of all processes but this one, which counts what they share often.
    """

    largest_bytes: int = 0
    largest_name: str = ""
    largest_of: dict[str, int] = field(default_factory=dict)
    largest_together: int = 0
    _watched: list[psutil.Process] = field(default_factory=list)
    _seconds: dict[psutil.Process, tuple[str, float]] = field(default_factory=dict)

    def watch(self, process: psutil.Process) -> None:
        """Watch this process and its descendants too: one that left those of this process, as a kept lake does."""
        self._watched.append(process)

    def note(self, process: psutil.Process) -> int:
        """Note what `process` has now; returns it, in bytes."""
        used, name = process.memory_info().rss, process.name()
        program = program_of(process.cmdline()) or name
        self.largest_of[program] = max(used, self.largest_of.get(program, 0))
        times = process.cpu_times()
        self._seconds[process] = program, times.user + times.system
        if used > self.largest_bytes:
            self.largest_bytes, self.largest_name = used, name
        return int(used)

    def seconds_of(self) -> dict[str, float]:
        """Processor seconds of each program's processes so far, up to the last sample of each."""
        total: dict[str, float] = {}
        for program, seconds in list(self._seconds.values()):
            total[program] = total.get(program, 0.0) + seconds
        return total

    def look(self) -> None:
        """Note all that run now."""
        together = 0
        for root in [psutil.Process(), *self._watched]:
            try:
                for process in [root, *root.children(recursive=True)]:
                    used = self.note(process)
                    together += used if process.pid != os.getpid() else 0
            except psutil.NoSuchProcess:
                continue
        self.largest_together = max(together, self.largest_together)


def program_of(command: Sequence[str]) -> str:
    """The module or the script's name in a Python process's command line; empty for any other process."""
    if not command or not Path(command[0]).name.startswith("python"):
        return ""
    words = iter(command[1:])
    for word in words:
        if word == "-m":
            return next(words, "")
        if not word.startswith("-"):
            return Path(word).name
    return ""


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Sample this process and all its descendants until the `with` block ends."""
    peak, stop = PeakMemory(), threading.Event()

    def sample() -> None:
        while not stop.wait(_EVERY_SECONDS):
            peak.look()

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        stop.set()
        sampler.join()
