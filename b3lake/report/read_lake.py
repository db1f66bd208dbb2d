"""Reads the page's content from the lake: the answers of three questions, and when objects were last written."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from b3lake.ask.athena import ask
from b3lake.lake.names import COMPACT_TABLE, RAW_TABLE, REFINED_TABLE
from b3lake.lake.settings import Settings
from b3lake.report.read_objects import newest_object_time

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class LakeContent:
    """The content of the page, as the lake gave it.

    `quotes`: the refined rows of the newest sessions, by ticker and date. `days`: every trade date and its tickers.
    `sources`: bronze bars by source. The times, UTC, are of the newest bronze and refined object, None when unknown.
    """

    quotes: pa.Table
    days: pa.Table
    sources: pa.Table
    ingested_at: dt.datetime | None
    refined_at: dt.datetime | None


def read_lake(settings: Settings, sessions: int) -> LakeContent:
    """Ask the lake for its newest `sessions` and its state. Raises QueryError when it does not answer."""
    refined_at = newest_object_time(settings, REFINED_TABLE)
    table = choose_table(refined_at, newest_object_time(settings, COMPACT_TABLE))
    return LakeContent(
        quotes=ask(_text("quotes").format(table=table, sessions=sessions), settings),
        days=ask(_text("days").format(table=table), settings),
        sources=ask(_text("sources"), settings),
        ingested_at=newest_object_time(settings, RAW_TABLE),
        refined_at=refined_at,
    )


def choose_table(refined_at: dt.datetime | None, compact_at: dt.datetime | None) -> str:
    """The table to read the refined rows from, by when each was last written.

    The compact copy has the same rows in one object a year, so it answers much sooner. The refine job writes it after
    the refined objects: one that is older was switched off, or a run was cut short, and it is not trusted.
    """
    return COMPACT_TABLE if refined_at and compact_at and compact_at >= refined_at else REFINED_TABLE


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text("utf-8")
