"""Decides which events need a run of the refine job: one run serves every event before its start."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from .refine_runs import RunRefusedError
from .s3_events import read_events

log = logging.getLogger(__name__)


class Runs(Protocol):
    """What is asked of Glue; see refine_runs.RefineRuns."""

    def newest_covering_start(self) -> datetime | None: ...
    def start(self) -> str: ...


@dataclass(frozen=True)
class _Message:
    """A queued message and the time of the newest raw object event in it."""

    id: str
    newest: datetime


def start_for_event(document: Any, runs: Runs) -> dict[str, Any]:
    """Start a run for a bare S3 event; returns {"job_run_id": id, or None where no raw object changed, "objects": n}.

    Raises MalformedEventError, RunRefusedError and botocore's errors: whoever invoked the function tries again.
    """
    events = read_events(document)
    job_run_id = runs.start() if events else None
    log.info("Bare event.", extra={"objects": len(events), "job_run_id": job_run_id})
    return {"job_run_id": job_run_id, "objects": len(events)}


def start_for_messages(records: Sequence[dict[str, Any]], runs: Runs) -> dict[str, list[dict[str, str]]]:
    """Start at most one run for a batch of SQS records; returns the batch's item failures, as Lambda wants them.

    A message is acknowledged when it concerns no raw object, when a run that started after its newest event is
    starting, running or succeeded, or when a run was started for it here. Messages that Glue refuses a run for go
    back to the queue, and so do malformed ones, which end in the dead-letter queue. Raises botocore's errors other
    than refusals; the whole batch then goes back.
    """
    messages, malformed = _read_messages(records)
    refused = _start_unless_covered(messages, runs) if messages else []
    log.info(
        "Batch served.", extra={"messages": len(records), "back_to_queue": len(refused), "malformed": len(malformed)}
    )
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in [*refused, *malformed]]}


def _read_messages(records: Sequence[dict[str, Any]]) -> tuple[list[_Message], list[str]]:
    """The messages that concern raw objects, and the ids of those that cannot be read."""
    messages, malformed = [], []
    for record in records:
        try:
            events = read_events(json.loads(record["body"]))
        # Too deep a nesting is a RecursionError, too long a number a plain ValueError: neither may fail the batch.
        except (ValueError, RecursionError) as error:
            log.warning("Malformed message: %s", error, extra={"message_id": record["messageId"]})
            malformed.append(record["messageId"])
            continue
        if events:
            messages.append(_Message(record["messageId"], max(event.time for event in events)))
    return messages, malformed


def _start_unless_covered(messages: list[_Message], runs: Runs) -> list[str]:
    """Start a run if any message needs one; returns the ids of those that are left without."""
    uncovered = messages
    try:
        start = runs.newest_covering_start()
        uncovered = [message for message in messages if start is None or start <= message.newest]
        if uncovered:
            log.info("Run started.", extra={"job_run_id": runs.start(), "messages": len(uncovered)})
    except RunRefusedError as refusal:
        log.info("No run now.", extra={"cause": str(refusal), "messages": len(uncovered)})
        return [message.id for message in uncovered]
    return []
