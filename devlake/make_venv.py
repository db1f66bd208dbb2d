"""Makes one of the virtualenvs: `make_venv.py NAME REQUIREMENTS` fills .venvs/NAME from requirements/REQUIREMENTS.txt.

It runs on whatever Python 3 the machine has, before anything is installed, to say clearly what is missing: so it uses
the standard library alone, and syntax that Python 3.6 reads.
"""

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

OLDEST, NEWEST = (3, 11), (3, 13)  # what CI tries
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # it is run as a script, so that it fills the virtualenvs of its own checkout

from devlake.tell import told  # noqa: E402


def fail(message: str) -> NoReturn:
    sys.stderr.write(f"{told('error:')} {told(message)}\n")
    sys.exit(1)


def check_python() -> None:
    """Refuse a Python that is too old or cannot make virtualenvs; warn of one that is newer than those tried."""
    found = f"This is Python {sys.version_info[0]}.{sys.version_info[1]}"
    if sys.version_info[:2] < OLDEST:
        fail(f"{found}, and the lake needs 3.11, 3.12 or 3.13: install one and run `make PYTHON=python3.13 setup`.")
    if sys.version_info[:2] > NEWEST:
        warning = (
            f"warning: {found}, and the lake was tried with 3.11 to 3.13: where this one fails, remove .venvs/ and run"
            " `make PYTHON=python3.13 setup`."
        )
        sys.stderr.write(f"{told(warning)}\n")
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian's Python may lack it
    except ImportError:
        fail("This Python cannot make virtualenvs: install its venv package (Debian: `apt-get install python3-venv`).")


def explain(output: str) -> str:
    """One sentence for what pip could not do."""
    if "No space left" in output:
        return "the disk is full: the lake's virtualenvs take about 2.6 GB"
    if (
        "No matching distribution" in output
        and "Could not find a version" in output
        and "from versions: none" not in output
    ):
        return "the package index lacks a pinned version"
    network = (
        "from versions: none",
        "NewConnectionError",
        "Failed to establish",
        "ConnectTimeout",
        "ProxyError",
        "getaddrinfo",
    )
    if any(word in output for word in network):
        return (
            "the package index cannot be reached: check the network, or pip's settings if your index is a private one"
        )
    return "pip failed"


def make_class_archive(python: str, log: Path) -> None:
    """Make the archive of classes from which Spark starts sooner; where that fails, the installation goes on."""
    print(told("preparing Spark for a quick start: up to a minute ..."), flush=True)
    with log.open("ab") as sink:
        command = [python, "-m", "devlake.class_archive"]
        code = subprocess.call(command, cwd=str(ROOT), stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if code != 0:
        warning = f"warning: Spark could not be prepared: it works, and starts slowly. Details: .venvs/{log.name}."
        sys.stderr.write(f"{told(warning)}\n")


def main() -> None:
    name, requirements = sys.argv[1], ROOT / "requirements" / (sys.argv[2] + ".txt")
    check_python()
    folder, log = ROOT / ".venvs" / name, ROOT / ".venvs" / (name + ".log")
    print(told(f"installing {requirements.relative_to(ROOT)} into .venvs/{name} ..."), flush=True)
    folder.parent.mkdir(exist_ok=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    commands = [[sys.executable, "-m", "venv", str(folder)], [*install, "-r", str(requirements)]]
    if name == "tech":  # the application itself, as it stands in the checkout
        commands.append([*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    with log.open("wb") as sink:
        for command in commands:
            if subprocess.call(command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) != 0:
                reason = explain(log.read_text(encoding="utf-8", errors="replace"))
                fail(f"The virtualenv .venvs/{name} could not be filled, {reason}. Details: .venvs/{name}.log.")
    if sys.argv[2] == "tech":
        make_class_archive(str(folder / "bin" / "python"), log)


if __name__ == "__main__":
    main()
