"""Runs one program of the pipeline as a child process, line by line."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devlake import paths
from devlake.supervise import end_tree

LIMIT_SECONDS = 1800.0


def run_child(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path,
    on_line: Callable[[str], None] = lambda _line: None,
    seconds: float = LIMIT_SECONDS,
) -> int:
    """Run `command` to its end, at most `seconds`; returns its exit code.

    Every line that it prints goes to the file `log` and to `on_line`. The child and all that it starts end with this
    process, with an exception raised in it (Ctrl-C, say), and with the time limit (exit code 124).
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    supervised = [sys.executable, "-m", "devlake.supervise", str(seconds), "--with-parent", "--", *map(str, command)]
    process = subprocess.Popen(
        supervised,
        cwd=paths.ROOT,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C reaches this process alone, which ends the child in order
    )
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    try:
        with log.open("w", encoding="utf-8") as sink:
            for line in process.stdout:
                sink.write(line)
                on_line(line.rstrip("\n"))
        return process.wait()
    finally:
        end_tree(process.pid)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        process.stdout.close()
