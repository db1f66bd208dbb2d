"""ec2/run_ingestion.sh with a stub for the ingestion: which Python, which settings, which exit code, the lock."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from devlake import paths

SCRIPTS = [paths.ROOT / "ec2" / name for name in ("run_ingestion.sh", "read_settings.sh")]
# Says how it was called, waits (for a minute at most) for the file `go` where it is told to, and ends with the exit
# code that it is told.
STUB = """
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).resolve().parent
names = ("TICKERS", "START_DATE", "END_DATE")
print(json.dumps([sys.executable, sys.argv[1:], {name: os.environ.get(name) for name in names}]), flush=True)
(here / f"started-{os.getpid()}").touch()
past = time.monotonic() + 60
while os.environ.get("WAIT") and not (here / "go").exists() and time.monotonic() < past:
    time.sleep(0.01)
(here / "log").open("a").write(f"ended {os.environ.get('NAME')}\\n")
sys.exit(int(os.environ.get("EXIT_CODE", "0")))
"""
FAKE_PYTHON = '#!/bin/sh\necho "{name}: $*"\n'


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout that holds the script and a stub of the ingestion, and no virtualenv."""
    root = tmp_path / "checkout"
    (root / "ec2").mkdir(parents=True)
    for script in SCRIPTS:
        shutil.copy(script, root / "ec2")
    (root / "ec2/fetch_b3_data.py").write_text(STUB, encoding="utf-8")
    return root


def start(checkout: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    kept = {name: value for name, value in os.environ.items() if name not in ("TICKERS", "START_DATE", "END_DATE")}
    return subprocess.Popen(
        [checkout / "ec2/run_ingestion.sh", *arguments],
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(checkout: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    process = start(checkout, *arguments, **environment)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def wait_until_started(checkout: Path) -> None:
    deadline = time.monotonic() + 20
    while not list((checkout / "ec2").glob("started-*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def make_python(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FAKE_PYTHON.format(name=path.name), encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_exit_code_of_the_ingestion_is_kept(checkout, code):
    assert run(checkout, EXIT_CODE=str(code))[0] == code


def test_virtualenv_comes_before_the_systems_python(checkout, tmp_path):
    make_python(tmp_path / "bin/python3")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    script = str(checkout / "ec2/fetch_b3_data.py")
    assert run(checkout, "--json", PATH=path)[1] == f"python3: {script} --json\n"
    make_python(checkout / ".venvs/tech/bin/python")
    assert run(checkout, "--json", PATH=path)[1] == f"python: {script} --json\n"


def test_settings_come_from_the_file_unless_the_environment_has_them(checkout):
    lines = ["# a comment", 'TICKERS="PETR4,^BVSP"', 'START_DATE="2024-01-02"', 'END_DATE=""']
    (checkout / "ingestion.env").write_text("\n".join([*lines, ""]), encoding="utf-8")
    assert '{"TICKERS": "PETR4,^BVSP", "START_DATE": "2024-01-02", "END_DATE": ""}' in run(checkout)[1]
    assert (
        '{"TICKERS": "PETR4,^BVSP", "START_DATE": "", "END_DATE": "2024-06-03"}'
        in run(checkout, START_DATE="", END_DATE="2024-06-03")[1]
    )


def test_settings_are_read_as_text_and_never_run(checkout, tmp_path):
    (checkout / "ingestion.env").write_text(f'TICKERS="$(touch {tmp_path}/ran)"\n', encoding="utf-8")
    assert f"$(touch {tmp_path}/ran)" in run(checkout)[1]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("line", "tickers"),
    [
        ("TICKERS=PETR4\r", "PETR4"),
        ("TICKERS='PETR4, VALE3'\r", "PETR4, VALE3"),
        ('  export TICKERS="PETR4"  ', "PETR4"),
        ("export\tTICKERS=PETR4 ", "PETR4"),
        ("TICKERS=a=b # $HOME `id`", "a=b # $HOME `id`"),
        ("TICKERS=", ""),
        ("TICKERS=''", ""),
    ],
)
def test_a_setting_is_read_however_it_was_written(checkout, line, tickers):
    (checkout / "ingestion.env").write_bytes(f"{line}\n".encode())
    code, out, err = run(checkout)
    assert (code, json.loads(out)[2]["TICKERS"], err) == (0, tickers, "")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["TICKERS=PETR4", "TICKERS=VALE3"], "line 2: TICKERS is there twice, and the first counts: remove one."),
        (["bad-name=1"], "line 1: no setting, and left out: write NAME=value."),
        (["# fine", "export TICKERS"], "line 2: no setting, and left out: write NAME=value."),
        (['TICKERS="PETR4'], "line 1: a quotation mark too many or too few in the value of TICKERS: it is left out."),
        (["TICKERS='PETR4\""], "line 1: a quotation mark too many or too few in the value of TICKERS: it is left out."),
        (['TICKERS="A""B"'], "line 1: a quotation mark too many or too few in the value of TICKERS: it is left out."),
        (["tickers=PETR4"], "line 1: tickers is not taken from a file of settings."),
        *[
            ([f"{name}=x"], f"line 1: {name} is not taken from a file of settings.")
            for name in ("PATH", "PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD", "BASH_ENV", "IFS", "HOME")
        ],
    ],
)
def test_a_line_that_cannot_be_taken_ends_it(checkout, lines, said):
    file = checkout / "ingestion.env"
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    code, out, err = run(checkout)
    assert (code, out) == (78, "")
    assert err == f"{file}, {said}\nNothing was fetched: put those lines of ingestion.env right.\n"


def test_the_last_setting_counts_without_a_line_end(checkout):
    (checkout / "ingestion.env").write_text("SESSIONS=9\nTICKERS=PETR4", encoding="utf-8")
    assert "PETR4" in run(checkout)[1]


def test_second_run_waits_for_the_first(checkout):
    first = start(checkout, WAIT="1", NAME="first")
    wait_until_started(checkout)
    second = start(checkout, NAME="second")
    assert "Another ingestion is running" in second.stderr.readline()
    assert len(list((checkout / "ec2").glob("started-*"))) == 1
    (checkout / "ec2/go").touch()
    first.communicate(timeout=30)
    second.communicate(timeout=30)
    assert (first.returncode, second.returncode) == (0, 0)
    assert (checkout / "ec2/log").read_text(encoding="utf-8") == "ended first\nended second\n"


def test_second_run_gives_up_after_its_patience(checkout):
    first = start(checkout, WAIT="1", NAME="first")
    wait_until_started(checkout)
    code, out, err = run(checkout, NAME="second", INGESTION_LOCK_SECONDS="0.1")
    assert (code, out) == (75, "")
    assert "still running" in err
    (checkout / "ec2/go").touch()
    first.communicate(timeout=30)
    assert run(checkout, NAME="third")[0] == 0


def test_lock_is_gone_with_a_killed_run(checkout):
    first = start(checkout, WAIT="1")
    wait_until_started(checkout)
    first.kill()
    first.communicate(timeout=30)
    assert run(checkout, INGESTION_LOCK_SECONDS="0")[0] == 0


def test_two_releases_share_the_lock_of_the_host(checkout, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(checkout, other)
    first = start(checkout, WAIT="1", INGESTION_LOCK=str(tmp_path))
    wait_until_started(checkout)
    assert run(other, INGESTION_LOCK=str(tmp_path), INGESTION_LOCK_SECONDS="0")[0] == 75
    (checkout / "ec2/go").touch()
    first.communicate(timeout=30)


def test_a_run_stays_in_the_release_it_began_in(checkout, tmp_path):
    link = tmp_path / "current"
    link.symlink_to(checkout)
    make_python(checkout / ".venvs/tech/bin/python")
    out = subprocess.run([link / "ec2/run_ingestion.sh"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert out == f"python: {checkout / 'ec2/fetch_b3_data.py'}\n"


@pytest.mark.parametrize(("missing", "words"), [("flock", "flock is missing"), ("python", "There is no Python")])
def test_what_is_missing_is_named(checkout, tmp_path, missing, words):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", *(["flock"] if missing != "flock" else [])):
        (tools / name).symlink_to(shutil.which(name))
    code, _, err = run(checkout, PATH=str(tools))
    assert code == 69
    assert words in err
