"""`python -m tests.chaos --seed 1 --faults 200`: break the pipeline; if it fails, exit code 1 and the seed."""

import argparse
import json
import random
import shutil
import sys
import time
from pathlib import Path

from b3lake.lake.names import Names
from devlake import paths
from devlake.aws_requests import AwsRequest
from devlake.emulator import running
from devlake.errors import DevLakeError
from devlake.fake_http import serving as serving_yahoo
from devlake.glue_runs import GlueRuns
from devlake.proxy import Answer, Proxy
from devlake.proxy import serving as serving_proxy
from tests.chaos.chaos_run import ChaosRun
from tests.chaos.errors import ChaosError
from tests.chaos.market import Market
from tests.chaos.pipeline import Pipeline
from tests.chaos.plan import rounds

FOLDER = paths.STATE / "chaos"
SECONDS = 3600.0


def run_chaos(seed: int, faults: int, settle_every: int, folder: Path) -> None:
    """Carry out rounds until `faults` came about; settle and compare after every so many. Raises ChaosError."""
    started = time.monotonic()
    market, runs = Market(), GlueRuns(Names().refine_job)

    def answer_for_glue(request: AwsRequest) -> Answer | None:
        own = runs.answer(request.operation, json.loads(request.body)) if request.service == "glue" else None
        return Answer.of_json(*own) if own else None

    with running(seconds=SECONDS) as aws, serving_yahoo(market.yahoo) as yahoo:
        at_ingestion, at_job = Proxy(aws.endpoint_url), Proxy(aws.endpoint_url)
        at_function = Proxy(aws.endpoint_url, intercept=answer_for_glue)
        with serving_proxy(at_ingestion) as one, serving_proxy(at_job) as two, serving_proxy(at_function) as three:
            pipeline = Pipeline(aws, folder, yahoo)
            pipeline.shorten_visibility(three)
            run = ChaosRun(pipeline, market, runs, proxies=(at_ingestion, at_job), urls=(one, two))
            run.fill()
            print(f"the lake is filled, {time.monotonic() - started:.0f} s", flush=True)
            compared, settled = 0, 0
            for planned in rounds(seed):
                run.carry_out(planned)
                total = run.met.total()
                print(f"round {planned.number}: {total} faults, {time.monotonic() - started:.0f} s", flush=True)
                if total >= faults or total >= settled + settle_every:
                    rows = run.settle(pipeline.empty_lake(planned.number))
                    compared, settled = compared + rows, total
                    print(f"  equal to the quiet lake: {rows} rows, {time.monotonic() - started:.0f} s", flush=True)
                if total >= faults:
                    break
    spoilt = at_ingestion.spoilt + at_job.spoilt
    for line in summary(run, f"{spoilt} answers spoilt, {runs.refused} runs refused"):
        print(line)
    print(f"{compared:6} rows compared, none lost, doubled or wrong; seed {seed}, {time.monotonic() - started:.0f} s")


def summary(run: ChaosRun, spoilt: str) -> list[str]:
    """The faults that came about, by kind, and the programs that ran, a line each."""
    return [
        *(f"{run.met[kind]:6} {kind.value}" for kind in sorted(run.met, key=lambda kind: kind.value)),
        f"{run.met.total():6} faults of {len(run.met)} kinds; {spoilt}",
        *(f"{count:6} {name}" for name, count in sorted(run.counts.items())),
        *(f"{seconds:6.0f} s of {name}" for name, seconds in run.seconds.items()),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Break the pipeline on this machine.")
    parser.add_argument("--seed", type=int, help="repeats a run; chosen by chance otherwise")
    parser.add_argument("--faults", type=int, default=200, help="how many things are to go wrong")
    parser.add_argument("--settle-every", type=int, default=170, help="faults between two comparisons")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    print(f"seed {seed}", flush=True)
    try:
        run_chaos(seed, options.faults, options.settle_every, FOLDER)
    except (ChaosError, DevLakeError) as error:
        print(f"error: {error}\nLogs are in {FOLDER}. Again: make chaos SEED={seed} FAULTS={options.faults}",
              file=sys.stderr)  # fmt: skip
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
