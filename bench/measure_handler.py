"""Times a cold start of start_glue_job beside boto3's own, and one invocation: `python -m bench.measure_handler`.

Each figure is the median of fresh processes, as a cold start is one. The client is answered by a stub, so that what is
measured is this code and botocore, not a network.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from b3lake.lake.keys import RAW_PREFIX

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 9
TARGET_MS = 300.0  # the handler's own import, beside boto3's

MEASURE = """
import json, sys, time
start = time.perf_counter(); import boto3, botocore.config; boto3_ms = (time.perf_counter() - start) * 1e3
loaded = set(sys.modules)
start = time.perf_counter(); from start_glue_job import app; own_ms = (time.perf_counter() - start) * 1e3
imported = sorted(name for name in set(sys.modules) - loaded if "." not in name)
from botocore.stub import Stubber
start = time.perf_counter(); runs, _ = app._configured(); client_ms = (time.perf_counter() - start) * 1e3
stub = Stubber(runs._glue)
for _ in range(2):
    stub.add_response("start_job_run", {{"JobRunId": "jr_1"}})
stub.activate()
event = json.load(open({event!r}))
start = time.perf_counter(); app.lambda_handler(event, None); first_ms = (time.perf_counter() - start) * 1e3
start = time.perf_counter(); app.lambda_handler(event, None); warm_ms = (time.perf_counter() - start) * 1e3
print(json.dumps(dict(boto3=boto3_ms, own=own_ms, client=client_ms, first=first_ms, warm=warm_ms, imported=imported)))
"""


def measure_once() -> dict[str, Any]:
    """The figures of one fresh process, in milliseconds, and the modules that the handler alone brought in."""
    code = MEASURE.format(event=str(ROOT / "events" / "s3_put.json"))
    environment = {
        "REFINE_JOB_NAME": "job",
        "RAW_PREFIX": f"{RAW_PREFIX}/",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    # -B: as on Lambda, whose copy of the code has no compiled files.
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=ROOT / "functions",  # the root of what Lambda gets
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout))


def main() -> int:
    """Print the medians; returns 1 when the handler's own import is over its target."""
    runs = [measure_once() for _ in range(PROCESSES)]
    imported = runs[0].pop("imported")
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    print(f"import of boto3                    {medians['boto3']:8.1f} ms")
    print(f"import of the handler beside it    {medians['own']:8.1f} ms   (target: under {TARGET_MS:.0f})")
    print(f"first Glue client                  {medians['client']:8.1f} ms")
    print(f"first invocation, bare event       {medians['first']:8.1f} ms")
    print(f"next invocation                    {medians['warm']:8.1f} ms")
    print(f"modules that only the handler needs: {', '.join(imported)}")
    return 0 if medians["own"] < TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
