"""What a newcomer reads when the machine lacks something: one sentence, a non-zero exit code, nothing half made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devlake import make_venv, paths


def _checkout(folder: Path) -> Path:
    (folder / "devlake").mkdir()
    shutil.copy(paths.ROOT / "devlake" / "make_venv.py", folder / "devlake")
    (folder / "requirements").mkdir()
    (folder / "requirements" / "tech.txt").write_text("rich==15.0.0\n")
    return folder


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 13, 0), (2, 7, 18)])
def test_another_python_is_refused_by_name(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as ended:
        make_venv.check_python()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"error: This is Python {version[0]}.{version[1]}, and the lake needs 3.11 or 3.12:"
        " install one and run `make PYTHON=python3.11 setup`.\n"
    )


def test_without_an_index_one_sentence_says_so(tmp_path: Path) -> None:
    checkout = _checkout(tmp_path)
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")} | nowhere
    command = [sys.executable, str(checkout / "devlake" / "make_venv.py"), "tech", "tech"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "error: The virtualenv .venvs/tech could not be filled, the package index cannot be reached: check the network,"
        " or pip's settings if your index is a private one. Details: .venvs/tech.log.\n"
    )


def test_a_failed_install_leaves_no_mark_that_it_was_done(tmp_path: Path) -> None:
    checkout = _checkout(tmp_path)
    shutil.copy(paths.ROOT / "Makefile", checkout)
    (checkout / "requirements" / "tech.txt").write_text("no-such-thing @ file:///no/such/thing.whl\n")
    done = subprocess.run(
        ["make", "-C", checkout, f"PYTHON={sys.executable}", ".venvs/tech.done"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "The virtualenv .venvs/tech could not be filled" in done.stderr
    assert not (checkout / ".venvs" / "tech.done").exists()
