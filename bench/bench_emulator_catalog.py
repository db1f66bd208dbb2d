"""Times the emulator's catalog, told of many partitions, beside ministack's own: `make bench-emulator`.

`python -m bench.bench_emulator_catalog [--partitions 22000] [--rounds 3]`

Both are asked in calls of 100 partitions, as the ingestion makes them, in turn; the median of the rounds counts.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from devlake import emulator

CALL_SIZE = 100
CATALOGS = {"ministack's own": "ministack", "the emulator's": emulator.PROGRAM}


def register(partitions: int, program: str) -> float:
    """The seconds that so many new partitions take."""
    with tempfile.TemporaryDirectory(prefix="b3-lake-") as folder:
        aws = emulator.start(Path(folder), program=program)
        try:
            glue = aws.client("glue")
            glue.create_database(DatabaseInput={"Name": "bench"})
            keys = [{"Name": "dt", "Type": "date"}, {"Name": "ticker", "Type": "string"}]
            glue.create_table(DatabaseName="bench", TableInput={"Name": "quotes", "PartitionKeys": keys})
            inputs = [
                {
                    "Values": [f"day-{number // 10}", f"TICK{number % 10}"],
                    "StorageDescriptor": {"Location": "s3://b/k/"},
                }
                for number in range(partitions)
            ]
            started = time.perf_counter()
            for first in range(0, partitions, CALL_SIZE):
                answer = glue.batch_create_partition(
                    DatabaseName="bench", TableName="quotes", PartitionInputList=inputs[first : first + CALL_SIZE]
                )
                if answer["Errors"]:
                    raise RuntimeError(f"partitions were refused: {answer['Errors'][:3]}")
            return time.perf_counter() - started
        finally:
            emulator.stop(aws)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--partitions", type=int, default=22_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    took: dict[str, list[float]] = {name: [] for name in CATALOGS}
    for _ in range(options.rounds):
        for name, program in CATALOGS.items():
            took[name].append(register(options.partitions, program))
            print(f"{name:<16} {options.partitions:>8,} partitions {took[name][-1]:>8.1f} s", flush=True)
    own, ours = (statistics.median(seconds) for seconds in took.values())
    print(f"medians of {options.rounds}: {own:.1f} s and {ours:.1f} s, {own / ours:.0f} times as fast")


if __name__ == "__main__":
    main()
