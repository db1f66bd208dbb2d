"""Mutants of a small checkout: each fate, told rightly; the checkout stays as it is, and nothing is left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devlake import paths
from tests.mutation.rooms import ROOMS, TESTS, TOO_LONG, files_of, noticing
from tests.mutation.trials import Fate, Mutant, MutationError, Trial
from tests.mutation.try_mutants import Bench, copies

HALF = "def half(number):\n    return number / 2\n"
TEST = "from halves import half\n\n\ndef test_half():\n    assert half(4) == 2\n"
ENDLESS = "def half(number):\n    while True:\n        pass\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A program of one function, and its test."""
    root = tmp_path / "checkout"
    (root / "tests").mkdir(parents=True)
    (root / "halves.py").write_text(HALF)
    (root / "tests" / "test_halves.py").write_text(TEST)
    (root / ".git").mkdir()
    return root


@pytest.fixture
def bench(checkout: Path) -> Iterator[tuple[Bench, list[Path]]]:
    with copies(checkout, 2) as made:
        yield Bench(made, grace_seconds=2), made


def trial(text: str) -> Trial:
    return Trial("room", Mutant(Path("halves.py"), 2, text), ("tests/test_halves.py",))


@pytest.mark.slow
def test_each_fate(checkout: Path, bench: tuple[Bench, list[Path]]) -> None:
    tried, made = bench
    trials = [trial(HALF.replace("/", "*")), trial(HALF.replace("/", "//")), trial(ENDLESS), trial("def half(")]
    tried.time_tests(trials)
    assert [(one, fate) for one, fate in tried.try_all(trials)] == [
        (trials[0], Fate.KILLED),
        (trials[1], Fate.SURVIVED),
        (trials[2], Fate.TIMED_OUT),
        (trials[3], Fate.KILLED),
    ]
    assert [(copy / "halves.py").read_text() for copy in made] == [HALF, HALF]
    assert (checkout / "halves.py").read_text() == HALF
    assert not (made[0] / ".git").exists()
    diff = trials[1].mutant.diff(checkout).splitlines()
    assert diff[-2:] == ["-    return number / 2", "+    return number // 2"]


@pytest.mark.slow
def test_tests_that_fail_without_a_mutant_are_an_error(checkout: Path) -> None:
    (checkout / "tests" / "test_halves.py").write_text(TEST.replace("== 2", "== 3"))
    with (
        copies(checkout, 1) as made,
        pytest.raises(MutationError, match=r"Without a mutant tests/test_halves\.py ends with 1"),
    ):
        Bench(made).time_tests([trial(HALF)])
    assert not made[0].exists()


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
