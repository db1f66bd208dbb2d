"""The back-off that all threads share which ask one server."""

import logging
import random
import threading
import time

from b3lake.ingest.sources.http_get import BackOff

_LOG = logging.getLogger(__name__)


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

    def refused(self, attempt: int, cause: str) -> None:
        """Note that attempt number `attempt` (from 0) was refused, by `cause`; a wait that begins is logged."""
        ceiling = min(self._back_off.longest_seconds, self._back_off.first_seconds * 2**attempt)
        seconds = random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret
        with self._lock:
            now = time.monotonic()
            begins, self._free_at = now >= self._free_at, max(self._free_at, now + seconds)
        if begins and attempt + 1 < self._back_off.attempts:
            _LOG.warning(f"{cause}; try {attempt + 2} of {self._back_off.attempts} in {seconds:.1f} s")

    def stop(self) -> None:
        """Let nobody wait any longer, nor ask: an interrupted run would wait for its threads, minutes maybe."""
        self._stopped.set()
