"""The lines that a laptop's schedulers are given, run as cron runs them: a bare environment, /bin/sh, no terminal."""

import plistlib
import re
import subprocess
from pathlib import Path

import pytest

from devlake import paths
from devlake.copy_checkout import copy_checkout
from devlake.fake_http import serving
from devlake.fake_sources import FakeSources
from devlake.ingest_quotes import fake_origin

DOCUMENT, TRANSLATION = (paths.ROOT / "docs" / name for name in ("laptop.md", "laptop.pt-BR.md"))


def blocks(document: Path) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", document.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def cron_lines() -> list[tuple[str, str]]:
    """Each line's hours and command."""
    found = re.findall(r"^(\d+ \d+ \* \* 1-5)  (.+)$", "\n".join(blocks(DOCUMENT)), re.MULTILINE)
    return [(hours, command) for hours, command in found]


def launchd_file() -> dict[str, object]:
    return dict(plistlib.loads(next(block for block in blocks(DOCUMENT) if block.startswith("<?xml")).encode()))


def launchd_command() -> str:
    shell, flag, command = launchd_file()["ProgramArguments"]
    assert (shell, flag) == ("/bin/sh", "-c")
    return str(command)


def test_all_three_schedulers_have_the_same_hour_and_command() -> None:
    (up, filled), (_, down) = cron_lines()
    assert up == "15 21 * * 1-5"
    days = [{"Weekday": day, "Hour": 21, "Minute": 15} for day in range(1, 6)]
    assert launchd_file()["StartCalendarInterval"] == days
    assert launchd_command() == f"{filled}; make down"
    assert down == 'cd "$HOME/b3-lake" && make down'
    task = re.search(r"/D MON,TUE,WED,THU,FRI /ST 21:15 /TR \"(.+)\"", "\n".join(blocks(DOCUMENT)))
    assert task
    assert task[1] == f"wsl.exe -d Ubuntu -- sh -c '{launchd_command()}'".replace('"$HOME/b3-lake"', "~/b3-lake")
    assert len(task[1]) <= 261  # more is refused by schtasks


def test_the_translation_has_the_same_lines() -> None:
    without_comments = [
        [re.sub(r"\s+#.*", "", "\n".join(block.splitlines())) for block in blocks(document)]
        for document in (DOCUMENT, TRANSLATION)
    ]
    assert without_comments[0] == without_comments[1]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_lines_fill_a_lake_in_crons_environment(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "b3-lake")
    with serving(FakeSources()) as url:
        environment = {"HOME": str(tmp_path), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", "LOGNAME": "student"}
        environment |= fake_origin(url).settings()  # so that it asks no network

        def run(command: str) -> str:
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout
            return done.stdout

        try:
            (_, filled), (_, down) = cron_lines()
            first = run(filled)
            assert re.search(r"✓ Ingest quotes [1-9]\d* objects written", first), first
            assert re.search(r"✓ Refine on Spark [1-9]\d* partitions written", first), first
            assert run(down) == "The lake is down; its data stays in .lake/.\n"
            again = run(launchd_command())
            assert "✓ Ingest quotes 0 objects written" in again, again
            assert again.endswith("The lake is down; its data stays in .lake/.\n")
        finally:
            subprocess.run(["make", "down"], cwd=checkout, check=False, capture_output=True)
