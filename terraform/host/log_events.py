"""Turns journal entries (`journalctl --output json`, one object a line) into what `aws logs put-log-events` takes.

Only the standard library, and Python 3.9, the host's own: a run whose virtualenv is broken must still be told of.
"""

import json
import sys
from typing import Dict, Iterable, List, Union  # noqa: UP035

# One call takes 10,000 events and 1 MiB, counted as the message's bytes and 26 more for each event.
MAX_EVENTS = 10_000
MAX_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26

LogEvent = Dict[str, Union[int, str]]  # noqa: UP006, UP007


def to_log_events(lines: Iterable[str]) -> List[LogEvent]:  # noqa: UP006
    """The newest entries that fit in one call, oldest first; `timestamp` is in milliseconds since 1970."""
    events: List[LogEvent] = []  # noqa: UP006
    for line in lines:
        entry = json.loads(line)
        message = entry["MESSAGE"]
        if isinstance(message, list):  # the journal gives bytes as numbers where they are not plain text
            message = bytes(message).decode("utf-8", "replace")
        if message:  # CloudWatch Logs refuses an empty message
            events.append({"timestamp": int(entry["__REALTIME_TIMESTAMP"]) // 1000, "message": message})
    size, kept = 0, 0
    for event in reversed(events[-MAX_EVENTS:]):
        size += len(str(event["message"]).encode()) + EVENT_OVERHEAD_BYTES
        if size > MAX_BYTES:
            break
        kept += 1
    return events[len(events) - kept :]


if __name__ == "__main__":
    json.dump(to_log_events(sys.stdin), sys.stdout)
