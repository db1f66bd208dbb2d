"""Makes one of the virtualenvs: `make_venv.py NAME REQUIREMENTS` fills .venvs/NAME from requirements/REQUIREMENTS.txt.

It runs on whatever Python the machine has, before anything is installed, to say clearly what is missing: so it uses
the standard library alone, and syntax that old versions read.
"""

import os
import subprocess
import sys

SUPPORTED = ((3, 11), (3, 12))
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def fail(message):
    sys.stderr.write("error: %s\n" % message)
    sys.exit(1)


def check_python():
    if sys.version_info[:2] not in SUPPORTED:
        fail(
            "This is Python %d.%d, and the lake needs 3.11 or 3.12: install one and run `make PYTHON=python3.11 setup`."
            % sys.version_info[:2]
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        fail("This Python cannot make virtualenvs: install its venv package (Debian: `apt-get install python3-venv`).")


def explain(output):
    """One sentence for what pip could not do."""
    if "No space left" in output:
        return "the disk is full: the lake's virtualenvs take about 2.5 GB"
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


def main():
    name, requirements = sys.argv[1], os.path.join(ROOT, "requirements", sys.argv[2] + ".txt")
    check_python()
    folder = os.path.join(ROOT, ".venvs", name)
    log = os.path.join(ROOT, ".venvs", name + ".log")
    print("installing %s into .venvs/%s ..." % (os.path.relpath(requirements, ROOT), name))
    sys.stdout.flush()
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    install = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    commands = [[sys.executable, "-m", "venv", folder], [*install, "-r", requirements]]
    if name == "tech":  # the application itself, as it stands in the checkout
        commands.append([*install, "--no-deps", "--no-build-isolation", "--editable", ROOT])
    with open(log, "wb") as sink:
        for command in commands:
            if subprocess.call(command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) != 0:
                sink.flush()
                with open(log, encoding="utf-8", errors="replace") as source:
                    reason = explain(source.read())
                fail("The virtualenv .venvs/%s could not be filled, %s. Details: .venvs/%s.log." % (name, reason, name))


if __name__ == "__main__":
    main()
