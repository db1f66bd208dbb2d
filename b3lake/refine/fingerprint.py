"""Fingerprints in 64 bits: of one object, and of all that a refined object was computed from."""

import hashlib
from collections.abc import Sequence

import numpy as np

MOVING_AVERAGE_DATES = 5
RULES = 1
"""Raised whenever the same bars would give other rows: every refined object is then stale."""


def plain_etag(etag: str | None) -> str:
    """An ETag without its quotes, which some answers have and others have not."""
    return (etag or "").strip('"')


def tag_of(etag: str) -> int:
    """64 bits that stand for an ETag; never 0, which stands for no object."""
    return int.from_bytes(hashlib.blake2b(etag.encode(), digest_size=8).digest(), "big", signed=True) or 1


def digest(window: Sequence[np.ndarray], refined: np.ndarray) -> np.ndarray:
    """What a refined object was computed from, in 64 bits: the tags of its raw object and of the four before it (0 for
    none), its own tag, and the rules. All arrays are int64 of one length."""
    mixed = np.full(len(refined), RULES, np.uint64)
    for tags in (*window, refined):
        mixed ^= tags.astype(np.int64).view(np.uint64)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed.view(np.int64)
