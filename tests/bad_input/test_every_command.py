"""Every command, under every generic kind of bad input, ends with a sentence: the cases are generated, not chosen."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from b3lake.cli import COMMANDS
from devlake import paths
from tests.bad_input import try_commands
from tests.bad_input.try_commands import OF_NO_LAKE, SECRET, SURROUNDINGS, USUAL, VALUES, options_with_value, run

PROGRESS = re.compile(r"[\w.]+: fetched|.*\(404\).*|.*try \d of \d.*")
"""Lines of standard error that say how it goes on."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with try_commands.surroundings(tmp_path):
        yield tmp_path


def _assert_a_sentence(outcome: try_commands.Outcome, given: str, *, may_succeed: bool = False) -> None:
    said = [line for line in outcome.error.splitlines() if not PROGRESS.fullmatch(line)]
    assert "Traceback" not in outcome.error, given
    assert SECRET not in outcome.error + outcome.out, given
    assert max(map(len, [*said, ""])) < 1000, given
    assert outcome.code != 0 or may_succeed, given
    if outcome.code:
        assert len(said) == 1 or (not said and outcome.out), (given, outcome)  # what was found may be the output


@pytest.mark.parametrize("command", COMMANDS)
def test_each_is_tried_with_arguments_that_work(command: str) -> None:
    assert command in USUAL


@pytest.mark.parametrize("kind", SURROUNDINGS)
@pytest.mark.parametrize("command", COMMANDS)
def test_surroundings_that_are_broken(command: str, kind: str, folder: Path) -> None:
    outcome = run(command, list(USUAL[command]), SURROUNDINGS[kind], folder)
    _assert_a_sentence(outcome, kind, may_succeed=command in OF_NO_LAKE)
    left = {file.name for file in folder.iterdir()} - {"broken"}
    assert left <= ({"b3"} if command == "verify" else set())


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_values_that_no_option_takes(command: str, folder: Path) -> None:
    for option in options_with_value(command):
        for kind, value in VALUES.items():
            arguments = [*USUAL[command], f"{option}={value}"]
            outcome = run(command, arguments, {}, folder)
            _assert_a_sentence(outcome, f"{command} {option} of {kind}", may_succeed=command in OF_NO_LAKE)


@pytest.mark.parametrize("command", sorted({"ask": "--rows", "cost": "--years", "doctor": "--recent"}.items()))
def test_a_number_of_21_digits_is_refused_at_once(command: tuple[str, str], folder: Path) -> None:
    name, option = command
    outcome = run(name, [*USUAL[name], f"{option}=1{'0' * 20}"], {}, folder)
    assert outcome.code == 2
    assert "is no whole number of up to nine digits" in outcome.error


OUTPUTS = [
    *[("b3lake", name, "--help") for name in COMMANDS],
    ("b3lake", "--help"),
    ("b3lake", "cost"),
    ("devlake", "status"),
    ("devlake", "down"),
]


@pytest.mark.slow
@pytest.mark.parametrize("words", OUTPUTS, ids=" ".join)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_is_full_or_closed_is_told(
    words: tuple[str, ...], unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    command = [sys.executable, "-m", *words]
    with Path("/dev/full").open("wb") as full:
        at_full = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=paths.ROOT, timeout=60, check=False
        )
    closing = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    closed = subprocess.run(closing, stderr=subprocess.PIPE, text=True, cwd=paths.ROOT, timeout=60, check=False)
    for done, said in [(at_full, "cannot be written (No space left on device)"), (closed, "Standard output is closed")]:
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert said in done.stderr
