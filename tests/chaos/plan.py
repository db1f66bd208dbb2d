"""Plans which faults come when: a function of the seed alone."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.faults import (
    KINDS,
    Damage,
    EventFault,
    Fault,
    IngestionFault,
    JobFault,
    Kind,
    MarketFault,
    RequestFault,
    RunFault,
    YahooFault,
)

# Starting Spark takes longer than all that goes wrong in its run: many faults a round.
FAULTS_A_ROUND = (26, 36)
# So many requests a fault waits for at the most.
INGESTION_REQUESTS, JOB_REQUESTS = 24, 80
INGESTION_SHARE = 0.4
"""The share of the request faults that the ingestion meets; the job meets the others."""
REPAIRED_SHARE = 0.25
"""The share of the corrupted raw objects that the ingestion may repair before a run of the job sees them."""
ENDS: frozenset[Kind] = frozenset((*IngestionFault, JobFault.KILLED, JobFault.TERMINATED))
"""A program ends of these: not before it has done something, and met the others."""


@dataclass(frozen=True)
class Round:
    """One ingestion, its events and the job runs that they ask for, each with its faults.

    `damage` is done before the ingestion, `damage_after_ingestion` after it.
    """

    number: int
    whole_range: bool
    damage: list[Fault] = field(default_factory=list)
    damage_after_ingestion: list[Fault] = field(default_factory=list)
    yahoo: list[Fault] = field(default_factory=list)
    ingestion: list[Fault] = field(default_factory=list)
    events: list[Fault] = field(default_factory=list)
    job: list[Fault] = field(default_factory=list)


def rounds(seed: int) -> Iterator[Round]:
    """Rounds without end; every kind of fault comes before any comes twice as often as another."""
    rng = random.Random(seed)
    kinds = _shuffled_for_ever(rng)
    for number in itertools.count(1):
        planned = Round(number, whole_range=rng.random() < 0.5)
        for kind in itertools.islice(kinds, rng.randint(*FAULTS_A_ROUND)):
            _add(planned, kind, rng)
        yield planned


def _shuffled_for_ever(rng: random.Random) -> Iterator[Kind]:
    while True:
        yield from rng.sample(KINDS, len(KINDS))


def _add(planned: Round, kind: Kind, rng: random.Random) -> None:
    """Put a fault of this kind where it belongs; what hits any program hits one of the two by chance."""
    faults, requests = _place(planned, kind, chance=rng.random())
    earliest = requests // 2 if kind in ENDS else 0
    faults.append(Fault(kind, after=rng.randint(earliest, requests), count=rng.randint(1, 4), seed=rng.getrandbits(32)))


def _place(planned: Round, kind: Kind, *, chance: float) -> tuple[list[Fault], int]:
    """The faults that one of this kind joins, and how many requests it may wait for."""
    match kind:
        case Damage():
            stays = kind is Damage.RAW_CORRUPTED and chance >= REPAIRED_SHARE
            return (planned.damage_after_ingestion if stays else planned.damage), 0
        case MarketFault() | YahooFault():
            return planned.yahoo, 0
        case EventFault() | RunFault():
            return planned.events, 0
        case JobFault():
            return planned.job, JOB_REQUESTS
        case IngestionFault():
            return planned.ingestion, INGESTION_REQUESTS
        case RequestFault():
            return (planned.ingestion, INGESTION_REQUESTS) if chance < INGESTION_SHARE else (planned.job, JOB_REQUESTS)
