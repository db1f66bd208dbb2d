"""The options that `b3lake fetch`, `verify` and `doctor` share: tickers, days, source and lake, each stated once."""

import datetime as dt
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from b3lake.ingest.sources.b3_events import B3Events
from b3lake.ingest.sources.beside import BesideSources
from b3lake.ingest.sources.settings import SOURCES, read_source_settings
from b3lake.ingest.sources.source import Source
from b3lake.lake.calendar import TOO_EARLY, trailing_window
from b3lake.lake.errors import UsageError
from b3lake.lake.indexes import spelled
from b3lake.lake.keys import FIRST_DAY
from b3lake.lake.labels import is_synthetic
from b3lake.lake.names import Names
from b3lake.lake.settings import LakePlace, read_place
from b3lake.lake.tickers import ALL_TICKERS, CASH, INDEX_SYMBOL, MARKETS, split_list
from b3lake.lake.words import printable
from b3lake.options import Given, Parser

_SHOWN = 80
"""Letters of a path that a sentence shows."""

DEFAULT_TICKERS = ("PETR4", "VALE3", "ITUB4", "BBDC4", "BBAS3", "ABEV3", "WEGE3", "B3SA3", INDEX_SYMBOL)
DEFAULT_SESSIONS = 7
ASK_NETWORK, ASK_NOBODY = "network", "none"
"""Values of --beside, and of --b3-events beside a folder."""
INTERVALS = ("1d", "1h", "90m", "60m", "30m", "15m", "5m", "2m", "1m")


def add_tickers(parser: Parser, default: str) -> None:
    """--tickers; `default` is said in the help."""
    text = "comma-separated B3 tickers, with or without .SA; ^BVSP is the index; @IBOV its members; * is every ticker"
    parser.add_setting("--tickers", "TICKERS", f"{text}; without it, {default}")


def add_range(parser: Parser, default_start: str, default_end: str = "the last final session") -> None:
    """--start-date and --end-date; the defaults are said in the help."""
    text = f"first day, YYYY-MM-DD, inclusive, {FIRST_DAY} or later; without it, {default_start}"
    parser.add_setting("--start-date", "START_DATE", text)
    parser.add_setting("--end-date", "END_DATE", f"last day, YYYY-MM-DD, inclusive; without it, {default_end}")


def add_sessions(parser: Parser) -> None:
    """--sessions."""
    text = f"how many sessions up to the end, where no first day is given; without it, {DEFAULT_SESSIONS}"
    parser.add_setting("--sessions", "SESSIONS", text)


def add_source(parser: Parser) -> None:
    """--source, --interval and --b3-files."""
    parser.add_setting("--source", "SOURCE", "yahoo, or b3: the exchange's own COTAHIST files", SOURCES[0])
    parser.add_setting("--interval", "INTERVAL", f"length of a bar: {', '.join(INTERVALS)}", INTERVALS[0])
    parser.add_setting(
        "--market", "MARKET", f"with --source b3, {' or '.join(MARKETS)} (of a few shares: PETR4F)", CASH
    )
    add_b3_files(parser)


def add_b3_files(parser: Parser) -> None:
    """--b3-files."""
    text = "a COTAHIST file, or a folder of them, to read in place of the network"
    parser.add_setting("--b3-files", "B3_FILES", text)


def add_b3_events(parser: Parser) -> None:
    """--b3-events."""
    text = f"with --source b3, where its events are from: {ASK_NETWORK}, a folder of B3's answers, or {ASK_NOBODY}"
    parser.add_setting("--b3-events", "B3_EVENTS", f"{text}; without it, network, or none with --b3-files")


def add_beside(parser: Parser) -> None:
    """--beside."""
    text = "rates, members of indexes and instruments, which are kept beside the quotes"
    parser.add_setting(
        "--beside", "BESIDE", f"{text}: {ASK_NETWORK} or {ASK_NOBODY}; without it, {ASK_NETWORK} where the quotes are"
    )


def add_lake(parser: Parser) -> None:
    """--bucket and --database."""
    names = Names("<env>")
    parser.add_setting("--bucket", "RAW_BUCKET", f"the raw bucket; without it, {names.raw_bucket('<account>')}")
    parser.add_setting("--database", "GLUE_DATABASE", f"the Glue database; without it, {names.database}")


def add_json(parser: Parser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="report as JSON lines on standard output")


def read_tickers(given: Given, environ: Mapping[str, str], default: tuple[str, ...]) -> tuple[str, ...] | None:
    """The tickers in the lake's spelling, None for every ticker; `default` where none are given. Raises UsageError.

    `@IBOV` stays until the lake tells its members (with_members).
    """
    if given.options.tickers is None and "TICKERS" in environ and not environ["TICKERS"].strip():
        raise UsageError("TICKERS is set but empty: list tickers, like TICKERS=PETR4,VALE3, or unset it.")
    text = given.text("tickers")
    if not text and given.options.tickers is None:
        text = ",".join(default)
    if text == ALL_TICKERS:
        return None
    names = split_list(text)
    if not names:
        raise UsageError("No ticker was given: list tickers, like TICKERS=PETR4,VALE3.")
    try:
        return tuple(dict.fromkeys(spelled(name) for name in names))
    except ValueError as error:
        raise UsageError(f"{error}.") from error


def default_tickers(*, of_b3: bool) -> tuple[str, ...]:
    """DEFAULT_TICKERS, without the index where they are B3's: its files hold shares only."""
    return tuple(name for name in DEFAULT_TICKERS if not of_b3 or name != INDEX_SYMBOL)


def read_range(given: Given, last: dt.date, sessions: int) -> tuple[dt.date, dt.date]:
    """The first and the last day, both included; `last` is the newest that may be taken, and the default.

    Without a first day it is that of `sessions` up to the last one. Raises UsageError.
    """
    start, end = read_days(given)
    if end is None and start and start > last:
        raise UsageError(f"START_DATE {start} is after the last final session, {last}: choose an earlier day.")
    end = end or last
    return start or trailing_window(min(end, last), sessions), end


def read_days(given: Given) -> tuple[dt.date | None, dt.date | None]:
    """The first and the last day, None where none is given. Raises UsageError."""
    start, end = _date("START_DATE", given.text("start_date")), _date("END_DATE", given.text("end_date"))
    if end and end < FIRST_DAY:
        raise UsageError(f"END_DATE {end} is {TOO_EARLY}: choose a later day.")
    if start and start < FIRST_DAY:
        raise UsageError(f"START_DATE {start} is {TOO_EARLY}: choose that day or a later one.")
    if start and end and start > end:
        raise UsageError(f"START_DATE {start} is after END_DATE {end}: swap them.")
    return start, end


def names_days(given: Given) -> bool:
    """Whether the range is given in any way."""
    return any(given.text(name) for name in ("start_date", "end_date", "sessions"))


def read_sessions(given: Given) -> int:
    """How many sessions. Raises UsageError."""
    text = given.text("sessions") or str(DEFAULT_SESSIONS)
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < 1:
        raise UsageError(f"SESSIONS={text} is not a number of sessions: give 1 or more, like SESSIONS=60.")
    return int(text)


@dataclass(frozen=True)
class ChosenSource:
    """The source that bars are fetched from, the length of a bar, and whether B3's files are here."""

    source: Source
    interval: str
    is_b3: bool
    market: str
    has_files: bool
    is_official: bool


def read_source(given: Given, environ: Mapping[str, str]) -> ChosenSource:
    """The source that was chosen. Raises UsageError, also for bars that it cannot have."""
    name, interval = given.choice("source", SOURCES), given.choice("interval", INTERVALS)
    is_b3 = name == "b3"
    if is_b3 and interval != "1d":
        raise UsageError("--source b3 has daily bars only: leave --interval out, or take --source yahoo.")
    market = given.choice("market", MARKETS)
    if market != CASH and not is_b3:
        raise UsageError("Yahoo has the cash market only: leave --market out, or take --source b3.")
    files, settings = read_b3_files(given), read_source_settings(environ)
    has_files = is_b3 and files is not None
    is_official = settings.is_official(name) and not has_files
    source = settings.source(name, files, market)
    return ChosenSource(source, interval, is_b3, market, has_files, is_official)


def read_b3_events(given: Given, environ: Mapping[str, str], chosen: ChosenSource) -> B3Events | None:
    """Who is asked for the events of the quotes of `chosen`, None for nobody. Raises UsageError."""
    text = given.text("b3_events") or (ASK_NOBODY if given.text("b3_files") else ASK_NETWORK)
    if not chosen.is_b3 or text == ASK_NOBODY:
        return None
    if text == ASK_NETWORK:
        return read_source_settings(environ).events(chosen.source.label)
    folder = Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises where there is no home
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises for a name that no folder can have
        raise UsageError(f"B3_EVENTS={text} is no folder: give a folder of answers, {ASK_NETWORK} or {ASK_NOBODY}.")
    return B3Events(folder=folder)


def read_beside(given: Given, environ: Mapping[str, str], chosen: ChosenSource) -> BesideSources | None:
    """Who is asked for what is kept beside the quotes of `chosen`; None where nothing is to be kept. Raises UsageError.

    Unless it is said, somebody is asked where the quotes come from the source itself, and not from files or from a
    substitute; what files of B3's tell is always kept.
    """
    is_real = chosen.is_official and not is_synthetic(chosen.source.label)
    text = given.text("beside")
    if text not in {ASK_NETWORK, ASK_NOBODY, ""}:
        raise UsageError(f"BESIDE={text} is neither {ASK_NETWORK} nor {ASK_NOBODY}: give one of them.")
    if text == ASK_NETWORK or (is_real and not text):
        return read_source_settings(environ).beside(chosen.source)
    return BesideSources(market_label=chosen.source.label) if chosen.is_b3 and not text else None


def read_b3_files(given: Given) -> Path | None:
    """The place of COTAHIST files here, if one is given. Raises UsageError when there is no file and no folder."""
    text = given.text("b3_files")
    if not text:
        return None
    path = Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises where there is no home
    shown = printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise UsageError(f"B3_FILES={shown} does not exist: give a COTAHIST file or a folder of them.") from error
    except (OSError, ValueError) as error:  # a loop of links, a name that is too long or has a zero byte
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"B3_FILES={shown} cannot be opened ({why}): give a COTAHIST file or a folder.") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UsageError(f"B3_FILES={shown} is no file and no folder: give a COTAHIST file or a folder of them.")
    return path


def read_lake(given: Given, environ: Mapping[str, str]) -> LakePlace:
    """The lake that is meant. Raises UsageError."""
    return read_place(environ, bucket=given.text("bucket"), database=given.text("database"))


def _date(name: str, text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError as error:
        raise UsageError(f"{name}={text} is not a date: write it as YYYY-MM-DD, like 2024-05-31.") from error
