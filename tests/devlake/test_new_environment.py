"""`make environment` adds an environment that every command of SAM's takes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib

from devlake import new_environment, paths
from devlake.errors import DevLakeError
from devlake.new_environment import add_environment


@pytest.fixture
def samconfig(tmp_path: Path) -> Path:
    """A copy of samconfig.toml without what somebody added to the project's own environments."""
    copy = tmp_path / "samconfig.toml"
    own = re.split(r"\n(?=.*\n\[(?!default|dev|prod|lab)\w+\.)", new_environment.SAMCONFIG.read_text(encoding="utf-8"))[
        0
    ]
    copy.write_text(own, encoding="utf-8")
    return copy


@pytest.mark.parametrize("like", ["dev", "prod", "lab"])
def test_a_new_environment_differs_from_the_copied_one_in_its_name_alone(samconfig: Path, like: str) -> None:
    before = tomllib.loads(samconfig.read_text())
    add_environment(samconfig, "test", like)
    after = tomllib.loads(samconfig.read_text())
    added = after.pop("test")
    assert after == before
    assert added["global"]["parameters"]["stack_name"] == "tech-challenge2-test"
    renamed = tomllib.loads(
        samconfig.read_text()
        .replace("tech-challenge2-test", f"tech-challenge2-{like}")
        .replace("nv=test", f"nv={like}")
    )
    assert renamed["test"] == before[like]


@pytest.mark.parametrize(
    ("env", "like", "said"),
    [
        ("prod", "dev", "has the environment prod already: sam deploy --config-env prod."),
        ("test", "nowhere", "has no environment nowhere to copy: LIKE is one of default, dev, prod, lab."),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_is_written(
    samconfig: Path, env: str, like: str, said: str
) -> None:
    before = samconfig.read_bytes()
    with pytest.raises(DevLakeError, match=said):
        add_environment(samconfig, env, like)
    assert samconfig.read_bytes() == before


def test_an_impossible_name_is_refused_by_the_command() -> None:
    command = [sys.executable, "-m", "devlake.new_environment"]
    environment = {"LAKE_ENV": "Test-1", "PYTHONPATH": str(paths.ROOT)}
    before = new_environment.SAMCONFIG.read_bytes()
    done = subprocess.run(command, cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: LAKE_ENV is 'Test-1': ")
    assert new_environment.SAMCONFIG.read_bytes() == before
