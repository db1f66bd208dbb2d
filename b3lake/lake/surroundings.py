"""Checks what surrounds a command before it does anything: what the environment says of AWS, and the clock.

>>> check_aws_settings({"AWS_ENDPOINT_URL": "nowhere"})
Traceback (most recent call last):
    ...
b3lake.lake.errors.UsageError: AWS_ENDPOINT_URL=nowhere is no address: write it like http://127.0.0.1:4566.
"""

import datetime as dt
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from b3lake.lake.errors import UsageError

_FIRST_YEAR, _LAST_YEAR = 1994, 2262
_ENDPOINTS = "AWS_ENDPOINT_URL"
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d{1,2}")


def check_aws_settings(environ: Mapping[str, str]) -> None:
    """Raises UsageError for an endpoint (of any service) that is no address, and for a region that none is called."""
    for name, text in environ.items():
        if name.startswith(_ENDPOINTS) and text and not _is_address(text):
            raise UsageError(f"{name}={text} is no address: write it like http://127.0.0.1:4566.")
        if name in _REGIONS and text and not _REGION.fullmatch(text):
            raise UsageError(f"{name}={text} is no region: write it like us-east-1.")


def check_clock(now: dt.datetime) -> None:
    """Raises UsageError for a time before the first session of the real, or after what a nanosecond's count reaches."""
    if not _FIRST_YEAR < now.year < _LAST_YEAR:
        raise UsageError(f"The clock of this machine says {now:%Y-%m-%d}: set it, and run again.")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, a port that is none
        return False
