"""The refine job's runs, through Glue: which have started, and starting one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

# States in which a run has read, or will read, everything that was there when it started. STOPPING, FAILED, TIMEOUT,
# ERROR and EXPIRED promise nothing, nor does WAITING: Glue gives up a queued run after 15 minutes.
COVERING_STATES = frozenset({"STARTING", "RUNNING", "SUCCEEDED"})

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

# Newest first. A covering run behind so many newer ones is missed, and then one run too many starts: nothing is lost.
RUNS_LOOKED_AT = 50


class RunRefusedError(Exception):
    """Glue does not serve the call now (a run is on, or it throttles); try again later."""


class RefineRuns:
    """The runs of the Glue job `job_name`, through the boto3 Glue client `glue`."""

    def __init__(self, glue: Any, job_name: str) -> None:
        self._glue = glue
        self._job_name = job_name

    def newest_covering_start(self) -> datetime | None:
        """When the newest run that is starting, running or succeeded began; None, there is none.

        Raises RunRefusedError when Glue throttles, botocore's ClientError for any other error.
        """
        answer = _unless_refused(self._glue.get_job_runs, JobName=self._job_name, MaxResults=RUNS_LOOKED_AT)
        starts = [run["StartedOn"] for run in answer["JobRuns"] if run["JobRunState"] in COVERING_STATES]
        return max(starts, default=None)

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
