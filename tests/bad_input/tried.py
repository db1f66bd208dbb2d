"""One bad input that was tried, and how tables of them are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devlake import paths

DOCUMENT = paths.ROOT / "docs" / "reliability.md"
HEADER = "| given | what came out | written |\n|---|---|---|\n"


@dataclass(frozen=True)
class Tried:
    """One input: what was given, what came out, and what was written."""

    given: str
    came_out: str
    written: str


def as_table(tried: Iterable[Tried]) -> str:
    """A Markdown table."""
    return HEADER + "".join(f"| {_cell(one.given)} | {_cell(one.came_out)} | {one.written} |\n" for one in tried)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def agree(area: str, tried: Sequence[Tried], *, rewrite: bool) -> bool:
    """Whether the document's table of `area` is the one of these results; with `rewrite` it becomes it."""
    begin, end = f"<!-- bad input: {area} -->\n", "<!-- end -->"
    document = DOCUMENT.read_text(encoding="utf-8")
    before, found, rest = document.partition(begin)
    assert found, f"{DOCUMENT.name} has no place for {area}: {begin}"
    old, _, after = rest.partition(end)
    if rewrite:
        DOCUMENT.write_text(f"{before}{begin}{as_table(tried)}{end}{after}", encoding="utf-8")
        return True
    return old == as_table(tried)


def mask(text: str, folder: Path) -> str:
    """`text` without what differs from machine to machine."""
    return text.replace(f"{folder}/", "")
