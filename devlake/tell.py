"""Says what make says in the language of the terminal, a line each: `… | python -m devlake.tell`.

It runs on whatever Python 3 the machine has, before anything is installed: so it uses the standard library alone, and
syntax that Python 3.6 reads. A Python that is too old for the lake says it in English.
"""

import re
import shutil
import sys
import textwrap

try:
    from b3lake.texts.told import told
except ImportError:  # the list of texts is read by tomllib, which came with Python 3.11

    def told(text, language=None):  # type: ignore[no-untyped-def, misc]
        return text


__all__ = ["tell_line", "told"]


def tell_line(line: str, width: int) -> str:
    """One line of make's help, in `width` columns where there are so many: a target and what it does, or a heading."""
    target = re.match(r"( *make \S+ +)(.+)", line)
    if not target:
        return told(line)
    start, does = target.groups()
    return start + ("\n" + " " * len(start)).join(textwrap.wrap(told(does), max(width - len(start), 20)))


if __name__ == "__main__":
    columns = shutil.get_terminal_size((10_000, 24)).columns  # elsewhere than on a terminal, a line stays one
    for text in sys.stdin.buffer.read().decode("utf-8").splitlines():
        sys.stdout.buffer.write((tell_line(text, columns) + "\n").encode("utf-8"))
