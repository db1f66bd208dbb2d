"""Damaged files of a kept lake are told in a sentence, and it can always be ended."""

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from devlake import __main__ as commands
from devlake import local_lake
from devlake.child_process import Child

DAMAGES = {
    "empty": b"",
    "no JSON": b"{",
    "another shape": b"[1]",
    "another shape of JSON": b'{"supervisor_pid": "all"}',
    "no number": b"99999999999999999999999",
    "text of no encoding": b"\xff\xfe",
    "5,000 digits": b"9" * 5000,
}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """A lake that is up, as far as its record says: a process that writes its log, and its child."""
    for name, file in [("FOLDER", "."), ("_RECORD", "lake.json"), ("_PORT", "port"), ("KEY", "key")]:
        monkeypatch.setattr(local_lake, name, tmp_path / file)
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    with Child(sleeping, log=tmp_path / "emulator.log") as child:
        aws = local_lake.Emulator("http://127.0.0.1:1", child.pid, tmp_path / "emulator.log", "k" * 43)
        local_lake._record(aws, 20001)
        yield child


def _run(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["devlake", command])
    return commands.main()


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["lake.json", "key", "port"])
def test_each_command_says_so_and_down_ends_it(
    lake: Child, file: str, damage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (local_lake.FOLDER / file).write_bytes(DAMAGES[damage])
    family = [psutil.Process(lake.pid), *lake.family()]
    for command in ("status", "ingest", "refine", "query", "report", "tour", "up"):
        monkeypatch.setenv("SQL", "SELECT 1")
        if file == "port" and command == "up":
            local_lake._RECORD.unlink()  # it is looked at when a lake is started
        if file == "port" and command != "up":
            continue
        code = _run(command, monkeypatch)
        error = capsys.readouterr().err
        assert (code, error.count("\n")) == (1, 1), (command, error)
        assert error.startswith("error: ")
    assert _run("down", monkeypatch) == 0
    assert capsys.readouterr().out.startswith("The lake is down")
    psutil.wait_procs(family, timeout=10)
    assert not any(process.is_running() for process in family)
