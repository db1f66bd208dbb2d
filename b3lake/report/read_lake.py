"""Reads the page's content from the lake: the answers of three questions, and when objects were last written."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from b3lake.ask.athena import ask
from b3lake.ask.narrow import Narrowing, members_query, narrowed, with_members
from b3lake.lake.names import HISTORY_TABLE, RAW_TABLE
from b3lake.lake.settings import Settings
from b3lake.report.read_objects import newest_object_time

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class LakeContent:
    """The content of the page, as the lake gave it.

    `quotes`: the history's rows of the newest sessions, by ticker and date. `days`: every trade date and its tickers.
    `sources`: the newest day's bronze bars by source; a lake never mixes real and invented ones. The times, UTC, are of
    the newest day's bronze objects and of the newest history object, None when unknown.
    """

    quotes: pa.Table
    days: pa.Table
    sources: pa.Table
    ingested_at: dt.datetime | None
    refined_at: dt.datetime | None


def read_lake(settings: Settings, sessions: int, to: Narrowing) -> LakeContent:
    """Ask the lake for its newest `sessions`, `to` some tickers, and its state. Raises QueryError without an answer."""
    to = with_members(to, lambda index: ask(members_query(index), settings))

    def about(name: str, **values: object) -> pa.Table:
        return ask(narrowed(_text(name).format(**values), settings.database, to), settings)

    days = about("days")
    held: list[dt.date] = days["trade_date"].to_pylist() or [dt.date.today()]  # noqa: DTZ011 - no rows
    since, newest = held[-sessions:][0], held[-1]
    return LakeContent(
        quotes=about("quotes", since=since, year=since.year),
        days=days,
        sources=about("sources", day=newest),
        ingested_at=newest_object_time(settings, RAW_TABLE, f"dt={newest}/"),
        refined_at=newest_object_time(settings, HISTORY_TABLE),
    )


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text("utf-8")
