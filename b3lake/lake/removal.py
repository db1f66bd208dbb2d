"""How much may leave a lake at once without somebody saying so.

>>> removed_unasked(25_000)
1250
"""

REMOVED_UNASKED = 100
"""So many are removed without being told, however small the lake is."""
MAX_REMOVED_SHARE = 0.05
"""So large a share of what is there."""


def removed_unasked(total: int, share: float = MAX_REMOVED_SHARE) -> int:
    """How many of `total` partitions may go without being told; `share` is from 0 to 1."""
    return max(REMOVED_UNASKED, round(share * total))
