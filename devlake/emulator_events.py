"""Brings S3's events to the function at the pace of a large ingestion: ministack's own way takes a whole processor.

- One thread delivers the events in their order; ministack starts a thread for each object.
- A bucket's notification settings are read when they are new; ministack parses their XML for each object.
- Lambda gets a queue's messages in batches as large as its mapping says, gathered for a second (in an account, for as
  long as the mapping says). ministack hands over ten at a time, and reads the whole queue for each ten.

It runs in the virtualenv of the emulator: the standard library and ministack alone.
"""

import contextvars
import queue
import sys
import threading
import time
from functools import lru_cache
from typing import Any

from ministack.services import s3, sqs

GATHER_SECONDS = 1.0
WITHOUT_WINDOW = 10
"""The largest batch that Lambda forms without a batching window."""
SWITCH_SECONDS = 0.001
"""So long whoever answers requests waits at most for a thread that works beside it; Python's own is five times that."""

_deliver = s3._fire_s3_event
_read_settings = lru_cache(s3._parse_notification_config_raw)
_receive_few = sqs._receive_messages_for_esm
_waiting: "queue.SimpleQueue[tuple[contextvars.Context, tuple[Any, ...], dict[str, Any]]]" = queue.SimpleQueue()


def fire(bucket: str, key: str, name: str, *more: Any, **named: Any) -> None:
    """Have an event delivered soon, in the account of the request that it came from."""
    if bucket in s3._bucket_notifications:
        named["sequencer"] = s3._next_event_sequencer(name)
        _waiting.put((contextvars.copy_context(), (bucket, key, name, *more), named))


def settings_of(bucket: str) -> Any:
    """Whom the bucket's events are for, as ministack reads it."""
    return _read_settings(s3._bucket_notifications.get(bucket))


def _deliver_all() -> None:
    while True:
        context, given, named = _waiting.get()
        context.run(_deliver, *given, **named)


def receive_for_mapping(queue_url: str, most: int) -> Any:
    """Receive up to `most` messages for Lambda; none while more may come to be gathered with those that are there."""
    its = sqs._get_q(queue_url)
    if most <= WITHOUT_WINDOW or its["is_fifo"]:
        return _receive_few(queue_url, most)
    with sqs._queues_lock:
        now = time.time()
        visible = [one["visible_at"] for one in its["messages"] if one["visible_at"] <= now]
        if not visible or (len(visible) < most and now - min(visible) < GATHER_SECONDS):
            return []
        sqs._expire_retained(its)
        sqs._dlq_sweep(its)
        return sqs._collect_msgs(its, most, int(its["attributes"]["VisibilityTimeout"]))


def install() -> None:
    """Put these in the place of ministack's."""
    sys.setswitchinterval(SWITCH_SECONDS)
    s3._fire_s3_event_async = fire
    s3._parse_notification_config = settings_of
    sqs._receive_messages_for_esm = receive_for_mapping
    threading.Thread(target=_deliver_all, name="s3-events", daemon=True).start()
