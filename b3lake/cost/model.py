"""A month of the lake, as quantities of what AWS bills, and in USD. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from b3lake.cost.prices import Prices
from b3lake.cost.requests import SESSIONS_PER_YEAR, Requests, ingestion, question, refine_run

SESSIONS_PER_MONTH = 21
HOURS_PER_MONTH = 730
WINDOW_SESSIONS = 7
GB = 2**30
# Bytes, seen in a lake of synthetic quotes (tests/cost/test_measured.py).
RAW_OBJECT, REFINED_OBJECT, HISTORY_ROW = 1_100, 2_900, 60
# Five of the stack, two of the module; tests hold this to both. The metrics are those of the job and of the host, which
# are billed for the hours in which they are put.
ALARMS = 7
METRICS = 8
# Lambda asks the queue with five pollers, each about three times a minute, whether there is something or not.
POLLS_PER_MINUTE = 15
FUNCTION_GB, FUNCTION_SECONDS = 0.25, 1.0
EVENTS_PER_RECEIVE = 10
DELIVERIES = 3
"""How often an event is received: when it comes, while its run is on, and when that has succeeded."""
WORKERS = 2
SCANS = 2
"""How often the dearest of the shipped questions reads the history (tests/cost/test_objects.py)."""
# Glue bills a run from when its workers are there. Seen: 15 s for one more date on 25,000 partitions, 2 ms of processor
# time per object (docs/benchmarks.md). Assumed: 75 s for installing the modules, eight pages of a listing in 150 ms. No
# account was at hand: docs/first-deployment.md says how to see the real minutes.
RUN_OVERHEAD_MINUTES = 1.5
OBJECTS_PER_MINUTE = 100_000
KEYS_LISTED_PER_MINUTE = 3_000_000
LOG_MB_PER_RUN = 0.5
HOST_MINUTES_PER_RUN = 5
VOLUME_GB = 8
ATHENA_MINIMUM_GB = 10 / 1024


@dataclass(frozen=True)
class Lake:
    """So many tickers and years of daily bars, so many questions a month; the host stops between runs or stays on."""

    tickers: int
    years: int
    questions: int
    host_stays_on: bool = False
    glue_version: str = "4.0"

    @property
    def dates(self) -> int:
        """Its trade dates."""
        return self.years * SESSIONS_PER_YEAR

    @property
    def partitions(self) -> int:
        """The partitions of one of its two tables of a partition a day and ticker."""
        return self.tickers * self.dates

    @property
    def history_gb(self) -> float:
        return self.partitions * HISTORY_ROW / GB


@dataclass(frozen=True)
class Line:
    """So many units of what has the list price `price`."""

    price: str
    quantity: float


def month(lake: Lake) -> Iterator[Line]:
    """A month of daily runs and questions."""
    runs = SESSIONS_PER_MONTH
    asked = question(SCANS * (lake.years + 1)).times(lake.questions)
    made = (ingestion(lake.tickers, WINDOW_SESSIONS) + refine_run(lake.tickers, lake.dates, lake.years)).times(runs)
    yield from _storage(lake)
    yield from _requests(made + asked)
    yield Line("catalog_storage", 2 * lake.partitions + lake.years + 1)
    yield _job(lake, runs * run_minutes(lake, new_dates=1))
    yield Line("athena", lake.questions * max(ATHENA_MINIMUM_GB, lake.history_gb))
    yield from _trigger(lake.tickers * runs, runs * ceil(lake.tickers / 1000), POLLS_PER_MINUTE * 60 * HOURS_PER_MONTH)
    yield Line("alarms", ALARMS)
    yield Line("metrics", METRICS * runs / HOURS_PER_MONTH)
    yield Line("logs", runs * LOG_MB_PER_RUN / 1024)
    yield from host(lake)


def backfill(lake: Lake) -> Iterator[Line]:
    """The quantities of filling the lake, once."""
    made = ingestion(lake.tickers, lake.dates)
    made = Requests(lake.partitions, made.lists, made.reads, 2 + ceil(lake.partitions / 100))
    yield from _requests(made + refine_run(lake.tickers, lake.dates, lake.years, lake.dates))
    yield _job(lake, run_minutes(lake, new_dates=lake.dates))
    yield from _trigger(lake.partitions, ceil(lake.partitions / 1000), polls=0)


def host(lake: Lake) -> Iterator[Line]:
    """The host's month."""
    starts = 0 if lake.host_stays_on else SESSIONS_PER_MONTH
    hours = HOURS_PER_MONTH if lake.host_stays_on else starts * HOST_MINUTES_PER_RUN / 60
    yield Line("ec2", hours)
    yield Line("address", hours)
    yield Line("volume", VOLUME_GB)
    yield Line("schedule", starts)


def run_minutes(lake: Lake, new_dates: int) -> float:
    """Minutes that Glue bills for one run of the job on WORKERS workers, at least one."""
    objects = lake.tickers * new_dates
    listed = 4 * lake.partitions / KEYS_LISTED_PER_MINUTE
    return max(1.0, RUN_OVERHEAD_MINUTES + listed + objects / OBJECTS_PER_MINUTE)


def quantities(lines: Iterator[Line]) -> dict[str, float]:
    """The units of each price, in the order of `lines`."""
    added: dict[str, float] = {}
    for line in lines:
        added[line.price] = added.get(line.price, 0) + line.quantity
    return added


def total(lines: Iterator[Line], prices: Prices, *, allowance: bool = False) -> float:
    """USD for all lines, at list prices, or less what an account's `allowance` covers."""
    return sum(prices[name].of(quantity, allowance=allowance) for name, quantity in quantities(lines).items())


def _storage(lake: Lake) -> Iterator[Line]:
    kept = lake.partitions * (RAW_OBJECT + REFINED_OBJECT + HISTORY_ROW) / GB
    rewritten = SESSIONS_PER_MONTH * lake.history_gb / lake.years  # a month's old versions of the year's object
    yield Line("s3_storage", kept + rewritten)


def _requests(made: Requests) -> Iterator[Line]:
    yield Line("s3_write", made.writes + made.lists)
    yield Line("s3_read", made.reads)
    yield Line("catalog_requests", made.catalog)


def _job(lake: Lake, minutes: float) -> Line:
    return Line("glue_dpu_6" if lake.glue_version == "6.0" else "glue_dpu_4", WORKERS * minutes / 60)


def _trigger(events: int, batches: int, polls: float) -> Iterator[Line]:
    """The queue and the function, for events that come in so many batches of up to a thousand."""
    received = DELIVERIES * events / EVENTS_PER_RECEIVE
    acknowledged = events / EVENTS_PER_RECEIVE
    yield Line("sqs", events + received + acknowledged + polls)
    yield Line("lambda_requests", DELIVERIES * batches)
    yield Line("lambda_seconds", DELIVERIES * batches * FUNCTION_GB * FUNCTION_SECONDS)
