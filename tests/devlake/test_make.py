"""The Makefile refuses variables that a target does not take, before anything is done."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from b3lake.ingest.commands import fetch
from b3lake.ingest.sources import settings
from devlake import paths
from devlake.check_variables import refuse


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
    (folder / "devlake").mkdir()
    for name in ("Makefile", "devlake/check_variables.py"):
        shutil.copy(paths.ROOT / name, folder / name)
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
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
    assert done.stdout.startswith("This ends the lake and deletes .lake (")
    assert done.stderr.startswith("error: Nobody is there to ask, and nothing was deleted: give YES=1.")
    assert (tmp_path / ".lake" / "kept").read_text() == "quotes"


def test_clean_deletes_when_told(tmp_path: Path) -> None:
    done = _clean(tmp_path, "YES=1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Deleted .lake (")
    assert not (tmp_path / ".lake").exists()
