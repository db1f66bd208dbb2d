"""The refine job's runs, through Glue: how the newest fared, and starting one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError

UNDER_WAY = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})
SUCCEEDED = "SUCCEEDED"
TRIES = 2
"""After so many runs in a row that did not succeed, an event that had one of them is not given another: then the cause
is not one that passes by itself, the alarm has told of it, and the next event or a person starts the job."""

NARROWING = frozenset({"--tickers", "--start_date", "--end_date"})
"""Arguments of the job with which a run refines some of the lake only."""

# Glue says "not now": the same call may well succeed later, so nobody needs to be told.
REFUSALS = frozenset(
    {
        "ConcurrentRunsExceededException",
        "ResourceNumberLimitExceededException",
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "OperationTimeoutException",
        "InternalServiceException",
        "ServiceUnavailable",
    }
)

# Newest first. A successful run behind so many newer ones is missed, and then one run too many starts: nothing is lost.
RUNS_LOOKED_AT = 50


class RunRefusedError(Exception):
    """Glue does not serve the call now (a run is on, or it throttles); try again later."""


class Need(Enum):
    """How an event stands to the job's runs."""

    SERVED = "a run that started after it succeeded"
    WAIT = "a run is on"
    RUN = "it needs a run"
    GIVEN_UP = "it had a run, and the newest runs failed"


@dataclass(frozen=True)
class Run:
    """One run of the job: when it started (aware), Glue's word for how it fares, whether it is of the whole lake."""

    started: datetime
    state: str
    is_whole: bool = True


def need_of(event: datetime, runs: Sequence[Run]) -> Need:
    """How an event of the time `event` stands to `runs`, newest first.

    A run that started after an event read the object, or found it gone. One that started at the same time proves
    nothing, since equal times prove no order; nor does one for some tickers or days, which may have passed it by.
    """
    whole = [run for run in runs if run.is_whole]
    later = [run for run in whole if run.started > event]
    if any(run.state == SUCCEEDED for run in later):
        return Need.SERVED
    if any(run.state in UNDER_WAY for run in runs):
        return Need.WAIT
    if later and _failed_in_a_row(whole) >= TRIES:
        return Need.GIVEN_UP
    return Need.RUN


def _failed_in_a_row(runs: Sequence[Run]) -> int:
    """How many of the newest of `runs`, none of which is under way, did not succeed."""
    return next((number for number, run in enumerate(runs) if run.state == SUCCEEDED), len(runs))


class RefineRuns:
    """The runs of the Glue job `job_name`, through the boto3 Glue client `glue`."""

    def __init__(self, glue: Any, job_name: str) -> None:
        self._glue = glue
        self._job_name = job_name

    def newest(self) -> list[Run]:
        """The newest runs, newest first.

        Raises RunRefusedError when Glue throttles, botocore's ClientError for any other error.
        """
        answer = _unless_refused(self._glue.get_job_runs, JobName=self._job_name, MaxResults=RUNS_LOOKED_AT)
        runs = [
            Run(run["StartedOn"], run["JobRunState"], NARROWING.isdisjoint(run.get("Arguments", {})))
            for run in answer["JobRuns"]
        ]
        return sorted(runs, key=lambda run: run.started, reverse=True)

    def start(self) -> str:
        """Start a run; returns its id.

        Raises RunRefusedError when a run is on or Glue throttles, botocore's ClientError for any other error.
        """
        return str(_unless_refused(self._glue.start_job_run, JobName=self._job_name)["JobRunId"])


def _unless_refused(call: Callable[..., Any], **arguments: Any) -> Any:
    try:
        return call(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in REFUSALS:
            raise RunRefusedError(code) from error
        raise
