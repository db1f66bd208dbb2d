"""`python -m tests.chaos --seed 1 --faults 200`: break the pipeline; if it fails, exit code 1 and the seed."""

import argparse
import random
import shutil
import sys
import time
from pathlib import Path

from b3lake.lake.names import Names
from devlake import paths
from devlake.emulator import running
from devlake.errors import DevLakeError
from devlake.fake_yahoo import serving as serving_yahoo
from tests.chaos.chaos_run import Ordeal
from tests.chaos.errors import ChaosError
from tests.chaos.glue_runs import GlueRuns
from tests.chaos.market import Market
from tests.chaos.pipeline import Pipeline
from tests.chaos.plan import rounds
from tests.chaos.proxy import Proxy
from tests.chaos.proxy import serving as serving_proxy

FOLDER = paths.STATE / "torture"
SECONDS = 3600.0


def torture(seed: int, faults: int, settle_every: int, folder: Path) -> None:
    """Endure rounds until `faults` came about, settle and compare every so many of them. Raises ChaosError."""
    started = time.monotonic()
    market = Market()
    at_ingestion, at_refine = Proxy(""), Proxy("")
    runs = GlueRuns(Names().refine_job)
    at_function = Proxy("", intercept=runs.answer)
    with running(seconds=SECONDS) as aws, serving_yahoo(market.fake_yahoo) as yahoo:
        for proxy in (at_ingestion, at_refine, at_function):
            proxy.upstream = aws.endpoint_url
        with serving_proxy(at_ingestion) as one, serving_proxy(at_refine) as two, serving_proxy(at_function) as three:
            pipeline = Pipeline(aws, folder, yahoo)
            pipeline.quicken_queue(three)
            ordeal = Ordeal(pipeline, market, runs, proxies=(at_ingestion, at_refine), urls=(one, two))
            ordeal.fill()
            print(f"the lake is filled, {time.monotonic() - started:.0f} s", flush=True)
            compared, settled = 0, 0
            for planned in rounds(seed):
                ordeal.endure(planned)
                total = ordeal.met.total()
                print(f"round {planned.number}: {total} faults, {time.monotonic() - started:.0f} s", flush=True)
                if total >= faults or total >= settled + settle_every:
                    rows = ordeal.settle(pipeline.empty_lake(planned.number))
                    compared, settled = compared + rows, total
                    print(f"  equal to the quiet lake: {rows} rows, {time.monotonic() - started:.0f} s", flush=True)
                if total >= faults:
                    break
    for kind, count in sorted(ordeal.met.items()):
        print(f"{count:6} {kind}")
    print(f"{ordeal.met.total():6} faults in all; {at_ingestion.spoilt + at_refine.spoilt} answers spoilt,"
          f" {runs.refused} runs refused")  # fmt: skip
    for name, count in sorted(ordeal.counts.items()):
        print(f"{count:6} {name}")
    for name, seconds in ordeal.seconds.items():
        print(f"{seconds:6.0f} s of {name}")
    print(f"{compared:6} rows compared, none lost, doubled or wrong; seed {seed}, {time.monotonic() - started:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Torture the pipeline on this machine.")
    parser.add_argument("--seed", type=int, help="what repeats a run; chosen by chance otherwise")
    parser.add_argument("--faults", type=int, default=200, help="how many things are to go wrong")
    parser.add_argument("--settle-every", type=int, default=70, help="faults between two comparisons")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    print(f"seed {seed}", flush=True)
    try:
        torture(seed, options.faults, options.settle_every, FOLDER)
    except (ChaosError, DevLakeError) as error:
        print(f"error: {error}\nLogs are in {FOLDER}. Again: make chaos SEED={seed} FAULTS={options.faults}",
              file=sys.stderr)  # fmt: skip
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
