"""`make clean`: deletes what the lake left on this machine, once the person said so (YES=1: without asking)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from devlake.tell import told

LEFT = (".lake", ".aws-sam")
PYTHON = ".venvs/tech/bin/python"


def main() -> int:
    """Returns the exit code: 1 where there is nobody to ask, and nothing was deleted."""
    left = [name for name in LEFT if Path(name).exists()]
    if not left:
        print(told("There is nothing to remove."))
        return 0
    sizes = subprocess.check_output(["du", "-sh", *left], universal_newlines=True)
    named = ", ".join("{1} ({0})".format(*line.split("\t")) for line in sizes.splitlines())
    if os.environ.get("YES") != "1":
        print(told(f"This ends the lake, and deletes it with its fetched quotes: {named}."), flush=True)
        if not sys.stdin.isatty():
            error = told("Nobody is there to ask, and nothing was deleted: give YES=1.")
            sys.stderr.write(f"{told('error:')} {error}\n")
            return 1
        if not _agreed():
            print(told("Nothing was deleted."))
            return 0
    if os.access(PYTHON, os.X_OK):
        subprocess.call([PYTHON, "-m", "devlake", "down"], stdout=subprocess.DEVNULL)
    for name in left:
        shutil.rmtree(name)
    print(told(f"Deleted: {named}."))
    return 0


def _agreed() -> bool:
    try:
        return input(told("Delete? [y/N] ")).lower().startswith(("y", "s"))
    except (EOFError, KeyboardInterrupt):  # Ctrl-D and Ctrl-C are a no
        print()
        return False


if __name__ == "__main__":
    sys.exit(main())
