"""The file that Glue runs, as Glue runs it: alone, without an ending, with executors in processes of their own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.refine.conftest import CREDENTIALS, ROOT, SPARK
from tests.refine.small_lake import SmallLake, bar, day

pytestmark = pytest.mark.slow
CLUSTER = "--master local-cluster[2,1,512] --conf spark.executor.memory=512m"


def run_script(
    folder: Path, lake: SmallLake, *more: str, master: str = CLUSTER, python: Path = Path(sys.executable)
) -> "subprocess.CompletedProcess[str]":
    """Run a copy of the job's file on a Spark that is told no Python, while `python3` is one that cannot be used.

    The Spark is that of `python`. Functions of a script reach the executors as values, those of a module by their
    names: only the former are tried.
    """
    (spark_home,) = python.parents[1].glob("lib/python3*/site-packages/pyspark")
    script = folder / "0123456789abcdef"
    shutil.copy(ROOT / "glue" / "refine_job.py", script)
    (folder / "python3").write_text("#!/bin/sh\nexit 77\n")
    (folder / "python3").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYSPARK", "PYTHON"))}
    environment |= CREDENTIALS | {
        "AWS_ENDPOINT_URL": lake.endpoint,
        "JAVA_HOME": SPARK["JAVA_HOME"],
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYSPARK_SUBMIT_ARGS": SPARK["PYSPARK_SUBMIT_ARGS"].replace("--master local[2]", master),
        "SPARK_HOME": str(spark_home),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    command = [str(python), str(script), *lake.arguments(*more)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env=environment, timeout=240
    )


def summary_of(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """The job's last line; Spark 3.3's own log follows it when a cluster of its own ends."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stderr
    return json.loads(lines[-1])


def test_the_script_alone_refines_a_lake(lake: SmallLake, tmp_path: Path) -> None:
    lake.fill(["PETR4", "VALE3"], range(8))
    lake.put_broken("VALE3", day(3))
    first = run_script(tmp_path, lake, master=CLUSTER)
    assert summary_of(first)["refined_partitions"] == 15, first.stderr
    assert first.returncode == 0, first.stderr
    assert (
        "1 raw object cannot be read, the rest is refined: fetch again, or remove, what "
        f"s3://{lake.bucket}/state/refined/b3/unreadable.json lists.\n"
    ) in first.stderr
    lake.check()

    lake.put("VALE3", day(3), bar(day(3)))
    second = run_script(tmp_path, lake, master="--master local[2]")
    assert second.returncode == 0, second.stderr
    assert summary_of(second)["written_objects"] == 5
    lake.check()


def test_spark_that_does_not_start_is_one_sentence(lake: SmallLake, tmp_path: Path) -> None:
    lake.fill(["PETR4"], range(1))
    done = run_script(tmp_path, lake, master="--master none")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("The refine job failed. Spark does not start (")
    assert last.endswith("): install Java 17, and set JAVA_HOME to it.")


LOCAL = "--master local[2]"
OTHERS = {"tech": "Glue 5.x", "glue4": "Glue 4.0", "glue6": "Glue 6.0"}
"""Virtualenvs with the Spark of Glue's versions; `make test-glue4` and `make test-glue6` make the latter two."""


@pytest.mark.parametrize("name", [name for name in OTHERS if Path(sys.prefix).name != name])
def test_another_glue_version_and_back(lake: SmallLake, tmp_path: Path, name: str) -> None:
    """As docs/operations.md has it: neither the first run of the other version nor the first one after it has anything
    to do, and what the other one adds is what this one would have."""
    other = ROOT / ".venvs" / name / "bin" / "python"
    if not other.exists():
        pytest.skip(f"there is no .venvs/{name} with the Spark of {OTHERS[name]}")
    if name == "glue6" and not os.environ.get("WHOLE_JAVA_HOME"):
        pytest.skip("Spark 4 needs a whole Java 17: name it in WHOLE_JAVA_HOME")
    lake.fill(["PETR4", "VALE3"], range(8))
    assert written(run_script(tmp_path, lake, master=LOCAL)) == 16
    objects = lake.objects("")
    assert written(run_script(tmp_path, lake, master=LOCAL, python=other)) == 0
    assert lake.objects("") == objects
    lake.put("PETR4", day(8), bar(day(8), 12.5))
    assert written(run_script(tmp_path, lake, master=LOCAL, python=other)) == 1
    objects = lake.objects("")
    assert written(run_script(tmp_path, lake, master=LOCAL)) == 0
    assert lake.objects("") == objects
    lake.check()


def written(done: "subprocess.CompletedProcess[str]") -> int:
    """The refined objects that a run wrote; it succeeded."""
    assert done.returncode == 0, done.stderr
    return int(summary_of(done)["written_objects"])
