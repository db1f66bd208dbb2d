"""How long the Python door takes: ten years of ten tickers, of a folder, from a process that has just begun.

$ python -m bench.bench_analysis
10 tickers, 10 years: 25,200 rows in 10 objects of 1.6 MB; median of 5
in a new process: imports 0.80 s, open_lake and history 0.09 s
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from b3lake.lake.keys import HISTORY_PREFIX, year_key
from b3lake.lake.schemas import HISTORY_SCHEMA

ROUNDS = 5
PROGRAM = """
import sys, time
begun = time.perf_counter()
import b3lake
b3lake.open_lake
imported = time.perf_counter()
frame = b3lake.open_lake(sys.argv[1]).history(sys.argv[2].split(","))
ended = time.perf_counter()
print(len(frame), imported - begun, ended - imported)
"""


def write_lake(folder: Path, tickers: list[str], years: int) -> None:
    """A history of random walks, a file a year."""
    chance = np.random.default_rng(16)
    days = pd.bdate_range("2015-01-01", periods=252 * years)
    for year in sorted(set(days.year)):
        of_year = days[days.year == year]
        frames = []
        for ticker in tickers:
            close = 20 * np.exp(np.cumsum(chance.normal(0, 0.02, len(of_year)))).round(2)
            prices: dict[str, Any] = dict.fromkeys(HISTORY_SCHEMA.names, close)
            prices |= {
                "ticker": ticker,
                "trade_date": of_year.date,
                "total_volume": 1_000_000,
                "bar_count": 1,
                "trades": 9,
            }
            frames.append(pd.DataFrame(prices))
        file = folder / year_key(HISTORY_PREFIX, int(year))
        file.parent.mkdir(parents=True)
        rows = pa.Table.from_pandas(pd.concat(frames)[HISTORY_SCHEMA.names], HISTORY_SCHEMA, preserve_index=False)
        pq.write_table(rows, file, compression="zstd")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=10)
    parser.add_argument("--years", type=int, default=10)
    given = parser.parse_args()
    tickers = [f"ABC{chr(65 + number // 26)}{number % 10}" for number in range(given.tickers)]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_lake(folder, tickers, given.years)
        runs = []
        for _ in range(ROUNDS):
            command = [sys.executable, "-c", PROGRAM, place, ",".join(tickers)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            runs.append([float(word) for word in done.stdout.split()])
        files = list(folder.rglob("data.parquet"))
        megabytes = sum(file.stat().st_size for file in files) / 1e6
    rows, imports, reading = (statistics.median(each) for each in zip(*runs, strict=True))
    print(
        f"{given.tickers} tickers, {given.years} years: {rows:,.0f} rows in {len(files)} objects of {megabytes:.1f} MB;"
        f" median of {ROUNDS}"
    )
    print(f"in a new process: imports {imports:.2f} s, open_lake and history {reading:.2f} s")


if __name__ == "__main__":
    main()
