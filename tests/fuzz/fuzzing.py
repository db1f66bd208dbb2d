"""Runs one property over inputs by chance for a number of seconds, and counts them."""

import os
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis.strategies import SearchStrategy

SECONDS = float(os.environ.get("FUZZ_SECONDS", "2"))
EXAMPLES_AT_ONCE = 1000
SLOWEST_SECONDS = 2.0


def fuzz(name: str, inputs: SearchStrategy[Any], holds: Callable[[Any], None]) -> int:
    """Let `holds` judge inputs for SECONDS, none for longer than SLOWEST_SECONDS; returns how many there were.

    A failing input is made small by hypothesis, and raised with what `holds` raised.
    """
    count, slowest = 0, 0.0

    def judge(one: Any) -> None:
        nonlocal count, slowest
        started = time.process_time()  # of the processor: the machine may be busy with other things
        holds(one)
        took = time.process_time() - started
        assert took < SLOWEST_SECONDS, f"this took {took:.1f} s of the processor"
        count, slowest = count + 1, max(slowest, took)

    examples = EXAMPLES_AT_ONCE if SECONDS > 10 else 200
    started, batch = time.monotonic(), 0
    first = time.time_ns() if SECONDS > 10 else 0  # always the same inputs in `make test`, ever new ones in `make fuzz`
    while time.monotonic() - started < SECONDS:
        quiet = settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        hypothesis_seed(first + batch)(quiet(given(inputs)(judge)))()
        batch += 1
    print(f"\n{name}: {count:,} inputs in {time.monotonic() - started:.0f} s, the slowest {slowest * 1000:.0f} ms")
    return count
