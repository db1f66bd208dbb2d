"""The tests that docs/security.md names are there."""

import re

import pytest

from devlake import paths

TEXT = (paths.ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([^`:]*)::(\w+)`", TEXT)))


def test_tests_are_named() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    assert f"def {name}(" in (paths.ROOT / file).read_text(encoding="utf-8")


def test_the_runs_of_the_terraform_test_exist() -> None:
    runs = (paths.ROOT / "terraform" / "tests" / "module.tftest.hcl").read_text(encoding="utf-8")
    named = [
        name
        for group in re.findall(r"module\.tftest\.hcl` \(([^)]+)\)", TEXT)
        for name in re.findall(r"`(\w+)`", group)
    ]
    assert named
    assert [name for name in named if f'run "{name}"' not in runs] == []
