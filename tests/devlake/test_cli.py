"""The console command: the list of its subcommands, their help, and how each ends."""

import subprocess
import sys

import pytest

from b3lake import cli
from b3lake.lake.errors import UsageError
from b3lake.options import Parser
from devlake import paths


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "b3lake", *arguments]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_bare_command_lists_the_others() -> None:
    done = _run()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")] == list(cli.COMMANDS)
    assert list(cli.COMMANDS)[:6] == ["fetch", "verify", "doctor", "ask", "report", "preflight"]
    assert _run("--help").stdout == done.stdout


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_has_a_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run_command(name, ["--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: b3lake {name} [-h]")


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_an_unknown_option_is_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run_command(name, ["--no-such-option"]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert error.startswith(f"b3lake {name}: ")


@pytest.mark.parametrize(
    ("given", "advice"), [("fecth", "did you mean fetch?"), ("xyz", "choose one of fetch, verify, doctor, ask, ")]
)
def test_an_unknown_command_is_one_sentence(given: str, advice: str) -> None:
    done = _run(given)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"b3lake: there is no command {given!r}: {advice}")


@pytest.mark.parametrize(
    ("name", "program", "said"),
    [
        ("fetch", "fetch_b3_data", "fetch_b3_data: interrupted; run it again and it goes on where it was.\n"),
        ("ask", "", "b3lake ask: interrupted; run it again.\n"),
    ],
)
def test_an_interrupted_command_ends_with_130(
    name: str, program: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"{cli.COMMANDS[name].module}.main", interrupt)
    assert cli.run_command(name, [], program) == 130
    assert capsys.readouterr().err == said


def test_the_launcher_is_fetch_under_its_old_name() -> None:
    done = subprocess.run(
        [sys.executable, paths.FETCH_SCRIPT, "--sessions", "0"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "fetch_b3_data: SESSIONS=0 is not a number of sessions: give 1 or more, like SESSIONS=60.\n"


def test_an_option_comes_before_its_variable_and_that_before_the_default() -> None:
    parser = Parser("b3lake", "")
    parser.add_setting("--per-cent", "PER_CENT", "100 % of it", "7")
    assert parser.read(["--per-cent", " 3 "], {"PER_CENT": "5"}).text("per_cent") == "3"
    assert parser.read([], {"PER_CENT": "5"}).text("per_cent") == "5"
    assert parser.read([], {"PER_CENT": ""}).text("per_cent") == "7"
    assert "100 % of it [PER_CENT; default 7]" in parser.format_help()
    with pytest.raises(UsageError, match=r"PER_CENT=5 is not known: choose one of 7, 8\."):
        parser.read(["--per-cent", "5"], {}).choice("per_cent", ("7", "8"))
