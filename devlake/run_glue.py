"""Carries out the Glue job's runs: the deployed script, with its deployed arguments, on local Spark.

The AWS emulator records a run and calls it succeeded at once, without running anything. Here the runs that are on
record and not yet carried out are carried out together, by one run that starts after all of them were asked for: as on
Glue, where one run at a time is allowed, a run covers every request made before it started.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from devlake.child_process import LONG_SECONDS, run_child
from devlake.emulator import Emulator
from devlake.errors import DevLakeError
from devlake.find_java import find_java

# Two threads and a small heap: the lake on a laptop is small, and Spark takes what it is given. The JVM's second
# compiler costs such a short run more than it saves.
SPARK_ARGUMENTS = (
    "--master local[2] --driver-memory 512m --driver-java-options -XX:TieredStopAtLevel=1"
    " --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1"
    " --conf spark.sql.shuffle.partitions=2 --conf spark.default.parallelism=2 pyspark-shell"
)
WAIT_SECONDS = 180.0
_CARRIED_OUT = "glue_runs_carried_out.json"


@dataclass(frozen=True)
class GlueRun:
    """One run that was carried out: the requests that it covered, and the job's own closing summary."""

    run_ids: tuple[str, ...]
    summary: dict[str, Any]

    def warnings(self) -> list[str]:
        """A sentence for each kind of thing that the run left out; in an account, alarms report them."""
        counts = {name: self.summary.get(name, 0) for name in ("unreadable_objects", "kept_partitions")}
        texts = {
            "unreadable_objects": "Raw objects that cannot be read: {}. `b3lake doctor` names them.",
            "kept_partitions": "Refined rows that were kept though their raw objects are gone: {}. See refine_job.log.",
        }
        return [texts[name].format(count) for name, count in counts.items() if count]


def spark_environment(aws: Emulator, folder: Path) -> dict[str, str]:
    """The environment in which the job finds Java, a local Spark and the AWS emulator."""
    return aws.environment() | local_spark(find_java(), folder)


def local_spark(java: Path, folder: Path) -> dict[str, str]:
    """The variables by which pyspark starts this virtualenv's Spark in `java`; its files go into `folder`."""
    return {
        "JAVA_HOME": str(java),
        "PYSPARK_SUBMIT_ARGS": SPARK_ARGUMENTS,
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_HOME": str(spark_home()),
        "SPARK_LOCAL_DIRS": str(folder / "spark"),
    }


def spark_home() -> Path:
    """The Spark that came with the virtualenv; found without the second that importing pyspark takes."""
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise DevLakeError("There is no Spark here: run `make setup`.")
    return Path(found.origin).parent


def runs_to_carry_out(aws: Emulator, job: str, folder: Path) -> list[str]:
    """Ids of the job's runs that are on record and were not carried out yet, oldest first."""
    done = _carried_out(folder)
    pages = aws.client("glue").get_paginator("get_job_runs").paginate(JobName=job)
    runs = sorted((run["StartedOn"], run["Id"]) for page in pages for run in page["JobRuns"])
    return [run_id for _, run_id in runs if run_id not in done]


def carry_out_runs(
    aws: Emulator,
    job: str,
    folder: Path,
    *,
    on_line: Callable[[str], None] = lambda _line: None,
) -> GlueRun:
    """Run the job once for all its pending runs (once too when there are none). Raises DevLakeError when it fails."""
    run_ids = runs_to_carry_out(aws, job, folder)
    definition = aws.client("glue").get_job(JobName=job)["Job"]
    script = _download_script(aws, definition["Command"]["ScriptLocation"], folder)
    arguments = definition.get("DefaultArguments", {}) | {"--JOB_NAME": job}
    lines: list[str] = []

    def keep(line: str) -> None:
        lines.append(line)
        on_line(line)

    log = folder / "refine_job.log"
    command = [sys.executable, script, *(word for pair in arguments.items() for word in pair)]
    environment = spark_environment(aws, folder)
    code = run_child(command, environment=environment, log=log, on_line=keep, seconds=LONG_SECONDS)
    if code != 0:
        raise DevLakeError(f"The refine job failed (exit code {code}): {_last_words(lines)} See {log}.")
    _mark_carried_out(folder, run_ids)
    return GlueRun(tuple(run_ids), _summary(lines, log))


def wait_for_events(aws: Emulator, queue: str, job: str, folder: Path) -> int:
    """Wait until the queue named `queue` has handed every event to the function, and the function has asked for a run.

    Returns the number of runs asked for. Raises DevLakeError when that takes more than WAIT_SECONDS.
    """
    sqs = aws.client("sqs")
    queue_url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        counts = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        pending = runs_to_carry_out(aws, job, folder)
        if pending and not any(int(counts[name]) for name in names):
            return len(pending)
        time.sleep(0.2)
    raise DevLakeError(f"The events did not reach the Glue job in {WAIT_SECONDS:.0f} s: see {aws.log}.")


def _download_script(aws: Emulator, location: str, folder: Path) -> Path:
    """The script under the name that it was uploaded by, which has no ending: so Glue runs it too."""
    where = urlsplit(location)
    script = folder / Path(where.path).name
    aws.client("s3").download_file(where.netloc, where.path.lstrip("/"), str(script))
    return script


def _summary(lines: list[str], log: Path) -> dict[str, object]:
    for line in reversed(lines):
        if line.startswith("{"):
            summary: dict[str, object] = json.loads(line)
            return summary
    raise DevLakeError(f"The refine job ended without its summary: see {log}.")


def _last_words(lines: list[str]) -> str:
    spoken = [line for line in lines if line.strip() and not line.startswith("{")]
    return spoken[-1] if spoken else "it printed nothing."


def _carried_out(folder: Path) -> set[str]:
    try:
        return set(json.loads((folder / _CARRIED_OUT).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, TypeError) as error:
        raise DevLakeError(f"{folder / _CARRIED_OUT} is damaged: delete it; the next run does all again.") from error


def _mark_carried_out(folder: Path, run_ids: list[str]) -> None:
    record = folder / _CARRIED_OUT
    fresh = record.with_suffix(".new")
    fresh.write_text(json.dumps(sorted(_carried_out(folder) | set(run_ids))), encoding="utf-8")
    fresh.replace(record)
