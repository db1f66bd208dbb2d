"""A file or folder in place of a kept lake's lock, log or scratch is an error of one sentence; `down` still works."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devlake import __main__ as commands
from devlake import local_lake
from devlake.child_process import Child

KEPT = {"state/s3.json": b"{}", "objects/1/raw/one": b"one", "port": b"20001"}
"""The files of a lake that is down; no command may change them."""


def _a_file(place: Path) -> None:
    place.write_bytes(b"of somebody")


def _a_folder(place: Path) -> None:
    place.mkdir()
    (place / "of somebody").write_bytes(b"")


def _a_link_to_nothing(place: Path) -> None:
    place.symlink_to(place.with_name("nowhere") / "nothing")


def _a_link_to_itself(place: Path) -> None:
    place.symlink_to(place)


OF_A_LOCK = ("up", "ingest", "refine")
IN_THE_WAY: dict[str, tuple[str, Callable[[Path], None], tuple[str, ...], str]] = {
    "the lock is a folder": ("lock", _a_folder, OF_A_LOCK, "{} cannot be used (Is a directory): move it away"),
    "the lock is a link to nothing": (
        "lock",
        _a_link_to_nothing,
        OF_A_LOCK,
        "{} cannot be used (No such file or directory): move it away",
    ),
    "the log is a folder": ("emulator.log", _a_folder, ("up",), "{} cannot be used (Is a directory): move it away"),
    "the log is a link to itself": (
        "emulator.log",
        _a_link_to_itself,
        ("up",),
        "{} cannot be used (Too many levels of symbolic links): move it away",
    ),
    "the scratch folder is a file": ("scratch", _a_file, ("up",), "{} cannot be used (File exists): move it away"),
    "the scratch folder is a link": (
        "scratch",
        _a_link_to_nothing,
        ("up",),
        "{} cannot be used (File exists): move it away",
    ),
    "the port is a folder": ("port", _a_folder, ("up",), "{} holds no port: write the one that the lake was made on"),
    "the record is a folder": (
        "lake.json",
        _a_folder,
        ("status", *OF_A_LOCK),
        "What {folder} says of the lake that is up is damaged: `make down` ends it",
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a kept lake that is down."""
    kept = tmp_path / "kept"
    for name, body in KEPT.items():
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_bytes(body)
    for name, file in [("FOLDER", "."), ("_RECORD", "lake.json"), ("_PORT", "port"), ("KEY", "key")]:
        monkeypatch.setattr(local_lake, name, kept / file)
    return kept


def _run(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["devlake", command])
    return commands.main()


def _said(place: Path, sentence: str) -> str:
    return f"error: {sentence.format(place, folder=place.parent)}"


@pytest.mark.parametrize("case", IN_THE_WAY)
def test_it_is_named_and_nothing_that_is_kept_is_changed(
    case: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, put, tried, sentence = IN_THE_WAY[case]
    (folder / name).unlink(missing_ok=True)
    put(folder / name)
    for command in tried:
        assert _run(command, monkeypatch) == 1
        error = capsys.readouterr().err
        assert error.startswith(_said(folder / name, sentence)), command
        assert error.count("\n") == 1
    assert {one: (folder / one).read_bytes() for one in KEPT if one != name} == {
        one: body for one, body in KEPT.items() if one != name
    }


def test_a_file_in_the_place_of_the_lakes_folder_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = folder.with_name("file")
    _a_file(elsewhere)
    monkeypatch.setattr(local_lake, "FOLDER", elsewhere)
    assert _run("up", monkeypatch) == 1
    assert capsys.readouterr().err.startswith(f"error: {elsewhere} cannot be used (File exists): move it away, and ")
    assert elsewhere.read_bytes() == b"of somebody"


@pytest.fixture
def lake(folder: Path) -> Iterator[Child]:
    """A lake that is up, as far as its record says: a process that writes its log."""
    sleeping = [sys.executable, "-c", "import time; time.sleep(120)"]
    with Child(sleeping, log=folder / "emulator.log") as child:
        local_lake._record(
            local_lake.Emulator("http://127.0.0.1:1", child.pid, folder / "emulator.log", "k" * 43), 20001
        )
        yield child


@pytest.mark.parametrize("name", ["lock", "scratch", "port", "key", "key.new", "sam_build.log", "lake.json"])
def test_down_ends_the_lake_whatever_is_in_the_way(
    name: str, lake: Child, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    family = [psutil.Process(lake.pid), *lake.family()]
    (folder / name).unlink(missing_ok=True)
    _a_folder(folder / name)
    code = _run("down", monkeypatch)
    told = capsys.readouterr()
    assert psutil.wait_procs(family, timeout=10)[1] == []
    if name == "lake.json":  # the lake has ended all the same; what is in the way stays there, and is told of
        assert (code, told.out) == (1, "")
        assert told.err.startswith(f"error: {folder / name} cannot be used (Is a directory): move it away")
    else:
        assert (code, told.err) == (0, "")
        assert told.out.startswith("The lake is down")


def test_a_lake_whose_deployment_cannot_be_logged_is_ended(
    lake: Child, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _a_folder(folder / "sam_build.log")
    monkeypatch.setattr(local_lake, "find_lake", lambda: None)
    monkeypatch.setattr(local_lake, "start_lake", lambda _port, _also_at: local_lake._recorded())
    family = [psutil.Process(lake.pid), *lake.family()]
    assert _run("up", monkeypatch) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {folder / 'sam_build.log'} cannot be used (Is a directory): move it away")
    assert psutil.wait_procs(family, timeout=10)[1] == []
