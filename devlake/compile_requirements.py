"""Compiles the lists of pyproject.toml into pinned requirements: `make requirements` (UPGRADE=1: the newest of all).

Each file's first line has a digest of the lists that it was made from and of its pins, by which a test finds, without a
package index, a file that is stale or was edited by hand.
"""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib

from devlake import paths

FOLDER = paths.ROOT / "requirements"


@dataclass(frozen=True)
class Target:
    """One file of requirements: the lists that it is made from, by their tables in pyproject.toml.

    `within` names the file whose pins it shares. `python` is the oldest Python that it is for, or with `universal` off
    the only one. With `hashes`, pip takes no other file of a release than those that the index had.
    """

    lists: tuple[str, ...]
    within: str | None = None
    python: str = "3.11"
    universal: bool = True
    hashes: bool = False


HOST = ("project.dependencies", "build-system.requires")
LAPTOP = (*HOST, "project.optional-dependencies.laptop")
DEV = (*LAPTOP, "dependency-groups.dev")
# In this order: a file comes after the one that it is within.
TARGETS = {
    "bench": Target((*DEV, "dependency-groups.bench")),
    "dev": Target(DEV, within="bench"),
    "tech": Target(LAPTOP, within="bench"),
    "notebook": Target((*LAPTOP, "project.optional-dependencies.notebook"), within="bench"),
    "ingest": Target(HOST, within="bench", hashes=True),  # the host installs it as root
    "sam": Target(("dependency-groups.sam",)),
    "ministack": Target(("dependency-groups.ministack",)),
    "audit": Target(("dependency-groups.audit",)),
    "mutate": Target(("dependency-groups.mutate",)),
    "uv": Target(("dependency-groups.uv",)),
    "glue4": Target(("dependency-groups.glue4",), python="3.10", universal=False),
    "glue6": Target(("dependency-groups.glue6",), python="3.13", universal=False),
}


def wanted(name: str) -> list[str]:
    """The requirements that the file `name` is made from, one an entry."""
    project: dict[str, Any] = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[str] = []
    for address in TARGETS[name].lists:
        table: Any = project
        for part in address.split("."):
            table = table[part]
        found += table
    return found


def header(name: str, pins: str) -> str:
    """The first line of a file with these pins."""
    digest = hashlib.sha256("\n".join([*wanted(name), pins]).encode()).hexdigest()[:16]
    return f"# Made by `make requirements` from pyproject.toml ({', '.join(TARGETS[name].lists)}): {digest}\n"


def is_stale(name: str) -> bool:
    """Whether the file was made from other lists than those of today, or edited by hand."""
    first, _, pins = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").partition("\n")
    return f"{first}\n" != header(name, pins)


def compile_requirements(uv: Path, name: str, *, upgrade: bool) -> None:
    """Write the file `name`; pins that still fit stay, unless `upgrade`. Raises CalledProcessError when uv fails."""
    target, file = TARGETS[name], FOLDER / f"{name}.txt"
    command = [str(uv), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"]
    command += ["--python-version", target.python, "--output-file", str(file)]
    command += ["--universal"] if target.universal else []
    command += ["--generate-hashes"] if target.hashes else []
    command += ["--upgrade"] if upgrade else []
    command += ["--constraint", str(FOLDER / f"{target.within}.txt")] if target.within else []
    subprocess.run([*command, "-"], input="\n".join(wanted(name)), text=True, check=True)
    pins = file.read_text(encoding="utf-8")
    file.write_text(header(name, pins) + pins, encoding="utf-8")


def main() -> int:
    for name in TARGETS:
        print(f"compiling requirements/{name}.txt ...", flush=True)
        try:
            compile_requirements(paths.tool("uv", "uv"), name, upgrade="--upgrade" in sys.argv[1:])
        except subprocess.CalledProcessError:
            print(f"error: requirements/{name}.txt could not be compiled; its reason is above.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
