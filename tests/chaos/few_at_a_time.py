"""Arms a proxy with a few faults for each run of a program: a run that meets all of them at once meets little else."""

from devlake.proxy import Proxy, Rule
from tests.chaos.faults import Fault, JobFault, Kind, RequestFault

AT_ONCE = 8
ENDS_A_RUN: frozenset[Kind] = frozenset(
    {
        JobFault.KILLED,
        JobFault.TERMINATED,
        RequestFault.S3_CREDENTIALS_EXPIRED,
        RequestFault.S3_REFUSES,
        RequestFault.LISTING_AN_ERROR,
        RequestFault.LISTING_A_PAGE,
        RequestFault.LISTING_EMPTY,
        RequestFault.LISTING_SHORT,
        RequestFault.GLUE_THROTTLED,
        RequestFault.GLUE_SERVER_ERROR,
        RequestFault.GLUE_DROPPED,
        RequestFault.GLUE_ANSWER_LOST,
    }
)
"""Faults that may fail a run of the job (it tries a call to Glue three times); the next run repairs what it left."""


class FewAtATime:
    """The faults that wait for runs of the program behind `proxy`, in the order in which they were added."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._waiting: list[tuple[Fault, Rule]] = []

    def add(self, fault: Fault, rule: Rule) -> None:
        self._waiting.append((fault, rule))

    def arm(self, *, calm: bool) -> None:
        """Put AT_ONCE faults before the next run, those first that the last one did not meet.

        A `calm` run meets none that ends it: so it comes to see what the others did to the lake.
        """
        self._proxy.forget_rules()
        self._waiting = [(fault, rule) for fault, rule in self._waiting if rule.count > 0]
        fit = [rule for fault, rule in self._waiting if not (calm and fault.kind in ENDS_A_RUN)]
        for rule in fit[:AT_ONCE]:
            self._proxy.add(rule)
