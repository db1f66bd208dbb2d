"""Runs the real ingestion, against Yahoo where it answers and against the fake one where it does not."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devlake import paths
from devlake.emulator import Emulator
from devlake.errors import DevLakeError
from devlake.run_child import run_child

ALL, SOME_FAILED = 0, 3  # exit codes of the ingestion that leave something in the lake
YAHOO_PROBE = "https://query2.finance.yahoo.com/v8/finance/chart/PETR4.SA?range=5d&interval=1d"
SYNTHETIC_NOTICE = (
    "These prices are SYNTHETIC: a fake Yahoo on this machine invented them. Do not take them for quotes."
)


@dataclass(frozen=True)
class Ingestion:
    """What one ingestion did: objects written and left unchanged, tickers asked for, what a person should know."""

    exit_code: int
    written: int
    unchanged: int
    tickers: int
    synthetic: bool
    problems: tuple[str, ...]

    @property
    def source(self) -> str:
        """Where the quotes are from, for a person."""
        return "the fake Yahoo (synthetic)" if self.synthetic else "Yahoo"


def yahoo_answers(seconds: float = 8.0) -> str | None:
    """None when Yahoo serves quotes from here, else why it does not."""
    request = urllib.request.Request(YAHOO_PROBE, headers={"User-Agent": "Mozilla/5.0"})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310 - a fixed https address
            json.load(answer)
    except urllib.error.HTTPError as error:
        return f"Yahoo answers {error.code} {error.reason}"
    except (urllib.error.URLError, OSError, ValueError) as error:
        return f"Yahoo cannot be reached ({getattr(error, 'reason', error)})"
    return None


def _why_not_yahoo(synthetic: bool | None) -> str | None:
    """Why the fake Yahoo is asked, None where the real one is."""
    if synthetic:
        return "This lake holds synthetic prices, and real ones are not mixed with them (`make clean` for a new lake)"
    trouble = yahoo_answers()
    if trouble and synthetic is False:
        raise DevLakeError(f"{trouble}. This lake holds real prices, and no invented ones are added: try again later.")
    return trouble


def ingest_quotes(  # noqa: PLR0913 - all but the first three are options, given by name
    aws: Emulator,
    outputs: dict[str, str],
    folder: Path,
    *,
    tickers: Sequence[str] = (),
    sessions: int | None = None,
    yahoo_url: str | None = None,
    synthetic: bool | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
    on_kind: Callable[[bool], None] = lambda _synthetic: None,
) -> Ingestion:
    """Run ec2/fetch_b3_data.py into the deployed lake; `TICKERS`, `START_DATE` and `END_DATE` are the caller's.

    Without `tickers` and `sessions` the ingestion's own defaults hold. `synthetic` says of which kind the lake's prices
    are (None: it is empty); `on_kind` hears, before anything is written, whether these are synthetic. With
    `yahoo_url` Yahoo is not asked at all. Raises DevLakeError when the ingestion could do nothing, and when it could
    only mix invented prices with real ones.
    """
    trouble = _why_not_yahoo(synthetic) if yahoo_url is None else None
    environment = aws.environment() | {
        "RAW_BUCKET": outputs["RawBucketName"],
        "GLUE_DATABASE": outputs["GlueDatabaseName"],
    }
    if tickers:
        environment["TICKERS"] = ",".join(tickers)
    if sessions is not None:
        environment["SESSIONS"] = str(sessions)
    script: list[str | Path] = [paths.FETCH_SCRIPT]
    if yahoo_url or trouble:
        at = ["--yahoo-url", yahoo_url] if yahoo_url else []
        script = ["-m", "devlake.fetch_from_fake", *at, "--"]
    reports: list[dict[str, Any]] = []

    def read(line: str) -> None:
        if line.startswith("{"):
            reports.append(json.loads(line))
        else:
            on_line(line)

    log = folder / "ingest.log"
    synthetic = bool(yahoo_url or trouble)
    on_kind(synthetic)
    on_line("fetching…")
    code = run_child([sys.executable, *script, "--json"], environment=environment, log=log, on_line=read)
    if code not in (ALL, SOME_FAILED):
        raise DevLakeError(f"The ingestion could do nothing: {_last_words(log)} See {log}.")
    problems = [f"{trouble}: the same ingestion asks a fake Yahoo on this machine instead."] if trouble else []
    problems += [f"{one['ticker']}: {one['cause']}" for one in reports if one.get("cause")]
    summary = next(one["summary"] for one in reports if "summary" in one)
    return Ingestion(code, summary["written"], summary["unchanged"], summary["tickers"], synthetic, tuple(problems))


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line and not line.startswith("{")]
    return lines[-1].removeprefix("fetch_b3_data: ") if lines else "it printed nothing."
