"""Counts in sentences.

>>> counted(1, "bar"), counted(0, "bar"), counted(25_200, "bar")
('1 bar', '0 bars', '25,200 bars')
"""


def counted(count: int, noun: str) -> str:
    """So many of `noun`, a word whose plural takes an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
