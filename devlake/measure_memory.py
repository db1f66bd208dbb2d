"""Watches the memory of everything that a run starts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

_EVERY_SECONDS = 0.2


@dataclass
class PeakMemory:
    """The largest resident set of any one process so far, in bytes, and that process's name."""

    largest_bytes: int = 0
    largest_name: str = ""


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Sample this process and all its descendants until the `with` block ends."""
    peak, stop = PeakMemory(), threading.Event()

    def sample() -> None:
        own = psutil.Process()
        while not stop.wait(_EVERY_SECONDS):
            for process in [own, *own.children(recursive=True)]:
                try:
                    used, name = process.memory_info().rss, process.name()
                except psutil.NoSuchProcess:
                    continue
                if used > peak.largest_bytes:
                    peak.largest_bytes, peak.largest_name = used, name

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        stop.set()
        sampler.join()
