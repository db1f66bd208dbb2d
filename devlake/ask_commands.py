"""The commands that ask the lake that is up: they import nothing of what fills it, which takes longer than to ask."""

import os
import shlex
import subprocess

from devlake import paths
from devlake.ask_lake import TOUR_COMMAND, query_command, query_environment, report_command
from devlake.errors import DevLakeError
from devlake.local_lake import open_lake


def query() -> int:
    sql, file = os.environ.get("SQL", ""), os.environ.get("FILE", "")
    if bool(sql) == bool(file):
        raise DevLakeError("Say what to ask: make query SQL='SELECT …', or make query FILE=queries/latest_close.sql")
    question = f"--sql={sql}" if sql else f"--file={file}"
    return _ask(query_command([question, *shlex.split(os.environ.get("ARGS", ""))]))


def report() -> int:
    return _ask(report_command(paths.STATE / "report.html"))


def tour() -> int:
    return _ask(TOUR_COMMAND)


def _ask(command: list[str]) -> int:
    """Run a command of the query layer on the lake that is up, or with AWS=1 on the one in the caller's account."""
    if os.environ.get("AWS") == "1":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_ENDPOINT_URL")}
    else:
        environment = query_environment(open_lake())
    return subprocess.run(command, cwd=paths.ROOT, env=environment, check=False).returncode
