"""Reads S3 event documents: which raw objects changed, and when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

RAW_SUFFIX = ".parquet"


class MalformedEventError(ValueError):
    """The document is no S3 event; nothing can be known from it, now or on a later try."""


@dataclass(frozen=True)
class ObjectEvent:
    """A raw object, by its decoded key, was written or removed at `time` (aware)."""

    key: str
    time: datetime


def read_events(document: Any, raw_prefix: str) -> list[ObjectEvent]:
    """The events of raw objects in an S3 event document, in its order.

    S3's test event, keys that do not begin with `raw_prefix` and keys without .parquet (folder markers) are left out.
    Raises MalformedEventError for anything that S3 would not send.
    """
    if isinstance(document, dict) and document.get("Event") == "s3:TestEvent":
        return []
    try:
        events = [_read_record(record) for record in document["Records"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedEventError(f"This is no S3 event: {error!r}.") from error
    return [event for event in events if event.key.startswith(raw_prefix) and event.key.endswith(RAW_SUFFIX)]


def _read_record(record: dict[str, Any]) -> ObjectEvent:
    time = datetime.fromisoformat(record["eventTime"])
    if time.tzinfo is None:
        raise ValueError(f"eventTime {record['eventTime']} has no time zone")
    # S3 sends keys encoded as in a form: dt%3D2024-01-02, and + for a space.
    return ObjectEvent(unquote_plus(record["s3"]["object"]["key"]), time)
