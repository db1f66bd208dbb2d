"""What a run is asked to do: options and environment, parsed and checked here once."""

import argparse
import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from b3lake.lake.calendar import B3_ZONE, FIRST_DAY, last_final_session, trailing_window
from b3lake.lake.errors import UsageError
from b3lake.lake.names import DEFAULT_ENV, Names
from b3lake.lake.tickers import ALL_TICKERS, INDEX_SYMBOL, normalise

DEFAULT_TICKERS = ("PETR4", "VALE3", "ITUB4", "BBDC4", "BBAS3", "ABEV3", "WEGE3", "B3SA3", INDEX_SYMBOL)
DEFAULT_WINDOW_SESSIONS = 7
INTERVALS = ("1d", "1h", "90m", "60m", "30m", "15m", "5m", "2m", "1m")
SOURCES = ("yahoo", "b3")


@dataclass(frozen=True)
class Config:
    """One run of the ingestion; dates are inclusive, `tickers` are in the lake's spelling or `("*",)`."""

    tickers: tuple[str, ...]
    start: dt.date
    end: dt.date
    now: dt.datetime
    bucket: str | None
    database: str
    lake_env: str
    interval: str = "1d"
    source: str = "yahoo"
    b3_files: Path | None = None
    include_partial: bool = False
    dry_run: bool = False
    json_lines: bool = False
    verify: bool = False
    doctor: bool = False
    fix: bool = False

    @property
    def takes_all_tickers(self) -> bool:
        return self.tickers == (ALL_TICKERS,)


def build_parser() -> argparse.ArgumentParser:
    """The command line; options that take a value, but --verify, default to an environment variable."""
    parser = argparse.ArgumentParser(
        prog="fetch_b3_data.py",
        description="Fetch daily quotes of B3 tickers and write those that changed to the lake's bronze table.",
        epilog="Exit codes: 0 every ticker succeeded; 3 some failed; 1 nothing could be done; 2 wrong usage.",
    )
    add = parser.add_argument
    add("--tickers", help="comma-separated B3 tickers, with or without .SA; ^BVSP is the index; * takes every "
        f"cash-market ticker (source b3 only) [TICKERS; default {','.join(DEFAULT_TICKERS)}]")  # fmt: skip
    add("--start-date", help="first day, YYYY-MM-DD, inclusive [START_DATE; default: see --sessions]")
    add("--end-date", help="last day, YYYY-MM-DD, inclusive [END_DATE; default: the last final session]")
    add("--sessions", help="sessions up to the end, where no first day is given [SESSIONS; default "
        f"{DEFAULT_WINDOW_SESSIONS}]")  # fmt: skip
    add("--bucket", help=f"the raw bucket [RAW_BUCKET; default: {Names('<env>').raw_bucket('<account>')}]")
    add("--database", help=f"the Glue database [GLUE_DATABASE; default: {Names('<env>').database}]")
    add("--interval", choices=INTERVALS, help="length of a bar [INTERVAL; default 1d]")
    add("--source", choices=SOURCES, help="yahoo, or b3: the exchange's own COTAHIST files [SOURCE; default yahoo]")
    add("--b3-files", help="a COTAHIST file, or a folder of them, to read in place of the network [B3_FILES]")
    add("--include-partial", action="store_true", help="also take today's bar while the session is not final")
    add("--dry-run", action="store_true", help="say what would be written; write nothing")
    add("--json", action="store_true", help="report as JSON lines on standard output")
    add("--verify", choices=("b3",), help="compare Yahoo's quotes with B3's files over the range; write nothing")
    add(
        "--doctor",
        action="store_true",
        help="read the lake and report what is wrong with it (all tickers and days, unless given)",
    )
    add("--fix", action="store_true", help="with --doctor: repair what can be repaired")
    return parser


def parse_config(arguments: Sequence[str], environment: Mapping[str, str], now: dt.datetime) -> Config:
    """The checked configuration of a run at `now` (aware).

    Raises UsageError with one sentence; exits 0 on `--help` and 2 on an unknown option, as argparse does.
    """
    options = build_parser().parse_args(arguments)

    def setting(option: str, default: str = "") -> str:
        given = getattr(options, option)
        return str(given if given is not None else environment.get(_variable(option)) or default).strip()

    source = _choice("SOURCE", setting("source", "yahoo"), SOURCES)
    interval = _choice("INTERVAL", setting("interval", "1d"), INTERVALS)
    if options.fix and not options.doctor:
        raise UsageError("--fix repairs what --doctor finds: give both.")
    if options.tickers is None and "TICKERS" in environment and not environment["TICKERS"].strip():
        raise UsageError("TICKERS is set but empty: list tickers, like TICKERS=PETR4,VALE3, or unset it.")
    # B3's files hold shares, no index.
    of_b3 = source == "b3" or options.verify
    defaults = [name for name in DEFAULT_TICKERS if not of_b3 or name != INDEX_SYMBOL]
    tickers = _tickers(setting("tickers", ALL_TICKERS if options.doctor else ",".join(defaults)))
    if tickers == (ALL_TICKERS,) and source != "b3" and not options.doctor:
        raise UsageError("TICKERS=* takes the whole market, which only --source b3 can list.")
    if source == "b3" and interval != "1d":
        raise UsageError("--source b3 has daily bars only: leave --interval out, or take --source yahoo.")
    if options.verify and interval != "1d":
        raise UsageError("--verify compares daily bars: leave --interval out.")
    if options.verify and tickers == (ALL_TICKERS,):
        raise UsageError("--verify asks Yahoo for each ticker: list them.")
    last = now.astimezone(B3_ZONE).date() if options.include_partial else last_final_session(now)
    sessions = _sessions(setting("sessions", str(DEFAULT_WINDOW_SESSIONS)))
    start, end = _range(setting("start_date"), setting("end_date"), last, None if options.doctor else sessions)
    lake_env = environment.get("LAKE_ENV") or DEFAULT_ENV
    files = setting("b3_files")
    return Config(
        tickers=tickers,
        start=start,
        end=end,
        now=now,
        bucket=setting("bucket") or None,
        database=setting("database") or Names(lake_env).database,
        lake_env=lake_env,
        interval=interval,
        source=source,
        b3_files=_existing(files) if files else None,
        include_partial=options.include_partial,
        dry_run=options.dry_run,
        json_lines=options.json,
        verify=options.verify is not None,
        doctor=options.doctor,
        fix=options.fix,
    )


def _variable(option: str) -> str:
    return {"bucket": "RAW_BUCKET", "database": "GLUE_DATABASE"}.get(option, option.upper())


def _choice(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise UsageError(f"{name}={value} is not known: choose one of {', '.join(choices)}.")
    return value


def _tickers(text: str) -> tuple[str, ...]:
    if text == ALL_TICKERS:
        return (ALL_TICKERS,)
    names = [name for name in text.replace(";", ",").replace(" ", ",").split(",") if name]
    if not names:
        raise UsageError("No ticker was given: list tickers, like TICKERS=PETR4,VALE3.")
    try:
        return tuple(dict.fromkeys(normalise(name) for name in names))
    except ValueError as error:
        raise UsageError(f"{error}.") from error


def _sessions(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"SESSIONS={text} is not a number of sessions: give 1 or more, like SESSIONS=60.")
    return int(text)


def _range(start_text: str, end_text: str, last: dt.date, sessions: int | None) -> tuple[dt.date, dt.date]:
    """The first and the last day; without a first one, that of `sessions` up to the last (None: as far back as B3)."""
    start = _date("START_DATE", start_text) if start_text else None
    end = _date("END_DATE", end_text) if end_text else last
    if end < FIRST_DAY:
        raise UsageError(f"END_DATE {end} is before {FIRST_DAY}, where B3's records begin: choose a later day.")
    if start is None:
        start = FIRST_DAY if sessions is None else trailing_window(min(end, last), sessions)
    if start > end:
        if not end_text:
            raise UsageError(f"START_DATE {start} is after the last final session, {last}: choose an earlier day.")
        raise UsageError(f"START_DATE {start} is after END_DATE {end}: swap them.")
    if start < FIRST_DAY:
        raise UsageError(f"START_DATE {start} is before {FIRST_DAY}, where B3's records begin.")
    return start, end


def _date(name: str, text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError as error:
        raise UsageError(f"{name}={text} is not a date: write it as YYYY-MM-DD, like 2024-05-31.") from error


def _existing(text: str) -> Path:
    path = Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises where there is no home
    if not path.exists():
        raise UsageError(f"B3_FILES={text} does not exist: give a COTAHIST file or a folder of them.")
    return path
