"""`python -m tests.mutation --seed 1 --mutants 30`: so many mutants of each room, and which of them no test notices.

Prints a table of the rooms; the survivors' changes go to .lake/mutants.diff. Exit code 1 when the tests cannot be run.
"""

import argparse
import os
import random
import signal
import sys
from collections import Counter, defaultdict

from rich.console import Console
from rich.table import Table

from devlake import paths
from tests.mutation.mutants import places
from tests.mutation.rooms import ROOMS, files_of, noticing
from tests.mutation.trials import Fate, MutationError, Trial
from tests.mutation.try_mutants import bench

REPORT = paths.STATE / "mutants.diff"


def sample(room: str, count: int, seed: int) -> list[Trial]:
    """`count` mutants of a room (all, where it has fewer places), each of a place of its own, the same for one seed."""
    rng = random.Random(f"{seed} {room}")
    found = [place for file in files_of(paths.ROOT, room) for place in places(paths.ROOT, file)]
    chosen = rng.sample(found, min(count, len(found)))
    mutants = [place.mutant(rng.randrange(len(place.changed))) for place in chosen]
    return [Trial(room, mutant, noticing(mutant.file)) for mutant in mutants]


def try_rooms(rooms: list[str], count: int, seed: int, jobs: int) -> dict[str, Counter[Fate]]:
    """Try the samples of `rooms`, print what became of them, and write the survivors' changes. Raises MutationError."""
    trials = [trial for room in rooms for trial in sample(room, count, seed)]
    fates: dict[str, Counter[Fate]] = defaultdict(Counter)
    REPORT.parent.mkdir(exist_ok=True)
    with REPORT.open("w", encoding="utf-8") as report, bench(paths.ROOT, jobs, trials) as tried:
        for number, (trial, fate) in enumerate(tried.try_all(trials), 1):
            fates[trial.room][fate] += 1
            at = f"{trial.mutant.file}:{trial.mutant.line}"
            print(f"{number}/{len(trials)} {at} {fate.value}", file=sys.stderr, flush=True)
            if fate is Fate.SURVIVED:
                report.write(f"# {at}\n{trial.mutant.diff(paths.ROOT)}\n")
                report.flush()
    return fates


def table(fates: dict[str, Counter[Fate]]) -> Table:
    """A line a room; noticed are those that were killed or timed out."""
    shown = Table("room", box=None, pad_edge=False)
    for name in ("mutants", *(fate.value for fate in Fate), "noticed"):
        shown.add_column(name, justify="right")
    for room, counts in [*fates.items(), ("all", sum(fates.values(), Counter()))]:
        total = counts.total()
        noticed = f"{(total - counts[Fate.SURVIVED]) / total:.0%}" if total else "-"
        shown.add_row(room, str(total), *(str(counts[fate]) for fate in Fate), noticed)
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description="Change the program in one place at a time; a test has to fail.")
    parser.add_argument("--seed", type=int, default=1, help="which mutants are drawn")
    parser.add_argument("--mutants", type=int, default=30, metavar="N", help="so many of each room")
    parser.add_argument("--room", action="append", choices=ROOMS, help="only of this room (may be repeated)")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4), help="so many at a time")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):  # so that the copies go then, too
        signal.signal(number, signal.default_int_handler)
    try:
        fates = try_rooms(options.room or list(ROOMS), options.mutants, options.seed, options.jobs)
    except MutationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    console = Console(highlight=False)
    console.print(table(fates))
    if sum(counts[Fate.SURVIVED] for counts in fates.values()):
        shown = REPORT.relative_to(paths.ROOT)
        console.print(f"What no test noticed is in {shown}. The same mutants again: make mutate SEED={options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
