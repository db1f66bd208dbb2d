"""Reads the page's content from the lake: the answers of three questions, and when objects were last written."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from b3lake.ask.athena import ask
from b3lake.ask.narrow import Narrowing, members_query, narrowed, with_members
from b3lake.lake.names import HISTORY_TABLE, RAW_TABLE
from b3lake.lake.settings import Settings
from b3lake.report.read_objects import newest_object_time

_FOLDER = Path(__file__).resolve().parent


SOURCE_DAYS = 30
"""The sources are told of so many days before the newest: a lake never mixes real and invented quotes."""


@dataclass(frozen=True)
class LakeContent:
    """The content of the page, as the lake gave it.

    `quotes`: the history's rows of the newest sessions, by ticker and date. `days`: every trade date and its tickers.
    `sources`: the newest bronze bars by source. The times, UTC, are of the newest day's bronze objects and of the
    newest history object, None when unknown.
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
    newest = cast("dt.date | None", pc.max(days["trade_date"]).as_py()) or dt.date.today()  # noqa: DTZ011 - no rows
    return LakeContent(
        quotes=about("quotes", sessions=sessions),
        days=days,
        sources=about("sources", since=newest - dt.timedelta(days=SOURCE_DAYS)),
        ingested_at=newest_object_time(settings, RAW_TABLE, f"dt={newest}/"),
        refined_at=newest_object_time(settings, HISTORY_TABLE),
    )


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text("utf-8")
