"""The back-off that all threads share which ask one server."""

import random
import threading
import time

from b3lake.ingest.sources.http_get import BackOff


class SharedBackOff:
    """When the server refuses one request, all threads wait, longer each time, with jitter."""

    def __init__(self, back_off: BackOff) -> None:
        self._back_off = back_off
        self._free_at = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def wait(self) -> None:
        """Sleep until requests are welcome again. Raises InterruptedError after `stop`."""
        with self._lock:
            seconds = self._free_at - time.monotonic()
        if self._stopped.wait(max(0.0, seconds)):
            raise InterruptedError("the run was stopped")

    def refused(self, attempt: int) -> None:
        """Note that attempt number `attempt` (from 0) was refused."""
        ceiling = min(self._back_off.longest_seconds, self._back_off.first_seconds * 2**attempt)
        seconds = random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic() + seconds)

    def stop(self) -> None:
        """Let nobody wait any longer, nor ask: an interrupted run would wait for its threads, minutes maybe."""
        self._stopped.set()
