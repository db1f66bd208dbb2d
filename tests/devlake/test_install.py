"""A newcomer's messages when the machine lacks something: one sentence, a non-zero exit code, nothing half made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from devlake import compile_requirements, make_venv, paths


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that an installation reads, and nothing else."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "devlake").mkdir()
    shutil.copy(paths.ROOT / "Makefile", folder)
    for name in ("make_venv", "tell"):
        shutil.copy(paths.ROOT / "devlake" / f"{name}.py", folder / "devlake")
    (folder / "requirements").mkdir()
    (folder / "requirements" / "tech.txt").write_text("rich==15.0.0\n")
    return folder


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 6, 15)])
def test_an_older_python_is_refused_by_name(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as ended:
        make_venv.check_python()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"error: This is Python {version[0]}.{version[1]}, and the lake needs 3.11, 3.12 or 3.13:"
        " install one and run `make PYTHON=python3.13 setup`.\n"
    )


@pytest.mark.parametrize(("version", "said"), [((3, 11, 0), False), ((3, 13, 9), False), ((3, 14, 0), True)])
def test_a_newer_python_is_tried_with_a_warning(
    version: tuple[int, int, int], said: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    make_venv.check_python()
    warning = (
        "warning: This is Python 3.14, and the lake was tried with 3.11 to 3.13: where this one fails, remove .venvs/"
        " and run `make PYTHON=python3.13 setup`.\n"
    )
    assert capsys.readouterr().err == (warning if said else "")


def test_the_workflow_tries_every_supported_python() -> None:
    workflow = yaml.safe_load((paths.ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    tried = [tuple(map(int, each.split("."))) for each in workflow["jobs"]["lake"]["strategy"]["matrix"]["python"]]
    assert (tried[0], tried[-1]) == (make_venv.OLDEST, make_venv.NEWEST)
    assert tried == [(3, minor) for minor in range(tried[0][1], tried[-1][1] + 1)]


@pytest.mark.parametrize("name", compile_requirements.TARGETS)
def test_compiled_requirements_are_those_of_pyproject(name: str) -> None:
    stale = compile_requirements.is_stale(name)
    assert not stale, f"requirements/{name}.txt is stale or was edited by hand: run `make requirements`"


def test_no_compiled_file_is_made_from_nothing_or_names_an_index() -> None:
    files = {file.stem: file.read_text(encoding="utf-8") for file in compile_requirements.FOLDER.iterdir()}
    assert files.keys() == compile_requirements.TARGETS.keys()
    assert not [name for name, text in files.items() if "://" in text or "--index" in text or "--find-links" in text]


def test_what_one_environment_gets_in_steps_agrees() -> None:
    """`.venvs/tech` gets tech.txt, then dev.txt, then bench.txt; the host gets ingest.txt."""
    pins = {
        name: {line.removesuffix(" \\") for line in text.splitlines() if not line.startswith(("#", "    --hash"))}
        for name in ("ingest", "tech", "dev", "bench")
        for text in [(compile_requirements.FOLDER / f"{name}.txt").read_text(encoding="utf-8")]
    }
    assert pins["ingest"] < pins["tech"] < pins["dev"] < pins["bench"]


def test_without_an_index_one_sentence_says_so(checkout: Path) -> None:
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


def test_a_failed_install_leaves_no_mark_that_it_was_done(checkout: Path) -> None:
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


def test_an_installation_goes_on_where_spark_cannot_be_prepared(checkout: Path) -> None:
    (checkout / "requirements" / "tech.txt").write_text("# nothing\n")
    (checkout / "devlake" / "__init__.py").touch()
    (checkout / "devlake" / "class_archive.py").write_text("import sys; print('its words'); sys.exit(1)\n")
    command = [sys.executable, str(checkout / "devlake" / "make_venv.py"), "try", "tech"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout == (
        "installing requirements/tech.txt into .venvs/try ...\npreparing Spark for a quick start: up to a minute ...\n"
    )
    assert done.stderr == (
        "warning: Spark could not be prepared: it works, and starts slowly. Details: .venvs/try.log.\n"
    )
    assert (checkout / ".venvs" / "try.log").read_text().endswith("its words\n")
