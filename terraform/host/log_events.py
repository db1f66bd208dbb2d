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
# One event takes 256 KiB; a longer message is cut.
MAX_MESSAGE_BYTES = 262_144 - EVENT_OVERHEAD_BYTES
CUT = " ... (cut)"

LogEvent = Dict[str, Union[int, str]]  # noqa: UP006, UP007


def message_of(entry: object) -> str:
    """The text of a journal entry; empty where it has none."""
    message = entry.get("MESSAGE") if isinstance(entry, dict) else None
    if isinstance(message, list):
        # Bytes are given as numbers where they are not plain text, and a field that is there twice as a list of both.
        if all(isinstance(part, int) for part in message):
            message = bytes(message).decode("utf-8", "replace")
        else:
            message = "\n".join(message_of({"MESSAGE": part}) for part in message)
    text = message.encode("utf-8", "replace") if isinstance(message, str) else b""
    if len(text) > MAX_MESSAGE_BYTES:
        return text[: MAX_MESSAGE_BYTES - len(CUT)].decode("utf-8", "ignore") + CUT
    return text.decode("utf-8")


def to_log_events(lines: Iterable[str]) -> List[LogEvent]:  # noqa: UP006
    """The newest entries that fit in one call, oldest first; `timestamp` is in milliseconds since 1970.

    An entry that cannot be read, or has no text, is left out: CloudWatch Logs refuses an empty message.
    """
    events: List[LogEvent] = []  # noqa: UP006
    for line in lines:
        try:
            entry = json.loads(line)
            message = message_of(entry)
            timestamp = int(entry["__REALTIME_TIMESTAMP"]) // 1000
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if message:
            events.append({"timestamp": timestamp, "message": message})
    size, kept = 0, 0
    for event in reversed(events[-MAX_EVENTS:]):
        size += len(str(event["message"]).encode()) + EVENT_OVERHEAD_BYTES
        if size > MAX_BYTES:
            break
        kept += 1
    return events[len(events) - kept :]


if __name__ == "__main__":
    json.dump(to_log_events(sys.stdin), sys.stdout)
