"""The lake of a laptop at a real size, from nothing to an answer, through `make` in a copy of this checkout.

$ python -m bench.bench_laptop                       # ten tickers, ten years, from fake sources on this machine
$ python -m bench.bench_laptop --market --tickers 450 --sessions 250    # a year of all, from a COTAHIST file

For each stage its seconds as `make` says them, and what each program took of a processor in it, which other work on the
machine changes less (the fake sources run in this one); for each program the largest memory that it had.
"""

import argparse
import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from b3lake.lake.calendar import sessions_between
from devlake.copy_checkout import copy_checkout
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_http import serving
from devlake.fake_sources import FakeSources
from devlake.ingest_quotes import fake_origin
from devlake.measure_memory import PeakMemory, peak_memory

FIRST_YEAR = 2016
MARKET_YEAR = 2024
STAGE = re.compile(r"✓ (?P<name>.+?) .*\((?P<seconds>[\d.]+) s\)$")
WORTH_TELLING = 0.5
"""Seconds of a processor."""
OF_THE_DISK = "Up to "
"""How `make ingest` begins to say what it may take."""
QUESTIONS = {
    "first question, of the history": "SELECT ticker, max(close_price) FROM b3_daily_history GROUP BY ticker",
    "the same again": "SELECT ticker, max(close_price) FROM b3_daily_history GROUP BY ticker",
    "of the refined table, a day": "SELECT count(*) FROM b3_daily_quotes_refined WHERE dt = DATE '{day}'",
    "of the refined table, all": "SELECT count(*) FROM b3_daily_quotes_refined WHERE close_price > 0",
}


class Laptop:
    """One lake in a copy of the checkout, and what its stages took."""

    def __init__(self, checkout: Path, peak: PeakMemory) -> None:
        self.checkout, self.peak = checkout, peak
        self._told: dict[str, float] = {}

    def make(self, target: str, **variables: str) -> list[str]:
        """The lines that `make TARGET VARIABLE=…` prints, told as they come."""
        command = ["make", "--no-print-directory", target, *(f"{name}={value}" for name, value in variables.items())]
        lines = []
        with subprocess.Popen(command, cwd=self.checkout, stdout=subprocess.PIPE, text=True) as child:
            for line in child.stdout or ():
                lines.append(line.rstrip())
                if STAGE.search(lines[-1]):
                    print(lines[-1], flush=True)
                    self._tell_processor_seconds()
                elif lines[-1].startswith(OF_THE_DISK):
                    print(lines[-1], flush=True)
        if child.returncode:
            raise SystemExit("\n".join([f"make {target} ended with {child.returncode}:", *lines[-5:]]))
        if target == "up":
            self._watch_emulator()
        return lines

    def ask(self, name: str, sql: str) -> None:
        """Ask, and tell the seconds of the whole command."""
        begun = time.monotonic()
        self.make("query", SQL=sql)
        print(f"{time.monotonic() - begun:7.1f} s  {name}", flush=True)
        self._tell_processor_seconds()

    def _watch_emulator(self) -> None:
        record = json.loads((self.checkout / ".lake/kept/lake.json").read_text(encoding="utf-8"))
        self.peak.watch(psutil.Process(record["supervisor_pid"]))

    def _tell_processor_seconds(self) -> None:
        """Tell what each program took since this was told last."""
        self.peak.look()
        now = self.peak.seconds_of()
        spent = {program: seconds - self._told.get(program, 0.0) for program, seconds in now.items()}
        self._told = now
        told = [f"{program} {seconds:.1f}" for program, seconds in spent.items() if seconds >= WORTH_TELLING]
        print(f"           s of a processor: {sum(spent.values()):.1f}; {', '.join(told)}", flush=True)


@contextmanager
def laptop() -> Iterator[Laptop]:
    """A lake that is up, and goes with the block."""
    with tempfile.TemporaryDirectory(prefix="b3-lake-") as folder, peak_memory() as peak:
        one = Laptop(copy_checkout(Path(folder) / "checkout"), peak)
        one.make("up")
        try:
            yield one
        finally:
            one.make("down")
    print(f"{peak.largest_together / 2**20:7,.0f} MiB  all but this one together, at most")
    for program, most in sorted(peak.largest_of.items(), key=lambda each: -each[1]):
        print(f"{most / 2**20:7,.0f} MiB  {program}")


def cotahist_file(folder: Path, tickers: int, sessions: int) -> Path:
    """A COTAHIST file of the first `sessions` of a year, in which `tickers` shares are traded every day."""
    days = sessions_between(dt.date(MARKET_YEAR, 1, 1), dt.date(MARKET_YEAR, 12, 31))[:sessions]
    codes = [f"{a}{b}{c}A3" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJ" for c in "ABCDEFGHIJ"][:tickers]
    records = []
    for number, day in enumerate(days):
        for which, code in enumerate(codes):
            close = 1000 + 37 * which % 9000 + number * 7 % 300
            prices: dict[str, Any] = {
                "open": close,
                "high": close + 20,
                "low": close - 20,
                "mean": close,
                "close": close,
            }
            traded = {"volume": 1000 + which, "turnover": (1000 + which) * close}
            records.append(quote(day=int(day.strftime("%Y%m%d")), code=code, **traded, **prices))
    file = folder / f"COTAHIST_A{MARKET_YEAR}.TXT"
    file.write_bytes(whole_file(records, year=MARKET_YEAR, made=f"{MARKET_YEAR + 1}0102"))
    return file


def tickers_by_years(tickers: int, years: int) -> None:
    """Yahoo's way: so many tickers, so many years."""
    codes = ["PETR4", "VALE3", "ITUB4", "BBDC4", "BBAS3", "ABEV3", "WEGE3", "MGLU3", "B3SA3", "PETR3"]
    last = FIRST_YEAR + years - 1
    with laptop() as lake, serving(FakeSources()) as url:
        os.environ.update(fake_origin(url).settings())
        chosen = {"TICKERS": ",".join(codes[:tickers]), "START_DATE": f"{FIRST_YEAR}-01-01"}
        begun = time.monotonic()
        lake.make("ingest", **chosen, END_DATE=f"{last}-12-31")
        ask_all(lake, f"{last}-12-30", begun)


def market_year(tickers: int, sessions: int) -> None:
    """B3's way: a file of the whole market."""
    with laptop() as lake, tempfile.TemporaryDirectory(prefix="b3-lake-") as folder:
        file = cotahist_file(Path(folder), tickers, sessions)
        begun = time.monotonic()
        lake.make("ingest", TICKERS="*", SOURCE="b3", B3_FILES=str(file), BESIDE="none")
        ask_all(lake, f"{MARKET_YEAR}-01-04", begun)


def ask_all(lake: Laptop, day: str, begun: float) -> None:
    """Ask all QUESTIONS; tell when the first was answered."""
    for number, (name, sql) in enumerate(QUESTIONS.items()):
        lake.ask(name, sql.format(day=day))
        if number == 0:
            print(f"{time.monotonic() - begun:7.1f} s  from `make ingest` to its answer")
    stored = [file.stat() for file in (lake.checkout / ".lake").rglob("*") if file.is_file()]
    megabytes = sum(one.st_blocks * 512 for one in stored) / 1e6
    print(f"{megabytes:7,.0f} MB on the disk in {len(stored):,} files")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--market", action="store_true")
    parser.add_argument("--tickers", type=int, default=10)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--sessions", type=int, default=250)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a lake that is up is then ended
    if given.market:
        market_year(given.tickers, given.sessions)
    else:
        tickers_by_years(given.tickers, given.years)


if __name__ == "__main__":
    main()
