"""One GET of a public service: a descriptive User-Agent, bounded in time and in size, repeated with back-off."""

import http.client
import logging
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TypeVar

import tenacity

from b3lake.lake.errors import B3LakeError

USER_AGENT = f"b3-lake/{version('b3-lake')} (a data lake of B3's daily quotes)"
"""Both B3 and the central bank refuse some requests that do not say who asks."""
_CHUNK = 1 << 16

_LOG = logging.getLogger(__name__)
"""Where a wait is told before it begins: a terminal that stays silent for a minute looks as though it hung."""

T = TypeVar("T")
Response = http.client.HTTPResponse | urllib.error.HTTPError


@dataclass(frozen=True)
class BackOff:
    """How often a request is tried, how long is waited in between (doubled each time, with jitter), and for it.

    Each part of an answer may take `timeout_seconds`, the whole of it `whole_seconds`, and have `largest_bytes`.
    """

    attempts: int = 5
    first_seconds: float = 1.0
    longest_seconds: float = 30.0
    timeout_seconds: float = 30.0
    whole_seconds: float = 120.0
    largest_bytes: int = 32 << 20


PATIENT = BackOff()


@dataclass(frozen=True)
class Answer:
    """An answer of a service: status, media type (lower case, without parameters) and the whole body."""

    status: int
    media_type: str
    body: bytes

    @property
    def is_markup(self) -> bool:
        """Whether it is a page or XML, whatever it says that it is."""
        return self.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


class PassingError(Exception):
    """An answer that is no good, where another try may get a better one; the text says what came."""


class ServiceError(B3LakeError):
    """A public service did not give what it was asked for, however often."""


class UnreachableError(ServiceError):
    """Nobody answers there at all: whatever else would be asked of the same server would fail too."""


def nobody_answered(error: BaseException) -> bool:
    """Whether `error` was raised from an UnreachableError."""
    return isinstance(error.__cause__, UnreachableError)


def get(url: str, read: Callable[[Answer], T], back_off: BackOff = PATIENT) -> T:
    """Ask `url` and return what `read` makes of the answer, whatever its status but those that are tried again.

    A refused or broken connection, 429, 5xx, and whatever answer `read` raises PassingError for are tried again.
    Raises ServiceError with the last cause when all attempts failed (UnreachableError when nobody answered), at once
    when the certificate cannot be verified or there is no such host; other errors of `read` come through.
    """

    def ask() -> T:
        with opened(url, "application/json", back_off.timeout_seconds) as response:
            body = b"".join(parts(response, back_off))
            return read(Answer(response.status or 0, response.headers.get_content_type(), body))

    return repeated(ask, urllib.parse.urlsplit(url).hostname or url, back_off)


def repeated(ask: Callable[[], T], name: str, back_off: BackOff = PATIENT) -> T:
    """Return what `ask` returns, calling it again after a PassingError, OSError or HTTPException, at most so often.

    Each wait is logged, and who is waited for: `name`. Raises ServiceError with the last cause (UnreachableError when
    nobody answered); other errors of `ask` come through at once.
    """

    def tell(state: tenacity.RetryCallState) -> None:
        error, seconds = (state.outcome.exception() if state.outcome else None), state.upcoming_sleep
        if isinstance(error, Exception):
            number, of = state.attempt_number + 1, back_off.attempts
            _LOG.warning(f"{name}: {_cause(error)}; try {number} of {of} in {seconds:.1f} s")

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        stop=tenacity.stop_after_attempt(back_off.attempts),
        wait=tenacity.wait_random_exponential(multiplier=back_off.first_seconds, max=back_off.longest_seconds),
        before_sleep=tell,
        reraise=True,
    )
    try:
        return retrying(ask)
    except (PassingError, OSError, http.client.HTTPException) as error:
        if not _may_pass(error):
            raise UnreachableError(f"{_cause(error)}; check the network and run again") from error
        times = "at the first try" if back_off.attempts == 1 else f"{back_off.attempts} times"
        kind = UnreachableError if isinstance(error, urllib.error.URLError) else ServiceError
        raise kind(f"{_cause(error)}, {times}; run again later") from error


def _may_pass(error: BaseException) -> bool:
    """Whether another try may help: not where the host's name leads nowhere."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME:
        return False
    return isinstance(error, (PassingError, OSError, http.client.HTTPException))


@contextmanager
def opened(url: str, accept: str, timeout_seconds: float) -> Iterator[Response]:
    """The open answer at `url`, whatever its status but 429 and 5xx.

    Raises PassingError for those, ServiceError when the certificate cannot be verified, OSError and HTTPException.
    """
    request = urllib.request.Request(  # noqa: S310 - the address is a setting, not an input
        url, headers={"User-Agent": USER_AGENT, "Accept": accept}
    )
    # Python 3.12 and later would keep the certificates of the first request for all others.
    context = ssl.create_default_context()
    try:
        response: Response = urllib.request.urlopen(request, timeout=timeout_seconds, context=context)  # noqa: S310
    except urllib.error.HTTPError as error:
        response = error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            host = urllib.parse.urlsplit(url).hostname
            raise ServiceError(
                f"the certificate of {host} cannot be verified ({error.reason.verify_message}): "
                "set SSL_CERT_FILE to a file with your network's certificates"
            ) from error
        raise
    with response:
        if response.status == 429 or (response.status or 0) >= 500:
            raise PassingError(f"it answered {response.status}")
        yield response


def parts(response: Response, back_off: BackOff) -> Iterator[bytes]:
    """The body, a part at a time.

    Raises PassingError for one that is too large, TimeoutError for one that does not end, IncompleteRead for one that
    ends too early, and what a broken connection raises.
    """
    deadline, received = time.monotonic() + back_off.whole_seconds, 0
    while part := response.read(_CHUNK):
        received += len(part)
        if received > back_off.largest_bytes:
            raise PassingError(f"its answer is larger than {back_off.largest_bytes >> 20} MB")
        if time.monotonic() > deadline:
            raise TimeoutError("its answer did not end")
        yield part
    length = response.headers.get("Content-Length")  # many tell none
    if length and length.isdecimal() and received < int(length):
        raise http.client.IncompleteRead(b"", int(length) - received)


def _cause(error: Exception) -> str:
    if isinstance(error, PassingError):
        return str(error)
    if isinstance(error, http.client.IncompleteRead):
        return "its answer was cut short"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    said = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return f"it could not be reached ({said.splitlines()[0][:120] if said else type(reason).__name__})"
