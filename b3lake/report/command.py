"""`b3lake report`: writes the page about the lake."""

import argparse
import datetime as dt
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from b3lake.ask.errors import QueryError
from b3lake.lake.errors import B3LakeError
from b3lake.lake.settings import Settings, read_settings
from b3lake.report.describe_lake import describe_lake, trade_dates
from b3lake.report.read_calendar import list_sessions
from b3lake.report.read_lake import LakeContent, read_lake
from b3lake.report.write_page import write_page

DEFAULT_OUTPUT = Path(".lake") / "report.html"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="b3lake report",
        description="Write one HTML file, which needs no network, about the quotes in the lake and its state.",
        epilog="The environment says which lake, as for `b3lake ask`.",
    )
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, metavar="FILE", help=f"default {DEFAULT_OUTPUT}")
    parser.add_argument("--sessions", type=int, default=250, metavar="N", help="the newest N sessions (default 250)")
    parser.add_argument("--language", choices=("pt", "en"), default="pt", help="shown first (default pt)")
    options = parser.parse_args(arguments)
    if options.sessions < 1:
        parser.error("--sessions must be 1 or more")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(sys.argv[1:] if arguments is None else arguments)
    now = dt.datetime.now(dt.timezone.utc)
    try:
        page = build_page(read_settings(os.environ), options.sessions, options.language, now)
        _write(options.output, page)
    except B3LakeError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    print(f"{options.output} ({len(page.encode()) / 1e6:.1f} MB): open it in a browser.")
    return 0


def build_page(settings: Settings, sessions: int, language: str, now: dt.datetime) -> str:
    """The page about the lake at `now` (UTC). Raises QueryError when the lake does not answer."""
    content = read_lake(settings, sessions)
    return write_page(describe_lake(content, _calendar(content, now), now), language)


def _calendar(content: LakeContent, now: dt.datetime) -> list[dt.date]:
    days = trade_dates(content.days)
    return list_sessions(min(days), now) if days else []


def _write(path: Path, page: str) -> None:
    """Write `page` whole or not at all: a reader may have the one before open."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(page, "utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise QueryError(f"Cannot write {path}: {error.strerror}.") from error
