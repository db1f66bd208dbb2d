"""How an emulator tells whoever started it, through its log, which file of a kept lake it would not begin with.

The standard library alone: both sides import it, each in its own virtualenv.
"""

from pathlib import Path


class DamagedStateError(Exception):
    """A file of a kept lake cannot be read; the text is its path within the lake's folder."""


_BEGINS = "This is refused: "


def refusal_of(file: str) -> str:
    """The line for the log; `file` is a path within the lake's folder."""
    return f"{_BEGINS}{file}"


def refused_file(log: Path) -> str:
    """The file that a log says was refused, or ""."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.removeprefix(_BEGINS) for line in lines if line.startswith(_BEGINS)), "")
