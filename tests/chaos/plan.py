"""What goes wrong, when, and in which order: a function of the seed alone."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# Damage to what is stored, before a round.
DAMAGE = (
    "refined object deleted",
    "refined object corrupted",
    "compact object deleted",
    "compact object corrupted",
    "ledger deleted",
    "ledger corrupted",
    "notes corrupted",
    "list of unreadable objects corrupted",
    "raw object corrupted",
    "raw object of no session added",
    "catalog forgets raw partitions",
    "catalog forgets refined partitions",
    "catalog forgets compact partitions",
)
# What Yahoo answers to an ingestion; the restatements stay.
YAHOO = (
    "Yahoo answers 429",
    "Yahoo answers 404",
    "Yahoo answers with a page of HTML",
    "Yahoo answers half a frame",
    "Yahoo answers bars without prices",
    "Yahoo answers for another symbol",
    "Yahoo answers a partial bar",
    "Yahoo restates volumes",
    "Yahoo restates a split",
)
# What a process that is at work meets; `at` counts its requests to the service.
REQUESTS = (
    "S3 answers 500",
    "S3 answers 503",
    "S3 drops the connection",
    "S3 does it and drops the connection",
    "S3 ends half way through its answer",
    "S3 answers after a second",
    "Glue throttles",
    "Glue answers 500",
)
INGEST_KILLED, REFINE_KILLED = "ingestion killed", "refine killed"
# What else happens while the job runs.
MEANWHILE = ("raw object rewritten meanwhile", "raw object deleted meanwhile", "raw object corrupted meanwhile")
EVENTS = (
    "event doubled",
    "event late",
    "events reordered",
    "event malformed",
)
RUNS = ("Glue refuses a run", "Glue throttles the function", "Glue denies the function")

KINDS = (*DAMAGE, *YAHOO, INGEST_KILLED, *REQUESTS, *EVENTS, *RUNS, REFINE_KILLED, *MEANWHILE)
# Starting Spark takes longer than all that goes wrong in its run: many faults a round.
FAULTS_A_ROUND = (13, 20)
INGEST_REQUESTS_SPAN, REFINE_REQUESTS_SPAN = 24, 80


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: after `at` requests, for `count` of them; `dice` seeds what else is to be chosen."""

    kind: str
    at: int
    count: int
    dice: int


@dataclass(frozen=True)
class Round:
    """One ingestion, its events and the job runs that they ask for, each with its faults."""

    number: int
    whole_range: bool
    damage: list[Fault] = field(default_factory=list)
    yahoo: list[Fault] = field(default_factory=list)
    ingest: list[Fault] = field(default_factory=list)
    events: list[Fault] = field(default_factory=list)
    refine: list[Fault] = field(default_factory=list)


def rounds(seed: int) -> Iterator[Round]:
    """Rounds without end; every kind of fault comes before any comes twice as often as another."""
    dice = random.Random(seed)
    kinds = _forever(dice)
    for number in itertools.count(1):
        planned = Round(number, whole_range=dice.random() < 0.5)
        for kind in itertools.islice(kinds, dice.randint(*FAULTS_A_ROUND)):
            _place(planned, kind, dice)
        yield planned


def _forever(dice: random.Random) -> Iterator[str]:
    while True:
        yield from dice.sample(KINDS, len(KINDS))


def _place(planned: Round, kind: str, dice: random.Random) -> None:
    """Put a fault of this kind where it belongs; what hits any process hits one of the two by chance."""
    places: Sequence[tuple[tuple[str, ...], list[Fault], int]] = (
        (DAMAGE, planned.damage, 0),
        (YAHOO, planned.yahoo, 0),
        ((*EVENTS, *RUNS), planned.events, 0),
        ((INGEST_KILLED,), planned.ingest, INGEST_REQUESTS_SPAN),
        ((REFINE_KILLED, *MEANWHILE), planned.refine, REFINE_REQUESTS_SPAN),
        (
            (REQUESTS, planned.ingest, INGEST_REQUESTS_SPAN)
            if dice.random() < 0.4
            else (REQUESTS, planned.refine, REFINE_REQUESTS_SPAN)
        ),
    )
    _, faults, span = next(place for place in places if kind in place[0])
    faults.append(Fault(kind, at=dice.randint(0, span), count=dice.randint(1, 4), dice=dice.getrandbits(32)))
