"""Fingerprints in 64 bits: of one object, and of all that a refined object was computed from."""

import hashlib
from collections.abc import Sequence

import numpy as np


def plain_etag(etag: str | None) -> str:
    """An ETag without its quotes, which some answers have and others have not."""
    return (etag or "").strip('"')


def tag_of(text: str) -> int:
    """64 bits that stand for an ETag, or for another text; never 0, which stands for no object."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True) or 1


def digest(rule: int, window: Sequence[np.ndarray], refined: np.ndarray) -> np.ndarray:
    """Tell in 64 bits what refined objects were computed from: the rule's tag, the tags of the raw objects (each one's
    own and those of the trade dates before it, 0 for none), and the refined object's own. All are int64, of one length.
    """
    mixed = np.full(len(refined), rule, np.int64).view(np.uint64)
    for tags in (*window, refined):
        mixed ^= tags.astype(np.int64).view(np.uint64)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed.view(np.int64)
