"""How a fault that is no damage comes about: the proxy's rule for it, the end of a program, an error of Glue's."""

from collections.abc import Callable

from devlake import proxy
from devlake.proxy import Rule
from tests.chaos.faults import Fault, IngestionFault, JobFault, Kind, RequestFault, RunFault

SPOILT_ANSWERS: dict[Kind, tuple[str, proxy.Fault]] = {
    RequestFault.S3_SERVER_ERROR: ("s3", proxy.Fault.SERVER_ERROR),
    RequestFault.S3_SLOW_DOWN: ("s3", proxy.Fault.SLOW_DOWN),
    RequestFault.S3_DROPPED: ("s3", proxy.Fault.DROPPED),
    RequestFault.S3_ANSWER_LOST: ("s3", proxy.Fault.ANSWER_LOST),
    RequestFault.S3_ANSWER_CUT: ("s3", proxy.Fault.ANSWER_CUT),
    RequestFault.S3_LATE: ("s3", proxy.Fault.LATE),
    RequestFault.S3_HANGS: ("s3", proxy.Fault.HANGING),
    RequestFault.S3_CREDENTIALS_EXPIRED: ("s3", proxy.Fault.EXPIRED_CREDENTIALS),
    RequestFault.GLUE_DROPPED: ("glue", proxy.Fault.DROPPED),
    RequestFault.GLUE_ANSWER_LOST: ("glue", proxy.Fault.ANSWER_LOST),
    RequestFault.GLUE_LATE: ("glue", proxy.Fault.LATE),
    RequestFault.GLUE_THROTTLED: ("glue", proxy.Fault.THROTTLED),
    RequestFault.GLUE_SERVER_ERROR: ("glue", proxy.Fault.SERVER_ERROR),
}
LIES: dict[Kind, proxy.Fault] = {
    RequestFault.LISTING_AN_ERROR: proxy.Fault.LISTING_AN_ERROR,
    RequestFault.LISTING_A_PAGE: proxy.Fault.LISTING_A_PAGE,
    RequestFault.LISTING_EMPTY: proxy.Fault.LISTING_EMPTY,
    RequestFault.LISTING_SHORT: proxy.Fault.LISTING_SHORT,
}
"""In place of a listing."""
REFUSALS: dict[Kind, proxy.Fault] = {RequestFault.S3_REFUSES: proxy.Fault.REFUSED}
"""In place of an object."""
ENDINGS: dict[Kind, bool] = {
    IngestionFault.KILLED: True,
    IngestionFault.TERMINATED: False,
    JobFault.KILLED: True,
    JobFault.TERMINATED: False,
}
"""The end of a program before its time; whether nobody asks it."""
RUN_ERRORS: dict[Kind, str] = {
    RunFault.THROTTLED: "ThrottlingException",
    RunFault.DENIED: "AccessDeniedException",
}
# A program makes few requests to Glue, and fewer listings.
GLUE_REQUESTS, LISTINGS = 4, 3


def rule(fault: Fault, *, action: Callable[[], None], on_first: Callable[[], None]) -> Rule:
    """The rule for `fault`; one that spoils no answer sets off `action` in its place."""
    if fault.kind in LIES:
        operation, skip = "ListObjectsV2", fault.after % LISTINGS
        return Rule(LIES[fault.kind], operation=operation, skip=skip, count=fault.count, on_first=on_first)
    if fault.kind in REFUSALS:
        operation, spoilt = "GetObject", REFUSALS[fault.kind]
        return Rule(spoilt, operation=operation, skip=fault.after, count=fault.count, on_first=on_first)
    if fault.kind in SPOILT_ANSWERS:
        service, spoilt = SPOILT_ANSWERS[fault.kind]
        skip = fault.after if service == "s3" else fault.after % GLUE_REQUESTS
        return Rule(spoilt, service=service, skip=skip, count=fault.count, on_first=on_first)
    return Rule(skip=fault.after, action=action, on_first=on_first)
