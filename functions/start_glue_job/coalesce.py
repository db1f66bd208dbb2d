"""Decides which events need a run of the refine job: one run serves every event before its start.

An event is acknowledged when a run of the whole lake that started after it has succeeded (one for some tickers or days
serves none), and not before: until then its message stays in the queue, so that a run that fails, times out or is
stopped leaves nothing behind that nobody remembers.
"""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from .refine_runs import Need, Run, RunRefusedError, need_of
from .s3_events import read_events

log = logging.getLogger(__name__)


class Runs(Protocol):
    """The questions to Glue; see refine_runs.RefineRuns."""

    def newest(self) -> list[Run]: ...
    def start(self) -> str: ...


@dataclass(frozen=True)
class _Message:
    """A queued message and the time of the newest raw object event in it."""

    id: str
    newest: datetime


def start_for_event(document: Any, runs: Runs, raw_prefix: str) -> dict[str, Any]:
    """Start a run for a bare S3 event; returns {"job_run_id": id, or None where no raw object changed, "objects": n}.

    Raises MalformedEventError, RunRefusedError and botocore's errors: whoever invoked the function tries again.
    """
    events = read_events(document, raw_prefix)
    job_run_id = runs.start() if events else None
    log.info("Bare event.", extra={"objects": len(events), "job_run_id": job_run_id})
    return {"job_run_id": job_run_id, "objects": len(events)}


def start_for_messages(
    records: Sequence[dict[str, Any]], runs: Runs, raw_prefix: str
) -> dict[str, list[dict[str, str]]]:
    """Start at most one run for a batch of SQS records; returns the batch's item failures, as Lambda wants them.

    A message is acknowledged when it concerns no raw object, or when a run that started after its newest event has
    succeeded. All others go back to the queue: they wait for the run that was started for them here or before, for Glue
    to take one, or, when the newest runs failed and theirs is among them, for somebody to repair the cause. Malformed
    ones end in the dead-letter queue. Raises botocore's errors other than refusals; the whole batch then goes back.
    """
    messages, malformed = _read_messages(records, raw_prefix)
    waiting = _start_where_needed(messages, runs) if messages else []
    log.info(
        "Batch served.", extra={"messages": len(records), "back_to_queue": len(waiting), "malformed": len(malformed)}
    )
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in [*waiting, *malformed]]}


def _read_messages(records: Sequence[dict[str, Any]], raw_prefix: str) -> tuple[list[_Message], list[str]]:
    """The messages that concern raw objects, and the ids of those that cannot be read."""
    messages, malformed = [], []
    for record in records:
        try:
            events = read_events(json.loads(record["body"]), raw_prefix)
        # Too deep a nesting is a RecursionError, too long a number a plain ValueError: neither may fail the batch.
        except (ValueError, RecursionError) as error:
            log.warning("Malformed message: %s", error, extra={"message_id": record["messageId"]})
            malformed.append(record["messageId"])
            continue
        if events:
            messages.append(_Message(record["messageId"], max(event.time for event in events)))
    return messages, malformed


def _start_where_needed(messages: list[_Message], runs: Runs) -> list[str]:
    """Start a run if any message needs one; returns the ids of those that no successful run has served yet."""
    try:
        newest = runs.newest()
    except RunRefusedError as refusal:
        log.info("Glue tells no runs now.", extra={"cause": str(refusal), "messages": len(messages)})
        return [message.id for message in messages]
    needs = {message.id: need_of(message.newest, newest) for message in messages}
    counts = Counter(needs.values())
    if counts[Need.GIVEN_UP]:
        log.warning(
            "The newest runs failed: their events wait until one succeeds. See the job's log.",
            extra={"messages": counts[Need.GIVEN_UP]},
        )
    if counts[Need.RUN]:
        try:
            log.info("Run started.", extra={"job_run_id": runs.start(), "messages": counts[Need.RUN]})
        except RunRefusedError as refusal:
            log.info("No run now.", extra={"cause": str(refusal), "messages": counts[Need.RUN]})
    return [id_ for id_, need in needs.items() if need is not Need.SERVED]
