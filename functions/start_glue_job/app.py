"""The Lambda function start_glue_job: events of raw objects in, runs of the refine job out."""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from .coalesce import start_for_event, start_for_messages
from .refine_runs import RefineRuns

# Two calls of at most two tries fit in the function's 30 seconds.
CLIENT_CONFIG = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})


@dataclass(frozen=True)
class Settings:
    """What the environment says: the Glue job to start."""

    refine_job_name: str

    @classmethod
    def from_environment(cls) -> "Settings":
        """Raises ValueError when REFINE_JOB_NAME is not set."""
        name = os.environ.get("REFINE_JOB_NAME", "")
        if not name:
            raise ValueError("REFINE_JOB_NAME is not set: it names the Glue job to start.")
        return cls(name)


@cache
def _runs() -> RefineRuns:
    """Kept between invocations: building a client costs more than the calls."""
    return RefineRuns(boto3.client("glue", config=CLIENT_CONFIG), Settings.from_environment().refine_job_name)


def lambda_handler(event: Any, _context: object) -> dict[str, Any]:
    """Serve a batch of SQS records, each with an S3 event as its body, or one bare S3 event."""
    if _is_from_queue(event):
        return start_for_messages(event["Records"], _runs())
    return start_for_event(event, _runs())


def _is_from_queue(event: Any) -> bool:
    try:
        return bool(event["Records"][0]["eventSource"] == "aws:sqs")
    except (KeyError, IndexError, TypeError):
        return False
