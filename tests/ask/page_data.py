"""Lakes as they would be read, made here without any AWS, for the tests of the page."""

import datetime as dt

import pandas as pd
import pyarrow as pa

from b3lake.lake.calendar import last_final_session, sessions_between
from b3lake.report.describe_lake import describe_lake
from b3lake.report.read_lake import LakeContent
from b3lake.report.write_page import write_page
from tests.ask.lake import REFINED_SCHEMA, invent_quotes, refine

NOW = dt.datetime(2024, 2, 16, 12, tzinfo=dt.timezone.utc)
CALENDAR = sessions_between(dt.date(2022, 6, 1), last_final_session(NOW))


def read_content(refined: pd.DataFrame, source: str = "yahoo") -> LakeContent:
    """The lake as it would be read with these `refined` rows."""
    days = refined.groupby("trade_date").size()
    schema = pa.schema([("ticker", pa.string()), *REFINED_SCHEMA])
    return LakeContent(
        quotes=pa.Table.from_pandas(refined, schema=schema, preserve_index=False),
        days=pa.table({"trade_date": pa.array(days.index, pa.date32()), "tickers": pa.array(days, pa.int64())}),
        sources=pa.table({"source": [source], "bars": [len(refined)]}),
        ingested_at=NOW - dt.timedelta(hours=2),
        refined_at=NOW - dt.timedelta(hours=1),
    )


def invent_refined(tickers: list[str], sessions: int) -> pd.DataFrame:
    """Refined rows of `tickers` for the last `sessions` sessions before NOW."""
    return refine(invent_quotes(tickers, CALENDAR[-sessions:]))


def write_invented(refined: pd.DataFrame, source: str = "yahoo", language: str = "pt") -> str:
    """The page of a lake with these rows."""
    first = refined["trade_date"].min()
    calendar = [day for day in CALENDAR if len(refined) and day >= first]
    return write_page(describe_lake(read_content(refined, source), calendar, NOW), language)
