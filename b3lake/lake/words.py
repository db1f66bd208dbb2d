"""Counts in sentences, and words of strangers.

>>> counted(1, "bar"), counted(0, "bar"), counted(25_200, "bar")
('1 bar', '0 bars', '25,200 bars')
>>> sized(35_960), sized(2_100_000)
('36.0 kB', '2.1 MB')
>>> printable("raw/b3/\\x1b[2J")
'raw/b3/\\\\x1b[2J'
"""

import re

_DEBUG = re.compile(r"\n\nDebug source")
"""From here on an error's text is the object library's debugging output."""
_CODE_OF_XML, _MESSAGE_OF_XML = re.compile(r"<Code>([^<]+)</Code>"), re.compile(r"<Message>([^<]+)</Message>")


def counted(count: int, noun: str) -> str:
    """So many of `noun`, a word whose plural takes an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sized(number: int) -> str:
    """So many bytes in the unit in which they are not nothing: `36.0 kB`, `2.1 MB`."""
    unit, size = next(((unit, size) for unit, size in (("GB", 1e9), ("MB", 1e6)) if number >= size), ("kB", 1e3))
    return f"{number / size:,.1f} {unit}"


def printable(text: str) -> str:
    """`text` for a terminal or a log: what is no visible character is written as Python escapes it."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def first_line(error: BaseException) -> str:
    """The first line of an error's text without a colon at its end, or the error's name where it has no text.

    Of S3's XML it is the code and the message.
    """
    text = _DEBUG.split(str(error))[0].strip()
    if code := _CODE_OF_XML.search(text):
        message = _MESSAGE_OF_XML.search(text)
        text = f"{code[1]}: {message[1]}" if message else code[1]
    line = next((line.strip() for line in text.splitlines() if line.strip(" :.\t")), "")
    return printable(line.rstrip(" :")) or type(error).__name__
