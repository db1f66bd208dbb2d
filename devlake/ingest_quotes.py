"""Runs the real ingestion, against Yahoo where it answers and against the fake one where it does not."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from b3lake.ingest.options import ASK_NETWORK
from b3lake.ingest.parquet import decode
from b3lake.ingest.sources.settings import B3_VARIABLE, BCB_VARIABLE, LISTED_VARIABLE, YAHOO_VARIABLE
from b3lake.ingest.sources.yahoo_session import YAHOO_URL
from b3lake.lake.errors import without_passwords
from b3lake.lake.keys import RAW_PREFIX
from b3lake.lake.labels import SYNTHETIC, is_synthetic
from devlake import paths
from devlake.child_process import LONG_SECONDS, run_child
from devlake.emulator import Emulator
from devlake.errors import DevLakeError
from devlake.fake_http import serving
from devlake.fake_sources import FakeSources

ALL, SOME_FAILED = 0, 3  # exit codes of the ingestion that leave something in the lake
ADDRESSES = (YAHOO_VARIABLE, B3_VARIABLE, LISTED_VARIABLE, BCB_VARIABLE)
YAHOO_PROBE = f"{YAHOO_URL}/v8/finance/chart/PETR4.SA?range=5d&interval=1d"
SYNTHETIC_NOTICE = (
    "These prices are SYNTHETIC: a fake Yahoo on this machine invented them. Do not take them for quotes."
)


@dataclass(frozen=True)
class Ingestion:
    """How one ingestion went: objects written and left unchanged, tickers asked for, what a person should know."""

    exit_code: int
    written: int
    unchanged: int
    tickers: int
    synthetic: bool
    problems: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Origin:
    """Where one ingestion's quotes are from, for a person; `trouble` says why not from Yahoo, and `url` is the fake."""

    name: str
    url: str = ""
    trouble: str = ""

    @property
    def synthetic(self) -> bool:
        """Whether the prices are invented."""
        return bool(self.url)

    def settings(self) -> dict[str, str]:
        """The environment that makes the ingestion ask there."""
        if not self.url:
            return {}
        return dict.fromkeys(ADDRESSES, self.url) | {"B3LAKE_SOURCE_LABEL": SYNTHETIC, "BESIDE": ASK_NETWORK}


def yahoo_answers(seconds: float = 8.0) -> str | None:
    """None when Yahoo serves quotes from here, else why it does not."""
    request = urllib.request.Request(YAHOO_PROBE, headers={"User-Agent": "Mozilla/5.0"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310 - a fixed https address
            json.load(answer)
    except urllib.error.HTTPError as error:
        return f"Yahoo answers {error.code} {error.reason}"
    except (urllib.error.URLError, OSError, ValueError) as error:
        return f"Yahoo cannot be reached ({getattr(error, 'reason', error)})"
    return None


@contextmanager
def choose_origin(synthetic: bool | None, environ: Mapping[str, str]) -> Iterator[Origin]:
    """Where quotes come from for the length of a `with` block, in which fake sources run if there is no other.

    It is asked only where Yahoo would be: B3's files and whoever else is named are taken as they are, and the ingestion
    itself refuses what the lake cannot hold. `synthetic` says of which kind the lake's prices are (None: it is empty).
    Raises DevLakeError where Yahoo does not answer and the lake's prices are real.
    """
    elsewhere = "B3" if environ.get("SOURCE") == "b3" else environ.get("B3LAKE_YAHOO_URL", "")
    if elsewhere:
        yield Origin(without_passwords(elsewhere))
        return
    trouble = "This lake holds synthetic prices, and real ones are not mixed with them (`make clean` for a new lake)"
    trouble = trouble if synthetic else yahoo_answers() or ""
    if not trouble:
        yield Origin("Yahoo")
        return
    if synthetic is False:
        raise DevLakeError(f"{trouble}. This lake holds real prices, and no invented ones are added: try again later.")
    with serving(FakeSources()) as url:
        yield fake_origin(url, f"{trouble}: the same ingestion asks a fake one on this machine instead.")


def fake_origin(url: str, trouble: str = "") -> Origin:
    """The fake sources that run at `url`."""
    return Origin("the fake Yahoo (synthetic)", url, trouble)


def holds_synthetic_prices(aws: Emulator, bucket: str) -> bool | None:
    """Whether the lake's prices are invented, as the first of its rows says; None where no row can be read."""
    s3 = aws.client("s3")
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"{RAW_PREFIX}/dt=").get("Contents", []):
        body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        with suppress(pa.ArrowInvalid, OSError, KeyError, IndexError):  # the doctor names it
            return is_synthetic(decode(body)["source"][0].as_py())
    return None


def ingest_quotes(
    aws: Emulator,
    outputs: dict[str, str],
    folder: Path,
    origin: Origin,
    *,
    tickers: Sequence[str] = (),
    sessions: int | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> Ingestion:
    """Run ec2/fetch_b3_data.py into the deployed lake; its other settings are the caller's environment.

    Without `tickers` and `sessions` the ingestion's own defaults hold. Raises DevLakeError when it could do nothing.
    """
    environment = aws.environment() | origin.settings()
    environment |= {"RAW_BUCKET": outputs["RawBucketName"], "GLUE_DATABASE": outputs["GlueDatabaseName"]}
    if tickers:
        environment["TICKERS"] = ",".join(tickers)
    if sessions is not None:
        environment["SESSIONS"] = str(sessions)
    reports: list[dict[str, Any]] = []

    def read(line: str) -> None:
        if line.startswith("{"):
            reports.append(json.loads(line))
        else:
            on_line(line)

    log = folder / "ingest.log"
    on_line("fetching…")
    command: list[str | Path] = [sys.executable, paths.FETCH_SCRIPT, "--json"]
    code = run_child(command, environment=environment, log=log, on_line=read, seconds=LONG_SECONDS)
    if code not in (ALL, SOME_FAILED):
        cause = next((f"{one['cause'].rstrip('.')}." for one in reports if one.get("cause")), "") or _last_words(log)
        raise DevLakeError(f"The ingestion could do nothing: {cause} See {log}.")
    problems = [origin.trouble] if origin.trouble else []
    problems += [f"{one['ticker']}: {one['cause']}" for one in reports if one.get("cause")]
    summary = next(one["summary"] for one in reports if "summary" in one)
    problems += [f"{table['table']}: {cause}" for table in summary["tables"] for cause in table["causes"]]
    counts = (summary["written"], summary["unchanged"], summary["tickers"])
    return Ingestion(code, *counts, origin.synthetic, tuple(problems), origin.name)


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line and not line.startswith("{")]
    return lines[-1].removeprefix("fetch_b3_data: ") if lines else "it printed nothing."
