"""Carries out the rounds of a plan on the real pipeline, and settles it: then nothing may be lost, doubled or wrong."""

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial

from tests.chaos.compare import Contents, differences, read_contents, unreadable_objects
from tests.chaos.damage import Damage
from tests.chaos.errors import ChaosError
from tests.chaos.events import Queue
from tests.chaos.glue_runs import GlueRuns, JobRun
from tests.chaos.market import Market
from tests.chaos.pipeline import Pipeline, Place
from tests.chaos.plan import INGEST_KILLED, MEANWHILE, REFINE_KILLED, Fault, Round
from tests.chaos.processes import Ended, Process
from tests.chaos.proxy import Proxy, Rule

ANSWERS = {
    "S3 answers 500": ("s3", "500"),
    "S3 answers 503": ("s3", "503"),
    "S3 drops the connection": ("s3", "drop"),
    "S3 does it and drops the connection": ("s3", "deaf"),
    "S3 ends half way through its answer": ("s3", "cut"),
    "S3 answers after a second": ("s3", "slow"),
    "Glue throttles": ("glue", "throttle"),
    "Glue answers 500": ("glue", "500"),
}
WINDOW_SESSIONS = 10
EVENTS_SECONDS = 120.0
RUNS_PER_ROUND = 2
INGESTION_CODES = {0, 1, 3}  # 1: nothing could be done, when Yahoo or S3 let every ticker down


class Ordeal:
    """One torture run: `met` counts the faults that came about, by kind."""

    def __init__(
        self, pipeline: Pipeline, market: Market, runs: GlueRuns, *, proxies: tuple[Proxy, Proxy], urls: tuple[str, str]
    ) -> None:
        self._pipeline, self._market, self._runs = pipeline, market, runs
        self._at_ingestion, self._at_refine = proxies
        self._ingestion_place, self._refine_place = (pipeline.place(url) for url in urls)
        self.place = pipeline.place(pipeline.aws.endpoint_url)
        self._damage = Damage(pipeline.aws, self.place.bucket, self.place.database)
        self._queue = Queue(pipeline.aws.client("sqs"), pipeline.queue_url)
        self._process: Process | None = None
        self._killed = False
        self.met: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def fill(self) -> None:
        """Fill the lake quietly, so that there is something to damage."""
        _demand(self._pipeline.ingestion(self.place).wait(), "the first ingestion")
        self._drain()

    def endure(self, planned: Round) -> None:
        """One round: damage, an ingestion with its faults, its events, and the runs of the job that they ask for."""
        self._market.drift(planned.number)
        for fault in planned.damage:
            self._note(fault, met=self._damage.do(fault))
        for fault in planned.yahoo:
            self._market.lie(fault, partial(self._note, fault))
        self._arm(self._at_ingestion, planned.ingest)
        self._ingest(None if planned.whole_range else WINDOW_SESSIONS)
        self._market.be_honest()
        for fault in planned.events:
            self._disturb(fault)
        self._arm(self._at_refine, planned.refine)
        for _ in range(RUNS_PER_ROUND):
            run = self._wait_for_run()
            if run is None:
                break
            self._carry_out(run, self._refine_place)

    def settle(self, quiet: Place) -> int:
        """Let one ingestion and its runs go by quietly, and compare with a quiet lake; returns the rows compared.

        Raises ChaosError.
        """
        for proxy in (self._at_ingestion, self._at_refine):
            proxy.disarm()
        self._runs.turn_away.clear()
        self._runs.refuse = 0
        self._damage.take_strays_away()
        _demand(self._pipeline.ingestion(self.place).wait(), "the ingestion after the faults")
        self._drain()
        _demand(self._pipeline.ingestion(quiet).wait(), "the quiet ingestion")
        _demand(self._pipeline.refine(quiet).wait(), "the quiet refine run")
        wanted = read_contents(self._pipeline.aws, quiet.bucket, quiet.database)
        bars = sum(len(listed) for listed in self._market.bars.values())
        if wanted.row_counts() != dict.fromkeys(wanted.rows, bars):
            raise ChaosError(
                f"The quiet lake has {wanted.row_counts()} rows of {bars} bars: there is nothing to compare"
            )
        self._demand_equal(wanted, "after the faults", partitions=not self._damage.forgot)
        if self._damage.forgot:
            self.counts["runs in full mode, after the catalog forgot"] += 1
            _demand(self._pipeline.refine(self.place, full=True).wait(), "the run in full mode")
            self._damage.forgot = False
            self._demand_equal(wanted, "after a run in full mode")
        again = _summary(_demand(self._pipeline.refine(self.place).wait(), "one more run"))
        if any(again[name] for name in ("refined_partitions", "written_objects", "deleted_partitions")):
            raise ChaosError(f"A run with nothing to do did something: {again}")
        return sum(wanted.row_counts().values())

    def _demand_equal(self, wanted: Contents, when: str, *, partitions: bool = True) -> None:
        there = read_contents(self._pipeline.aws, self.place.bucket, self.place.database)
        found = differences(there, wanted, partitions=partitions)
        if found:
            raise ChaosError("\n  ".join([f"The lake is not the quiet one {when}:", *found]))

    def _note(self, fault: Fault, *, met: bool = True) -> None:
        if met:
            self.met[fault.kind] += 1

    def _arm(self, proxy: Proxy, faults: list[Fault]) -> None:
        for fault in faults:
            service, answer = ANSWERS.get(fault.kind, ("s3", ""))
            proxy.arm(
                Rule(
                    service,
                    skip=fault.at if service == "s3" else fault.at % 4,
                    left=fault.count if answer else 1,
                    answer=answer,
                    deed=self._deed(fault),
                    on_first=partial(self._note, fault),
                )
            )

    def _deed(self, fault: Fault) -> Callable[[], None] | None:
        if fault.kind in {INGEST_KILLED, REFINE_KILLED}:
            return lambda: self._kill(fault)
        if fault.kind in MEANWHILE:
            return lambda: self._meanwhile(fault)
        return None

    def _meanwhile(self, fault: Fault) -> None:
        self._damage.do(fault)

    def _kill(self, fault: Fault) -> None:
        self._killed = True
        if self._process:
            self._process.kill(random.Random(fault.dice))

    def _disturb(self, fault: Fault) -> None:
        if fault.kind == "Glue refuses a run":
            self._runs.refuse += fault.count
        elif fault.kind.startswith("Glue "):
            code = "ThrottlingException" if "throttles" in fault.kind else "AccessDeniedException"
            self._runs.turn_away += [code] * fault.count
        else:
            self._queue.disturb(fault, self._damage.keys("raw/b3/"))
        self._note(fault)

    def _ingest(self, sessions: int | None) -> None:
        began, self._killed = time.monotonic(), False
        self._process = self._pipeline.ingestion(self._ingestion_place, sessions=sessions)
        ended = self._process.wait()
        self.counts["ingestions"] += 1
        self.seconds["ingestions"] += time.monotonic() - began
        if self._killed:
            return
        if ended.code not in INGESTION_CODES or "Traceback" in ended.text:
            raise ChaosError(f"The ingestion ended with exit code {ended.code}:\n{ended.text[-2000:]}")
        self.counts["objects written"] += json.loads(ended.last_json)["summary"]["written"] if ended.last_json else 0

    def _wait_for_run(self) -> JobRun | None:
        """The run that the function asked for, once it did; None when every event is served, or will be by no run."""
        began = time.monotonic()
        deadline = began + EVENTS_SECONDS
        idle = 0
        while time.monotonic() < deadline:
            run = self._runs.asked_for()
            if run:
                return run
            left = 0 if self._runs.given_up() else self._queue.left()
            if left < 0:
                raise ChaosError(
                    f"{-left} messages that nobody can read are gone, instead of kept for the dead letters"
                )
            idle = 0 if left else idle + 1
            if idle == 3:
                return None
            time.sleep(0.3)
        raise ChaosError(f"{self._queue.left()} events were not served within {EVENTS_SECONDS:.0f} s")

    def _carry_out(self, run: JobRun, place: Place) -> None:
        """Run the job as Glue would, and hold it to its word about what it could not read."""
        corrupt = self._damage.still_corrupt()
        began, spoilt, self._killed = time.monotonic(), self._at_refine.spoilt, False
        self._runs.begin(run)
        self._process = self._pipeline.refine(place)
        ended = self._process.wait()
        self._runs.end(run, succeeded=ended.code == 0)
        self.counts["refine runs"] += 1
        self.seconds["refine runs"] += time.monotonic() - began
        if ended.code != 0 and not ended.last_json:
            self.counts["refine runs that failed"] += 1
            if not self._killed and self._at_refine.spoilt == spoilt:
                raise ChaosError(f"The refine job failed for no reason:\n{ended.text[-3000:]}")
        elif not self._killed:
            self._check_report(corrupt & self._damage.still_corrupt())

    def _check_report(self, corrupt: set[str]) -> None:
        told = set(unreadable_objects(self._pipeline.aws.client("s3"), self.place.bucket))
        self.counts["corrupt objects reported"] += len(corrupt & told)
        if corrupt - told:
            raise ChaosError(f"The job did not tell that these are unreadable: {sorted(corrupt - told)}")

    def _drain(self) -> None:
        """Carry out runs until no event is left and the last run succeeded."""
        while True:
            run = self._wait_for_run()
            if run is None and not self._runs.given_up():
                return
            if run is None:
                self.counts["failed runs that an alarm told of"] += 1
                run = self._runs.ask()
            self._carry_out(run, self.place)
            if self._runs.runs[-1].state == "FAILED" and not self._damage.still_corrupt():
                raise ChaosError("The refine job fails although nothing is wrong any more: see refine_job.log")


def _demand(ended: Ended, what: str) -> Ended:
    if ended.code != 0:
        raise ChaosError(f"{what} ended with exit code {ended.code}:\n{ended.text[-3000:]}")
    return ended


def _summary(ended: Ended) -> dict[str, int]:
    told: dict[str, int] = json.loads(ended.last_json)
    return told
