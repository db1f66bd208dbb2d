"""Counts in sentences, and words of strangers.

>>> counted(1, "bar"), counted(0, "bar"), counted(25_200, "bar")
('1 bar', '0 bars', '25,200 bars')
>>> printable("raw/b3/\\x1b[2J")
'raw/b3/\\\\x1b[2J'
"""


def counted(count: int, noun: str) -> str:
    """So many of `noun`, a word whose plural takes an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def printable(text: str) -> str:
    """`text` for a terminal or a log: what is no visible character is written as Python escapes it."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
