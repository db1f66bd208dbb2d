"""An S3 that answers some LIST requests with something else than a listing, and hands on the rest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from devlake.aws_requests import AwsRequest
from devlake.proxy import Answer, Fault, Proxy, serving

ERROR, PAGE, NOTHING = Fault.LISTING_AN_ERROR, Fault.LISTING_A_PAGE, Fault.LISTING_EMPTY


@contextmanager
def lying(endpoint: str, lie: Fault, about: Callable[[str], bool]) -> Iterator[str]:
    """A server before `endpoint` that answers listings of prefixes for which `about` holds with `lie`: its address."""

    def answer(request: AwsRequest) -> Answer | None:
        is_meant = request.operation == "ListObjectsV2" and about(request.prefix)
        return Answer.of_lie(lie) if is_meant else None

    with serving(Proxy(endpoint, intercept=answer)) as url:
        yield url
