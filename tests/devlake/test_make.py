"""The Makefile refuses variables that a target does not take, before anything is done."""

import contextlib
import os
import pty
import re
import shutil
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from b3lake.ingest.commands import fetch
from b3lake.ingest.sources import settings
from devlake import paths
from devlake.check_variables import refuse
from devlake.tell import tell_line


def _make(*words: str) -> "subprocess.CompletedProcess[str]":
    alone = {
        name: value for name, value in os.environ.items() if not name.startswith("MAKE")
    }  # else `make test` is seen
    return subprocess.run(
        ["make", "--dry-run", *words],
        cwd=paths.ROOT,
        env=alone,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ingest", "TICKER=PETR4"], "TICKER is no variable of make ingest: did you mean TICKERS?"),
        (["ingest", "START=2024-01-02"], "START is no variable of make ingest: did you mean START_DATE?"),
        (["query", "sql=SELECT 1; SELECT 2"], "sql is no variable of make query: did you mean SQL?"),
        (["report", "ARGS=--sessions 9"], "ARGS is no variable of make report: it takes AWS, AWS_%, LAKE_ENV, PYTHON."),
        (["check", "test", "TICKERS=PETR4"], "TICKERS is no variable of make check test: "),
    ],
)
def test_an_unknown_variable_is_refused_in_one_sentence(words: list[str], said: str) -> None:
    done = _make(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.splitlines()[1:] == [done.stderr.splitlines()[-1]]


@pytest.mark.parametrize(
    "words",
    [
        ["ingest", "TICKERS=PETR4 VALE3", "START_DATE=2024-01-02", "SOURCE=b3"],
        ["query", "AWS=1", "AWS_PROFILE=me", "SQL=SELECT 'it'"],
        ["demo", "LAKE_PORT=5000", "PYTHON=python3"],
        ["chaos", "SEED=1", "FAULTS=2"],
        ["clean", "demo", "LAKE_PORT=5000"],
        ["preflight"],
    ],
)
def test_a_known_variable_is_taken(words: list[str]) -> None:
    done = _make(*words)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("sql", ["SELECT \"$path\", '$$' FROM t", "SELECT '$(shell touch made)' # it's"])
def test_a_dollar_survives(tmp_path: Path, sql: str) -> None:
    """To make it begins a variable, and one that is empty, or a command."""
    program = tmp_path / ".venvs" / "tech" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s|%s" "$SQL" "$ARGS"\n')
    program.chmod(0o755)
    (tmp_path / "requirements").mkdir()
    for name in ("tech", "sam", "ministack"):
        (tmp_path / "requirements" / f"{name}.txt").touch()
        (tmp_path / ".venvs" / f"{name}.done").touch()
    done = _make_in(tmp_path, "query", f"SQL={sql}", "ARGS=--csv $HOME.csv")
    assert (done.stdout, done.stderr) == (f"{sql}|--csv $HOME.csv", "")
    assert not (tmp_path / "made").exists()


def test_without_a_near_one_all_are_named() -> None:
    assert refuse(["query"], ["X"], ["SQL", "AWS_%"]) == "X is no variable of make query: it takes AWS_%, SQL."
    assert refuse(["status"], ["X"], []) == "X is no variable of make status: it takes none."
    assert refuse(["query"], ["AWS_REGION", "SQL"], ["SQL", "AWS_%"]) == ""


def test_make_ingest_takes_what_fetch_takes_but_for_the_lake() -> None:
    makefile = (paths.ROOT / "Makefile").read_text("utf-8").replace("\\\n", "")
    fetched = re.search(r"^FETCHED := (.*)$", makefile, re.MULTILINE)
    assert fetched
    of_fetch = {variable for variable, _ in fetch._parser("").settings.values()}
    of_sources = {settings.YAHOO_VARIABLE, settings.B3_VARIABLE, settings.LISTED_VARIABLE, settings.BCB_VARIABLE}
    of_sources.add(settings.LABEL_VARIABLE)
    assert set(fetched[1].split()) == of_fetch - {"RAW_BUCKET", "GLUE_DATABASE"} | of_sources


def _make_in(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run make in a folder that has the Makefile and no virtualenvs of its own."""
    for name in ("Makefile", *(f"devlake/{name}.py" for name in ("__init__", "check_variables", "clean", "tell"))):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(paths.ROOT / name, folder / name)
    shutil.copytree(paths.ROOT / "b3lake" / "texts", folder / "b3lake" / "texts")
    return _make_again(folder, *words)


def _make_again(folder: Path, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=folder,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MAKE", "LC_", "LANG", "PYTHONPATH", "COLUMNS"))
        }
        | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _clean(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """`make clean` where there is a kept lake."""
    (folder / ".lake").mkdir()
    (folder / ".lake" / "kept").write_text("quotes")
    return _make_in(folder, "clean", *words)


def test_clean_deletes_nothing_unasked(tmp_path: Path) -> None:
    done = _clean(tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(
        r"This ends the lake, and deletes it with its fetched quotes: \.lake \([\d.]+K\)\.\n", done.stdout
    )
    assert done.stderr.startswith("error: Nobody is there to ask, and nothing was deleted: give YES=1.\n")
    assert (tmp_path / ".lake" / "kept").read_text() == "quotes"


def test_clean_deletes_when_told(tmp_path: Path) -> None:
    done = _clean(tmp_path, "YES=1")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"Deleted: \.lake \([\d.]+K\)\.\n", done.stdout)
    assert not (tmp_path / ".lake").exists()


def test_clean_asks_in_the_language_of_the_terminal(tmp_path: Path) -> None:
    (tmp_path / ".lake").mkdir()
    (tmp_path / ".lake" / "kept").write_text("quotes")
    (tmp_path / ".aws-sam").mkdir()
    said = []
    for answer in ("\n", "\x04", "s\n"):
        command = [sys.executable, "-m", "devlake.clean"]
        done = _on_a_terminal(command, tmp_path, answer)
        said += [done.splitlines()[-1].partition("[s/N] ")[2] or done.splitlines()[-1]]
        assert re.search(
            r"^Isto encerra o data lake e o apaga, .*: \.lake \([\d.,]+K\), \.aws-sam \(", done, re.MULTILINE
        )
        assert (tmp_path / ".lake").exists() == (tmp_path / ".aws-sam").exists() == (answer != "s\n")
    assert said[:2] == ["Nada foi apagado."] * 2
    assert said[2].startswith("Apagado: .lake (")


def _on_a_terminal(command: list[str], folder: Path, typed: str) -> str:
    """The output of a command on a Portuguese terminal of 80 columns; `typed` answers its first question."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 80))
    with subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LANG": "pt_BR.UTF-8", "PYTHONPATH": str(paths.ROOT)},
        stdin=its,
        stdout=its,
        stderr=its,
    ) as program:
        os.close(its)
        os.write(ours, typed.encode())
        shown = b""
        with contextlib.suppress(OSError):  # the terminal has no other end any more
            while some := os.read(ours, 4096):
                shown += some
    os.close(ours)
    assert program.returncode == 0
    return shown.decode("utf-8").replace("\r\n", "\n").strip()


def test_help_needs_nothing_installed_and_speaks_the_terminal_s_language(tmp_path: Path) -> None:
    english = _make_in(tmp_path)
    assert english.stdout.startswith(
        "  make help            list the targets\n\nUse it on this machine\n  make setup  "
    )
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "sh", "awk", "cat"):
        (programs / name).symlink_to(str(shutil.which(name)))
    no_python = _make_again(tmp_path, PATH=str(programs))
    assert (no_python.stdout, no_python.stderr) == (english.stdout, "")
    told = _make_again(tmp_path, LANG="pt_BR.UTF-8")
    assert told.stdout.startswith("  make help            lista os alvos\n\nUse nesta máquina\n  make setup  ")
    refused = _make_again(tmp_path, "ingest", "TICKER=PETR4", LANG="pt_BR.UTF-8")
    assert refused.stderr.startswith("erro: TICKER não é uma variável de make ingest: você quis dizer TICKERS?\n")
    assert "*** Nada foi feito." in refused.stderr


def test_a_line_of_help_stays_in_its_column() -> None:
    line = "  make clean           remove what the lake left"
    assert tell_line(line, 45) == "  make clean           remove what the lake\n                       left"
    assert tell_line(line, 80) == line
