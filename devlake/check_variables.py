"""Refuses variables that a make target does not take: `make ingest TICKER=PETR4` would quietly do something else.

The Makefile runs it with three lists of words: the targets, the variables given on the command line, and those that the
targets take (`AWS_%` is all that begin with AWS_). It runs on whatever Python 3 the machine has.
"""

from __future__ import annotations

import difflib
import fnmatch
import sys

from devlake.tell import told


def refuse(targets: list[str], given: list[str], taken: list[str]) -> str:
    """One sentence about the first of `given` that is not `taken`; "" where all are."""
    for name in sorted(given):
        if any(fnmatch.fnmatchcase(name, known.replace("%", "*")) for known in taken):
            continue
        near = difflib.get_close_matches(name.upper(), taken, 1, 0.6)
        if near:
            advice = f"did you mean {near[0]}?"
        elif taken:
            advice = f"it takes {', '.join(sorted(taken))}."
        else:
            advice = "it takes none."
        return f"{name} is no variable of make {' '.join(targets)}: {advice}"
    return ""


if __name__ == "__main__":
    sentence = refuse(*[words.split() for words in sys.argv[1:4]])
    if sentence:
        sys.stderr.write(f"{told('error:')} {told(sentence)}\n")
        print(told("Nothing was done"))
