"""Every target that a person uses, under every generic kind of bad input, ends with a sentence: generated cases."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devlake import paths
from devlake.__main__ import COMMANDS
from devlake.copy_checkout import copy_checkout
from tests.bad_input.try_commands import BROKEN_FILE, SECRET, SURROUNDINGS, VALUES

pytestmark = pytest.mark.slow
OF_PORTS = {"letters": "nonsense", "zero": "0", "below those of programs": "80", "above all": "65536", "less": "-1"}
OF_PORTS |= {
    "a digit of another script": "\u0663\u0663\u0663\u0663\u0663",
    "a superscript": "500\u00b2",
    "half": "5000.5",
}
OF_ADDRESSES = {"letters": "nonsense", "every address": "0.0.0.0", "another machine's": "192.0.2.7", "half": "[::1"}
NONSENSE = {"LAKE_PORT": VALUES | OF_PORTS, "LAKE_BIND": VALUES | OF_ADDRESSES}
"""Kinds for a variable that takes less than any text."""
STARTS_A_LAKE = ("up", "demo", "invoke")
"""Targets that work where no lake is, whatever AWS settings the caller has: with each they would take half a minute."""


def _taken(target: str) -> list[str]:
    """The variables that a target takes, as the Makefile has them.

    Not AWS's own, which are among the surroundings, and not those that `make ingest` hands on to `b3lake fetch`, whose
    options are tried in test_every_command.py.
    """
    makefile = (paths.ROOT / "Makefile").read_text("utf-8").replace("\\\n", "")
    variables = dict(re.findall(r"^(?:takes\.)?(\w+) := (.*)$", makefile, re.MULTILINE))
    return [word for word in variables.get(target, "").split() if not word.startswith(("AWS_", "$"))]


CASES = [
    (target, kind, SURROUNDINGS[kind], [])
    for target in COMMANDS
    if target not in STARTS_A_LAKE
    for kind in SURROUNDINGS
] + [
    (target, f"{name} of {kind}", {}, [f"{name}={value}"])
    for target in COMMANDS
    for name in _taken(target)
    for kind, value in NONSENSE.get(name, VALUES).items()
    if value or target not in STARTS_A_LAKE  # nothing is as good as left out
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which no lake is up."""
    folder = copy_checkout(tmp_path_factory.mktemp("checkout") / "b3-lake")
    (folder / "broken").write_text(BROKEN_FILE)
    return folder


def _python(
    checkout: Path, target: str, environment: dict[str, str], given: list[str]
) -> "subprocess.CompletedProcess[str]":
    """The target's program with what make would hand it."""
    own = {name: value.format(folder=checkout) for name, value in environment.items()}
    own |= dict(word.partition("=")[::2] for word in given)
    return subprocess.run(
        [sys.executable, "-m", "devlake", target],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)} | own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("target", COMMANDS)
def test_a_target_ends_with_a_sentence(target: str, checkout: Path) -> None:
    tried = [case for case in CASES if case[0] == target]
    for _, kind, environment, given in tried:
        done = _python(checkout, target, environment, given)
        said = done.stderr.splitlines()
        assert "Traceback" not in done.stderr, (kind, done.stderr[-500:])
        assert SECRET not in done.stderr + done.stdout, kind
        assert max(map(len, [*said, ""])) < 1000, kind
        assert (len(said) == 1) == bool(done.returncode), (kind, done.returncode, done.stderr)
        assert done.returncode or target in {"status", "down"}, (kind, done.stdout)
