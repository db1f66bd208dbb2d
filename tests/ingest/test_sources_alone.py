"""Errors and notices of the sources, called without the command, which validates options before them."""

import asyncio
import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b3lake.ingest.events.restate import read_rows
from b3lake.ingest.parquet import encode
from b3lake.ingest.sources.b3 import B3Source
from b3lake.ingest.sources.source import Delivery, Failure, Notice, Selection, Source
from b3lake.ingest.sources.yahoo import YahooSource
from b3lake.lake.errors import UsageError
from b3lake.lake.schemas import RAW_SCHEMA
from devlake.cotahist_writer import quote, whole_file
from tests.ingest.lake_cases import table

DAY = dt.date(2024, 1, 2)
NOW = dt.datetime(2024, 1, 4, tzinfo=dt.timezone.utc)


def answers(source: Source, wanted: Selection) -> list[Delivery | Failure | Notice]:
    async def collect() -> list[Delivery | Failure | Notice]:
        return [answer async for answer in source.fetch(wanted)]

    return asyncio.run(collect())


@pytest.mark.parametrize(
    ("source", "wanted", "said"),
    [
        (
            B3Source("http://127.0.0.1:9"),
            Selection(("PETR4",), DAY, DAY, NOW, "1h"),
            "B3's files have daily bars only: leave --interval out, or take --source yahoo.",
        ),
        (
            YahooSource("http://127.0.0.1:9"),
            Selection(None, DAY, DAY, NOW),
            "Yahoo cannot list the whole market: give tickers, or take --source b3.",
        ),
    ],
)
def test_what_a_source_has_not_is_refused_before_anybody_is_asked(source: Source, wanted: Selection, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        answers(source, wanted)
    assert str(caught.value) == said


def test_a_quote_that_a_file_has_twice_is_told_before_its_bars(tmp_path: Path) -> None:
    file = tmp_path / "COTAHIST_A2024.TXT"
    file.write_bytes(whole_file([quote(close=1010), quote(close=1020)]))
    notice, bars = answers(B3Source(files=file), Selection(("PETR4",), DAY, DAY, NOW))
    assert isinstance(notice, Notice)
    assert notice.text == f"{file.name}: more than one quote, and the last stands, of PETR4 on 2024-01-02."
    assert isinstance(bars, Delivery)
    assert bars.tickers == ["PETR4"]


def test_the_rows_of_an_object_are_none_where_the_doctor_names_it() -> None:
    rows = table("PETR4", [DAY]).select(RAW_SCHEMA.names)
    assert read_rows(encode(rows)) == rows
    sink = pa.BufferOutputStream()
    pq.write_table(rows.drop_columns(["isin"]), sink)
    assert [read_rows(body) for body in (b"", b"PAR1 half a fi", sink.getvalue().to_pybytes())] == [None] * 3
    empty = pa.BufferOutputStream()
    pq.write_table(RAW_SCHEMA.empty_table(), empty)
    assert read_rows(empty.getvalue().to_pybytes()) is None
