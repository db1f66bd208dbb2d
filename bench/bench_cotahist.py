"""Times the COTAHIST parser beside pandas.read_fwf, and takes its peak memory over a synthetic year.

`python -m bench.bench_cotahist [--records 2900000] [--fwf-records 200000] [--rounds 3]`

Both read the same fields of the same text file (every record a cash-market quote, so that nothing is skipped); only
the parser here checks record lengths, dates, digits, codes, currency and the trailer. `bars` is the parser and all that
follows up to the lake's columns, in batches, as a run has it. Each runs in a process of its own, in turns, and the
median counts. read_fwf reads fewer records, since its time is proportional to them. The part's trailer counts all
lines, as B3 did until 2024, the year's the quotes only, as B3 does now; 2.9 million records are the size of 2026.
"""

import argparse
import datetime as dt
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from b3lake.ingest.sources import b3
from b3lake.ingest.sources.cotahist import Period, read_file
from b3lake.lake.calendar import sessions_between
from devlake import paths

YEAR = 2024
_COLUMNS = {
    "day": (2, 10),
    "bdi": (10, 12),
    "ticker": (12, 24),
    "market": (24, 27),
    "name": (27, 39),
    "spec": (39, 49),
    "currency": (52, 56),
    "open": (56, 69),
    "high": (69, 82),
    "low": (82, 95),
    "close": (108, 121),
    "trades": (147, 152),
    "volume": (152, 170),
    "turnover": (170, 188),
    "factor": (210, 217),
    "isin": (230, 242),
}
_TEXTS = ("bdi", "ticker", "market", "name", "spec", "currency", "isin")
_DIGITS = tuple(name for name in _COLUMNS if name not in _TEXTS)


def write_year(path: Path, records: int, *, total_of_quotes: bool) -> None:
    """A file of `records` quotes, a session after the other, as B3 would write it; its total is of quotes or lines."""
    sessions = [f"{day:%Y%m%d}" for day in sessions_between(dt.date(YEAR, 1, 1), dt.date(YEAR, 12, 31))]
    chance = np.random.default_rng(YEAR)
    names = [f"{chr(65 + n // 676 % 26)}{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}X{n % 9 + 3}" for n in range(8000)]
    head = f"COTAHIST.{YEAR}BOVESPA {YEAR}1230"
    each = -(-records // len(sessions))
    with path.open("w", encoding="latin-1", newline="") as sink:
        sink.write(("00" + head).ljust(245) + "\r\n")
        written = 0
        for day in sessions:
            closes, volumes = chance.integers(100, 10_000, each), chance.integers(1, 10**9, each)
            for n in range(min(each, records - written)):
                close = int(closes[n])
                prices = f"{close - 3:013d}{close + 20:013d}{close - 20:013d}{close:013d}{close:013d}{0:026d}"
                volume, name = int(volumes[n]), names[n % len(names)]
                tail = f"{7:05d}{volume:018d}{volume * close:018d}{0:022d}{1:07d}{0:013d}BR{name[:4]}ACNOR0100"
                line = f"01{day}02{name:<12}010{'NOME':<12}{'ON':<10}{'':3}{'R$':<4}{prices}{tail}"
                sink.write(line.ljust(245) + "\r\n")
            written += min(each, records - written)
        total = records if total_of_quotes else records + 2
        sink.write(f"99{head}{total:011d}".ljust(245) + "\r\n")


def read_with_fwf(path: Path, records: int) -> int:
    """The same quotes through pandas.read_fwf; returns how many there were."""
    frame = pd.read_fwf(
        path,
        colspecs=list(_COLUMNS.values()),
        names=list(_COLUMNS),
        skiprows=1,
        nrows=records,
        dtype=dict.fromkeys(_DIGITS, "int64") | dict.fromkeys(_TEXTS, str),
        encoding="latin-1",
    )
    frame = frame[frame["market"] == "010"]
    for name in ("open", "high", "low", "close"):
        frame[name] = frame[name] / (100.0 * frame["factor"])
    frame["turnover"] = frame["turnover"] / 100.0
    return len(frame)


def run_contender(name: str, path: Path, records: int) -> None:
    """Run one contender in this process and print its figures as JSON."""
    started = time.perf_counter()
    if name == "read_fwf":
        count = read_with_fwf(path, records)
    elif name == "parser":
        count = len(read_file(path).quotes)
    else:
        whole_year = Period(dt.date(YEAR, 1, 1), dt.date(YEAR, 12, 31))
        quotes = b3.select(read_file(path, whole_year).quotes, None, whole_year.start, whole_year.end, set())
        count = sum(len(bars) for bars in b3.batches(quotes))
    seconds = time.perf_counter() - started
    if count != records:
        raise RuntimeError(f"{name} read {count} of {records} records")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rate": records / seconds, "peak_mib": peak}))


def median_of(rounds: int, contenders: dict[str, tuple[Path, int]]) -> dict[str, float]:
    """Records a second of each contender: the median of `rounds` runs in processes of their own, taken in turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (path, records) in contenders.items():
            command = [sys.executable, "-m", "bench.bench_cotahist", "--contender", name, str(path), str(records)]
            done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=True)
            found[name].append(json.loads(done.stdout))
    rates = {name: statistics.median(one["rate"] for one in runs) for name, runs in found.items()}
    for name, (_, records) in contenders.items():
        peak = max(one["peak_mib"] for one in found[name])
        print(f"{name:8s} {records:9d} records  {rates[name]:11,.0f} records/s  peak {peak:4.0f} MiB", flush=True)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_900_000)
    parser.add_argument("--fwf-records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contender", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, path, records = options.contender
        run_contender(name, Path(path), int(records))
        return
    with tempfile.TemporaryDirectory(prefix="cotahist-") as folder:
        small, year = Path(folder) / "part.TXT", Path(folder) / f"COTAHIST_A{YEAR}.TXT"
        write_year(small, options.fwf_records, total_of_quotes=False)
        write_year(year, options.records, total_of_quotes=True)
        part = (small, options.fwf_records)
        rates = median_of(options.rounds, {"read_fwf": part, "parser": part})
        whole = (year, options.records)
        median_of(options.rounds, {"parser": whole, "bars": whole})
    print(f"the parser is {rates['parser'] / rates['read_fwf']:.1f} times as fast as pandas.read_fwf")


if __name__ == "__main__":
    main()
