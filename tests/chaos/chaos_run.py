"""Carries out the rounds of a plan on the real pipeline, and compares it with a quiet one once it has settled."""

import datetime as dt
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from b3lake.lake.keys import raw_key
from devlake.glue_runs import GlueRuns, JobRun
from devlake.proxy import Proxy, Rule
from functions.start_glue_job.refine_runs import SUCCEEDED, TRIES
from tests.chaos.compare import Contents, differences, read_contents, unreadable_objects
from tests.chaos.damage import RAW, LakeDamage, newest_days
from tests.chaos.errors import ChaosError
from tests.chaos.events import Queue
from tests.chaos.faults import Damage, EventFault, Fault, JobFault, Kind, RunFault
from tests.chaos.few_at_a_time import FewAtATime
from tests.chaos.market import SYMBOLS, Market
from tests.chaos.neighbour import Neighbour
from tests.chaos.pipeline import LakeAddress, Pipeline
from tests.chaos.plan import Round
from tests.chaos.program import Program, demand
from tests.chaos.quiet import fill_quietly
from tests.chaos.rules import ENDINGS, LIES, RUN_ERRORS, rule

CORRUPTED = (Damage.RAW_CORRUPTED, JobFault.RAW_CORRUPTED)
WINDOW_SESSIONS = 10
EVENTS_SECONDS = 120.0
POLL_SECONDS, QUIET_POLLS = 0.3, 3
# After runs that failed the queue is never empty: new events have been gathered for a second and seen twice by then.
GIVEN_UP_POLLS = 25
TRIES_PER_ROUND = 3
REPORTED = "corrupt objects reported"
NOTHING_DONE = 1  # when Yahoo or S3 let every ticker down
INGESTION_CODES = {0, NOTHING_DONE, 3}


class ChaosRun:
    """One run: `met` counts the faults that came about, by kind."""

    def __init__(
        self, pipeline: Pipeline, market: Market, runs: GlueRuns, *, proxies: tuple[Proxy, Proxy], urls: tuple[str, str]
    ) -> None:
        self._pipeline, self._market, self._runs = pipeline, market, runs
        self._at_ingestion, self._at_job = proxies
        self._job_faults = FewAtATime(self._at_job)
        self._ingestion_lake, self._job_lake = (pipeline.lake(url) for url in urls)
        self.lake = pipeline.lake(pipeline.aws.endpoint_url)
        self._damage = LakeDamage(pipeline.aws, self.lake.bucket, self.lake.database)
        self._queue = Queue(pipeline.aws.client("sqs"), pipeline.queue_url)
        self._neighbour = Neighbour(pipeline.aws)
        self._program: Program | None = None
        self._killed, self._upset, self._lies_settled = False, False, 0
        self.met: Counter[Kind] = Counter()
        self.counts: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def fill(self) -> None:
        """Fill the lake without faults, so that there is something to damage."""
        demand(self._pipeline.ingestion(self.lake, self._market.today), "the first ingestion")
        self._drain()

    def carry_out(self, planned: Round) -> None:
        """One round: damage, an ingestion with its faults, its events, and the runs of the job that they ask for."""
        corrupted = self._corrupted()
        reported = self.counts[REPORTED]
        self._market.revise_volumes(planned.number)
        for fault in planned.damage:
            self._note(fault, met=self._damage.do(fault))
        for fault in planned.yahoo:
            self._market.inject(fault, partial(self._note, fault))
        for fault in planned.ingestion:
            self._at_ingestion.add(self._rule(fault))
        for _ in range(TRIES_PER_ROUND):  # the host's timer starts it again
            if self._ingest(None if planned.whole_range else WINDOW_SESSIONS):
                break
        self._market.tell_the_truth()
        for fault in planned.damage_after_ingestion:
            self._note(fault, met=self._damage.do(fault))
        # An operator's run first: the errors that come are for the function.
        for fault in sorted(planned.events, key=lambda fault: fault.kind is not RunFault.PARTIAL):
            self._inject_event_fault(fault)
        for fault in planned.job:
            self._job_faults.add(fault, self._rule(fault))
        self._let_runs_meet_faults()
        if self._corrupted() > corrupted:
            self.counts["rounds that corrupted raw objects"] += 1
            self.counts["rounds that reported some of theirs"] += self.counts[REPORTED] > reported

    def _let_runs_meet_faults(self) -> None:
        """The job runs of a round; what is left of its faults and events waits for the next one."""
        for _ in range(TRIES_PER_ROUND):
            run = self._wait_for_run()
            if run is None:
                return
            self._job_faults.arm(calm=self._upset)
            self._carry_out(run, self._job_lake)
            if (run.state == SUCCEEDED and not run.arguments and not self._unreported()) or self._given_up():
                return

    def settle(self, quiet: LakeAddress) -> int:
        """Let one ingestion and its runs go by without faults, and compare with a quiet lake.

        Returns the number of rows compared. Raises ChaosError where the two differ.
        """
        for armed in (self._at_ingestion, self._at_job):
            armed.forget_rules()
        self._runs.errors.clear()
        self._runs.refusals = 0
        self._damage.take_strays_away()
        runs_of_neighbour = self._neighbour.rest()
        with ThreadPoolExecutor(1) as beside:  # the two lakes have nothing in common but the market, which rests
            quiet_contents = beside.submit(fill_quietly, self._pipeline, self._market, quiet)
            self._let_settle()
        wanted = quiet_contents.result()
        self._demand_equal(wanted, "after the faults", partitions=not self._damage.forgot)
        disturbed = self._neighbour.disturbed()
        if disturbed or self._neighbour.rest() != runs_of_neighbour:
            raise ChaosError("\n  ".join(["Another environment was not let alone:", *disturbed]))
        if self._damage.forgot:
            self.counts["runs in full mode, after the catalog forgot"] += 1
            demand(self._pipeline.refine(self.lake, full=True), "the run in full mode")
            self._damage.forgot = False
            self._demand_equal(wanted, "after a run in full mode")
        again = json.loads(demand(self._pipeline.refine(self.lake), "one more run").last_json)
        if any(again[name] for name in ("refined_partitions", "written_objects", "deleted_partitions")):
            raise ChaosError(f"A run with nothing to do did something: {again}")
        return sum(wanted.row_counts().values())

    def _let_settle(self) -> None:
        """One ingestion without faults, and the runs that its events ask for."""
        demand(self._pipeline.ingestion(self.lake, self._market.today), "the ingestion after the faults")
        runs, lies = self._drain(), self._lies()
        # An object that no run has seen yet is seen by the next one.
        unseen = lies > self._lies_settled and runs < 2
        self._lies_settled = lies
        if unseen:
            self.counts["runs after listings that lacked objects"] += 1
            demand(self._pipeline.refine(self.lake), "the run after the listings that lacked objects")

    def _demand_equal(self, wanted: Contents, when: str, *, partitions: bool = True) -> None:
        there = read_contents(self._pipeline.aws, self.lake.bucket, self.lake.database)
        found = differences(there, wanted, partitions=partitions)
        if found:
            raise ChaosError("\n  ".join([f"The lake is not the quiet one {when}:", *found]))

    def _note(self, fault: Fault, *, met: bool = True) -> None:
        if met:
            self.met[fault.kind] += 1

    def _rule(self, fault: Fault) -> Rule:
        return rule(fault, action=self._action(fault), on_first=partial(self._note, fault))

    def _action(self, fault: Fault) -> Callable[[], None]:
        """Done when the fault's request comes in, before it is answered."""
        return partial(self._end, fault) if fault.kind in ENDINGS else partial(self._damage_meanwhile, fault)

    def _damage_meanwhile(self, fault: Fault) -> None:
        self._damage.do(fault)

    def _end(self, fault: Fault) -> None:
        self._killed = True
        if self._program and ENDINGS[fault.kind]:
            self._program.kill(random.Random(fault.seed))
        elif self._program:
            self._program.terminate()

    def _inject_event_fault(self, fault: Fault) -> None:
        if fault.kind is RunFault.REFUSED:
            self._runs.refusals += fault.count
        elif fault.kind in RUN_ERRORS:
            self._runs.errors += [RUN_ERRORS[fault.kind]] * fault.count
        elif fault.kind is RunFault.PARTIAL:
            self._note(fault, met=self._start_partial_run(random.Random(fault.seed).choice(sorted(SYMBOLS))))
            return
        elif fault.kind is EventFault.OF_ANOTHER_ENVIRONMENT:
            self._neighbour.ingest(self.lake.bucket, self._damage.keys(RAW), random.Random(fault.seed))
        else:
            self._queue.send_faulty(fault, self._damage.keys(RAW))
        self._note(fault)

    def _start_partial_run(self, ticker: str) -> bool:
        """Ask for a run for one ticker, as an operator would; whether Glue gives one: not while another is on."""
        status, _ = self._runs.answer("StartJobRun", {"Arguments": {"--tickers": ticker}}) or (0, {})
        return status == 200

    def _ingest(self, sessions: int | None) -> bool:
        """Run the ingestion, and hold it to what it says; whether it came to its end and did something."""
        began, self._killed = time.monotonic(), False
        newest = newest_days(self._damage.keys(RAW))
        self._program = self._pipeline.ingestion(self._ingestion_lake, self._market.today, sessions=sessions)
        ended = self._program.finish()
        self.counts["ingestions"] += 1
        self.seconds["ingestions"] += time.monotonic() - began
        if self._killed:
            return False
        if ended.code not in INGESTION_CODES or "Traceback" in ended.text:
            raise ChaosError(f"The ingestion ended with exit code {ended.code}:\n{ended.text[-2000:]}")
        if ended.code == 0:
            self._demand_no_hole(newest)
        self.counts["objects written"] += json.loads(ended.last_json)["summary"]["written"] if ended.last_json else 0
        return ended.code != NOTHING_DONE

    def _demand_no_hole(self, newest: dict[str, dt.date]) -> None:
        """Hold an ingestion that calls itself whole to it: every day since each ticker's newest one is there."""
        there = set(self._damage.keys(RAW))
        for ticker, day in newest.items():
            share = self._market.shares[SYMBOLS[ticker]]
            came = [one.day for one, _ in share.known() if one.day > day]
            lost = [one for one in came if raw_key(one, ticker) not in there]
            if lost and share.symbol not in self._market.told_wrongly:
                raise ChaosError(f"An ingestion that called itself whole left out {ticker} of {lost[0]}")
            self.counts["days since the newest that an ingestion had to have"] += len(came)

    def _wait_for_run(self) -> JobRun | None:
        """The run that the function asked for, once it did; None when every event is served, or will be by no run."""
        deadline = time.monotonic() + EVENTS_SECONDS
        idle = 0
        while time.monotonic() < deadline:
            run = self._runs.requested()
            if run:
                return run
            given_up = self._given_up()
            left = 0 if given_up else self._queue.left()
            if left < 0:
                raise ChaosError(
                    f"{-left} messages that nobody can read are gone, instead of kept for the dead letters"
                )
            idle = 0 if left else idle + 1
            if idle >= (GIVEN_UP_POLLS if given_up else QUIET_POLLS):
                return None
            time.sleep(POLL_SECONDS)
        raise ChaosError(f"{self._queue.left()} events were not served within {EVENTS_SECONDS:.0f} s")

    def _given_up(self) -> bool:
        """Whether the newest runs failed, and an alarm has told somebody: their events get no further one."""
        return [run.state for run in self._runs.runs[-TRIES:]] == ["FAILED"] * TRIES

    def _carry_out(self, run: JobRun, lake: LakeAddress) -> None:
        """Run the job as Glue would, and hold it to its word about the objects that it could not read."""
        corrupt = self._damage.still_corrupt()
        began, spoilt, lies, self._killed = time.monotonic(), self._at_job.spoilt, self._lies(), False
        self._runs.begin(run)
        self._program = self._pipeline.refine(lake, own=run.arguments)
        ended = self._program.finish()
        self._runs.end(SUCCEEDED if ended.code == 0 else "FAILED")
        self.counts["refine runs"] += 1
        self.seconds["refine runs"] += time.monotonic() - began
        self._upset = ended.code != 0 and not ended.last_json
        if self._upset:
            self.counts["refine runs that failed"] += 1
            if not self._killed and self._at_job.spoilt == spoilt:
                raise ChaosError(f"The refine job failed for no reason:\n{ended.text[-3000:]}")
        elif not self._killed and lies == self._lies():
            self._check_report(corrupt & self._damage.still_corrupt())

    def _corrupted(self) -> int:
        """How often raw objects were corrupted so far."""
        return sum(self.met[kind] for kind in CORRUPTED)

    def _lies(self) -> int:
        """How many listings were none, or lacked objects, so far."""
        return sum(self.met[kind] for kind in LIES)

    def _check_report(self, corrupt: set[str]) -> None:
        listed = self._listed_as_unreadable()
        self.counts[REPORTED] += len(corrupt & listed)
        if corrupt - listed:
            raise ChaosError(f"The job did not list these as unreadable: {sorted(corrupt - listed)}")

    def _listed_as_unreadable(self) -> set[str]:
        return set(unreadable_objects(self._pipeline.aws.client("s3"), self.lake.bucket))

    def _unreported(self) -> set[str]:
        """The corrupt objects that no run has seen yet: their events ask for one that does."""
        return self._damage.still_corrupt() - self._listed_as_unreadable()

    def _drain(self) -> int:
        """Carry out runs until no event is left and the last run succeeded; how many did, of the whole lake."""
        succeeded = 0
        while True:
            run = self._wait_for_run()
            if run is None and not self._given_up():
                return succeeded
            if run is None:
                self.counts["failed runs that an alarm told of"] += 1
                run = self._runs.request()
            self._carry_out(run, self.lake)
            succeeded += run.state == SUCCEEDED and not run.arguments
            if self._runs.runs[-1].state == "FAILED" and not self._damage.still_corrupt():
                raise ChaosError("The refine job fails although nothing is wrong any more: see the job's log")
