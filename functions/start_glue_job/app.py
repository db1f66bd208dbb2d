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
    """From the environment: the Glue job to start, and what the keys of raw objects begin with."""

    refine_job_name: str
    raw_prefix: str

    @classmethod
    def from_environment(cls) -> "Settings":
        """Raises ValueError when REFINE_JOB_NAME or RAW_PREFIX is not set."""
        return cls(
            _variable("REFINE_JOB_NAME", "it names the Glue job to start"),
            _variable("RAW_PREFIX", "it is what the keys of raw objects begin with"),
        )


def _variable(name: str, meaning: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ValueError(f"{name} is not set: {meaning}. template.yaml sets it.")
    return value


@cache
def _configured() -> tuple[RefineRuns, str]:
    """The job's runs and the raw prefix, kept between invocations: building a client costs more than the calls."""
    settings = Settings.from_environment()
    return RefineRuns(boto3.client("glue", config=CLIENT_CONFIG), settings.refine_job_name), settings.raw_prefix


def lambda_handler(event: Any, _context: object) -> dict[str, Any]:
    """Serve a batch of SQS records, each with an S3 event as its body, or one bare S3 event."""
    runs, raw_prefix = _configured()
    if _is_from_queue(event):
        return start_for_messages(event["Records"], runs, raw_prefix)
    return start_for_event(event, runs, raw_prefix)


def _is_from_queue(event: Any) -> bool:
    try:
        return bool(event["Records"][0]["eventSource"] == "aws:sqs")
    except (KeyError, IndexError, TypeError):
        return False
