"""Mutants of a small checkout: each fate, told rightly; the checkout stays as it is, and nothing is left."""

import json
import shutil
from pathlib import Path

import pytest

from devlake import paths
from tests.mutation.recording import Recording
from tests.mutation.rooms import ROOMS, TESTS, TOO_LONG, files_of, noticing
from tests.mutation.trials import Fate, Mutant, MutationError, Trial
from tests.mutation.try_mutants import Bench, Copy, bench, copies

HALF = "def half(number):\n    return number / 2\n\n\ndef unused(number):\n    return number\n"
TEST = """
from b3lake.halves import half


def test_other():
    pass


def test_half():
    assert half(4) == 2
"""
ENDLESS = HALF.replace("return number / 2", "while True: pass")
NAME = "tests/test_halves.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A program of two functions, the test of one, and what runs it."""
    root = tmp_path / "checkout"
    (root / "b3lake").mkdir(parents=True)
    (root / "b3lake" / "__init__.py").touch()
    (root / "b3lake" / "halves.py").write_text(HALF)
    (root / "tests").mkdir()
    (root / NAME).write_text(TEST)
    (root / ".git").mkdir()
    shutil.copytree(Path(__file__).parent, root / "tests" / "mutation", ignore=shutil.ignore_patterns("test_*"))
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmarkers = ["slow: not here"]\n')
    shutil.copytree(paths.ROOT / "devlake", root / "devlake")
    return root


def trial(text: str, line: int = 2) -> Trial:
    return Trial("room", Mutant(Path("b3lake/halves.py"), line, range(line, line + 1), text), (NAME,))


@pytest.mark.slow
def test_each_fate(checkout: Path) -> None:
    trials = [
        trial(HALF.replace("/ 2", "* 2")),
        trial(HALF.replace("/ 2", "// 2")),
        trial(ENDLESS),
        trial("def half("),
        trial(HALF.replace("return number\n", "return None\n"), 6),
        trial(HALF),
    ]
    with bench(checkout, 2, trials, grace_seconds=2) as tried:
        assert [(one, fate) for one, fate in tried.try_all(trials)] == [
            (trials[0], Fate.KILLED),
            (trials[1], Fate.SURVIVED),
            (trials[2], Fate.TIMED_OUT),
            (trials[3], Fate.KILLED),
            (trials[4], Fate.SURVIVED),
            (trials[5], Fate.SURVIVED),
        ]
    assert (checkout / "b3lake" / "halves.py").read_text() == HALF
    diff = trials[1].mutant.diff(checkout).splitlines()
    assert [line for line in diff if line.startswith(("-  ", "+  "))] == [
        "-    return number / 2",
        "+    return number // 2",
    ]


@pytest.mark.slow
def test_a_copy_is_as_it_was_after_each_mutant_and_gone_at_the_end(checkout: Path) -> None:
    with copies(checkout, 1) as (folder,), Copy(folder, [NAME]) as copy:
        tried = Bench([copy], grace_seconds=2)
        assert [fate for _, fate in tried.try_all([trial(ENDLESS)])] == [Fate.TIMED_OUT]
        assert (folder / "b3lake" / "halves.py").read_text() == HALF
        assert not (folder / ".git").exists()
    assert not folder.exists()


@pytest.mark.slow
def test_tests_that_fail_without_a_mutant_are_an_error(checkout: Path) -> None:
    (checkout / NAME).write_text(TEST.replace("== 2", "== 3"))
    with (
        pytest.raises(MutationError, match=r"Without a mutant tests/test_halves\.py ends with 1"),
        bench(checkout, 1, [trial(HALF)]),
    ):
        raise AssertionError("no mutant may be tried")


def _recorded(tmp_path: Path, seconds: dict[str, float], lines: dict[str, list[str]]) -> Recording:
    written = tmp_path / "lines.json"
    written.write_text(json.dumps({"seconds": seconds, "tests": {"b3lake/halves.py": lines}}))
    recording = Recording()
    recording.add(written)
    return recording


def test_the_tests_of_the_line_come_first_then_those_of_its_statement(tmp_path: Path) -> None:
    seconds = {"tests/a.py::slow": 8.0, "tests/a.py::quick": 1.0, "tests/b.py::other": 3.0, "tests/c/d.py::far": 0.5}
    lines = {"2": ["tests/b.py::other", "tests/a.py::slow", "tests/a.py::quick"], "3": ["tests/b.py::other"], "9": []}
    recording = _recorded(tmp_path, seconds, lines)
    file = Path("b3lake/halves.py")
    at_two, within, nowhere = (
        recording.covering(Mutant(file, line, range(first, last), ""))
        for line, first, last in [(2, 2, 3), (4, 3, 5), (9, 9, 10)]
    )
    assert at_two == ["tests/a.py::quick", "tests/b.py::other"], "ten seconds are not enough for the slow one"
    assert within == ["tests/b.py::other"]
    assert nowhere == []
    assert recording.total(["tests/a.py", "tests/c"]) == 9.5


def test_every_module_of_a_room_has_tests_that_exist() -> None:
    for room in ROOMS:
        files = files_of(paths.ROOT, room)
        assert files
        for file in files:
            assert [test for test in noticing(file) if not (paths.ROOT / test).exists()] == [], file
    rooms = [file for room in ROOMS for file in files_of(paths.ROOT, room)]
    assert len(rooms) == len(set(rooms)), "a module is in one room"


def test_every_path_that_is_named_exists() -> None:
    modules = [*TESTS, *(place for places in ROOMS.values() for place in places)]
    assert [name for name in modules if not any((paths.ROOT / f"{name}{end}").exists() for end in ("", ".py"))] == []
    for test in TOO_LONG:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (paths.ROOT / "tests" / file).read_text("utf-8"), test
