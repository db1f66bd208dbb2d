"""The keys of the lake's objects.

    >>> partition_key("raw/b3", "2024-01-02", "PETR4")
    'raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet'

Each object is one partition, written whole under a fixed key: a write replaces it,
and a repeated one changes nothing.
"""

import datetime as dt
import re

from b3lake.lake.tickers import is_ticker

FIRST_DAY = dt.date(1994, 7, 4)
"""Where the lake begins: the first session in reais. Older quotes are in five other currencies."""

OBJECT_NAME = "data.parquet"
RAW_PREFIX = "raw/b3"
REFINED_PREFIX = "refined/b3"
HISTORY_PREFIX = "history/b3"
RATES_PREFIX = "rates/br"
INSTRUMENTS_PREFIX = "instruments/b3"
PORTFOLIOS_PREFIX = "portfolios/b3"
EVENTS_PREFIX = "events/b3"
ANSWERS_PREFIX = "events/answers"
"""B3's answers that the events were made of: beside their table, for Athena reads whatever lies in a table's folder."""
SHARES_PREFIX = "events/shares"
"""As what the quotes know the shares that events were asked of."""
STATE_PREFIX = "state"
"""The prefix of what the refine job keeps for itself, outside every table's location."""

NOTES_NAME, UNREADABLE_NAME = "notes.json", "unreadable.json"
"""The job's own objects, beside the folder `ledger` with an object a year."""

PARTITION = re.compile(r"dt=(\d{4}-\d{2}-\d{2})/ticker=([^/\x00-\x1f\x7f]+)/data\.parquet", re.ASCII)
"""The part after the prefix in the key of a day's object: the day and the ticker."""
YEAR_PARTITION = re.compile(r"year=(\d{4})/data\.parquet", re.ASCII)
"""The part after the prefix in the key of a year's object."""
LEDGER_SHARD = re.compile(r"year=(\d{4})\.parquet", re.ASCII)
"""The name of a year's object of the ledger."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_reachable(key: str) -> bool:
    """Whether the object library can ask for `key`: not where a part of it is empty, `.` or `..`, or has a control
    character. S3 takes such keys, as a slip of `aws s3 cp` makes them."""
    return not _CONTROL.search(key) and not {"", ".", ".."} & set(key.split("/"))


def partition_folder(prefix: str, day: dt.date | str, ticker: str) -> str:
    """The folder of a day's object of one ticker, with a slash at its end; `prefix` may be a URI."""
    return f"{prefix}/dt={day}/ticker={ticker}/"


def partition_key(prefix: str, day: dt.date | str, ticker: str) -> str:
    """The key of the object that holds a day of one ticker."""
    return f"{partition_folder(prefix, day, ticker)}{OBJECT_NAME}"


def year_folder(prefix: str, year: int) -> str:
    """The folder of a year's object, with a slash at its end; `prefix` may be a URI."""
    return f"{prefix}/year={year}/"


def year_key(prefix: str, year: int) -> str:
    """The key of the object that holds a year of all tickers."""
    return f"{year_folder(prefix, year)}{OBJECT_NAME}"


def table_key(prefix: str) -> str:
    """The key of the one object of a table that has no partitions."""
    return f"{prefix}/{OBJECT_NAME}"


def parse_partition_key(prefix: str, key: str) -> tuple[dt.date, str] | None:
    """The day and the ticker of a key under `prefix`; None when it is no day's object."""
    match = PARTITION.fullmatch(key, len(prefix) + 1) if key.startswith(f"{prefix}/") else None
    if not match:
        return None
    try:
        return dt.date.fromisoformat(match[1]), match[2]
    except ValueError:
        return None


def may_hold(day: dt.date, ticker: str) -> bool:
    """Whether the lake has partitions of that day and ticker: an object of others is a stray, whoever reads it."""
    return day >= FIRST_DAY and is_ticker(ticker)


def raw_key(day: dt.date, ticker: str) -> str:
    """The key of the bronze object that holds the bars of `ticker` on `day`."""
    return partition_key(RAW_PREFIX, day, ticker)
