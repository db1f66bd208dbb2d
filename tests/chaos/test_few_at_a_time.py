"""A run of the job meets a few faults, and one after a failed run none that ends it."""

from devlake.aws_requests import AwsRequest
from devlake.proxy import Proxy, Rule
from tests.chaos.faults import Fault, JobFault, Kind, RequestFault
from tests.chaos.few_at_a_time import AT_ONCE, FewAtATime

MANY = 3 * AT_ONCE
GET = AwsRequest("s3", "GetObject")


def _armed(proxy: Proxy) -> list[int]:
    return [rule.skip for rule in proxy.rules]


def _waiting(proxy: Proxy, *kinds: Kind) -> FewAtATime:
    """One rule for each of `kinds`, told apart by the requests that it skips."""
    waiting = FewAtATime(proxy)
    for number, kind in enumerate(kinds):
        waiting.add(Fault(kind, after=number, count=1, seed=0), Rule(skip=number))
    return waiting


def test_a_run_meets_the_first_few() -> None:
    proxy = Proxy("")
    waiting = _waiting(proxy, *[RequestFault.S3_LATE] * MANY)
    waiting.arm(calm=False)
    assert _armed(proxy) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_what_a_run_did_not_meet_comes_first_in_the_next() -> None:
    proxy = Proxy("")
    waiting = _waiting(proxy, *[RequestFault.S3_LATE] * MANY)
    waiting.arm(calm=False)
    for _ in range(3):
        proxy.meet(GET)
    waiting.arm(calm=False)
    assert _armed(proxy) == [0, 1, 2, 3, 4, 8, 9, 10], "five that have counted three requests, and three new ones"


def test_a_calm_run_meets_nothing_that_ends_it_and_the_next_one_does() -> None:
    proxy = Proxy("")
    waiting = _waiting(proxy, JobFault.KILLED, RequestFault.S3_LATE, RequestFault.GLUE_DROPPED, JobFault.RAW_CORRUPTED)
    waiting.arm(calm=True)
    assert _armed(proxy) == [1, 3]
    waiting.arm(calm=False)
    assert _armed(proxy) == [0, 1, 2, 3]
