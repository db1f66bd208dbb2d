"""Rates, portfolios and instruments in the lake: what is stored, what a repeat writes, and what each fault leaves."""

import asyncio
import datetime as dt
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.beside_quotes import (
    TableOutcome,
    counted_days,
    update_instruments,
    update_portfolios,
    update_rates,
)
from b3lake.ingest.instruments import MarketCount
from b3lake.ingest.objects import open_store
from b3lake.ingest.small_tables import (
    INSTRUMENTS,
    PORTFOLIOS,
    RATES,
    SMALL_TABLES,
    Destination,
    SmallTable,
    read_table,
    replace_groups,
    update_table,
)
from b3lake.ingest.sources.b3_index import IndexPortfolios
from b3lake.ingest.sources.bcb import CentralBank
from b3lake.ingest.sources.cotahist import Quotes
from b3lake.ingest.sources.http_get import BackOff
from b3lake.lake.errors import AwsError, B3LakeError
from b3lake.lake.indexes import INDEXES
from b3lake.lake.rates import SERIES
from devlake.fake_b3_index import FakeIndexes, invented
from devlake.fake_bcb import FakeCentralBank
from devlake.fake_http import HTML_200, Scripted, Service, serving
from tests.ingest.lake_cases import TestLake, session
from tests.ingest.test_instruments import quote, quotes

HASTY = BackOff(attempts=2, first_seconds=0.001, longest_seconds=0.002, timeout_seconds=10)
TODAY = dt.date(2024, 2, 15)
LABEL = "synthetic"


@pytest.fixture
def to(lake: TestLake) -> Destination:
    """An empty lake that keeps every version, so that a needless PUT is seen."""
    lake.s3.put_bucket_versioning(Bucket=lake.bucket, VersioningConfiguration={"Status": "Enabled"})
    return Destination(open_store(lake.bucket, session()), LABEL)


def versions(lake: TestLake) -> dict[str, int]:
    """Every key, and how often it was put."""
    counted: dict[str, int] = {}
    for version in lake.s3.list_object_versions(Bucket=lake.bucket).get("Versions", []):
        counted[version["Key"]] = counted.get(version["Key"], 0) + 1
    return counted


def stored(lake: TestLake, table: SmallTable) -> pa.Table:
    """The object, read without the code that wrote it."""
    body = lake.s3.get_object(Bucket=lake.bucket, Key=f"{table.prefix}/data.parquet")["Body"].read()
    return pq.ParquetFile(io.BytesIO(body)).read()


def rates(to: Destination, service: Service, today: dt.date = TODAY) -> TableOutcome:
    with serving(service) as url:
        return asyncio.run(update_rates(to, CentralBank(url, HASTY), today))


def portfolios(to: Destination, service: Service, today: dt.date = TODAY) -> TableOutcome:
    with serving(service) as url:
        return asyncio.run(update_portfolios(to, IndexPortfolios(url, HASTY), today))


def instruments(to: Destination, files: list[Quotes]) -> TableOutcome:
    async def update() -> TableOutcome:
        market = MarketCount(await counted_days(to.store))
        for file in files:
            market.note(file)
        return await update_instruments(to, market.new)

    return asyncio.run(update())


def indexes(day: dt.date, but: str = "") -> FakeIndexes:
    members = {index: invented(["PETR4", "VALE3", "ITUB4"], day) for index in INDEXES if index != but}
    return FakeIndexes(day, members)


def test_the_keys_and_names_of_the_tables() -> None:
    assert {(table.name, table.key) for table in SMALL_TABLES} == {
        ("br_rates", "rates/br/data.parquet"),
        ("b3_instruments", "instruments/b3/data.parquet"),
        ("b3_index_portfolio", "portfolios/b3/data.parquet"),
        ("b3_corporate_events", "events/b3/data.parquet"),
    }


def test_the_first_run_has_every_series_from_the_real_on(lake: TestLake, to: Destination) -> None:
    served = Scripted(FakeCentralBank(TODAY))
    assert rates(to, served) == TableOutcome("br_rates", written=True)
    rows = stored(lake, RATES)
    assert rows.schema.remove_metadata() == RATES.schema
    assert rows.schema.metadata[b"b3lake.source"] == b"synthetic"
    frame = rows.to_pandas()
    assert frame.equals(frame.sort_values(["series", "day"], ignore_index=True))
    assert not frame.duplicated(["series", "day"]).any()
    spans = {series: (days.min(), days.max()) for series, days in frame.groupby("series")["day"]}
    assert spans == {
        "CDI": (dt.date(1994, 7, 1), TODAY),
        "SELIC": (dt.date(1994, 7, 1), TODAY),
        "IPCA": (dt.date(1994, 7, 1), dt.date(2024, 1, 1)),
        "SELIC_TARGET": (dt.date(1999, 3, 5), TODAY),
    }
    asked = [request.path.split(".")[-1] for request in served.requests]
    assert asked == ["12/dados"] * 3 + ["11/dados"] * 3 + ["432/dados"] * 3 + ["433/dados"] * 3


def test_a_repeat_asks_for_little_and_writes_nothing(lake: TestLake, to: Destination) -> None:
    rates(to, FakeCentralBank(TODAY))
    served = Scripted(FakeCentralBank(TODAY))
    assert rates(to, served) == TableOutcome("br_rates", written=False)
    assert versions(lake) == {"rates/br/data.parquet": 1}
    asked = [(request.path.split(".")[-1], request.query["dataInicial"]) for request in served.requests]
    newest_but_40 = ["06/01/2024", "06/01/2024", "06/01/2024", "22/11/2023"]
    assert asked == list(zip(["12/dados", "11/dados", "432/dados", "433/dados"], newest_but_40, strict=True))


def test_the_next_day_adds_its_rows(lake: TestLake, to: Destination) -> None:
    rates(to, FakeCentralBank(TODAY))
    before = {tuple(row.values()) for row in stored(lake, RATES).to_pylist()}
    tomorrow = TODAY + dt.timedelta(days=1)
    assert rates(to, FakeCentralBank(tomorrow), tomorrow).written
    added = {tuple(row.values()) for row in stored(lake, RATES).to_pylist()} - before
    assert {row[:2] for row in added} == {(series, tomorrow) for series in ("CDI", "SELIC", "SELIC_TARGET")}


def test_a_corrected_rate_takes_the_place_of_the_first(lake: TestLake, to: Destination) -> None:
    rates(to, FakeCentralBank(TODAY, {(433, dt.date(2024, 1, 1)): "0.42"}))
    assert rates(to, FakeCentralBank(TODAY, {(433, dt.date(2024, 1, 1)): "0.43"})).written
    table = stored(lake, RATES).to_pylist()
    assert [row["value"] for row in table if (row["series"], row["day"]) == ("IPCA", dt.date(2024, 1, 1))] == [0.43]


def test_a_series_that_fails_takes_no_other_with_it(lake: TestLake, to: Destination) -> None:
    outcome = rates(to, Scripted(FakeCentralBank(TODAY), [HTML_200, HTML_200]))
    assert outcome.written
    assert outcome.causes == (
        "CDI, series 12 of the central bank: it answered 200 with a page instead of JSON, 2 times; run again later.",
    )
    assert set(stored(lake, RATES)["series"].to_pylist()) == set(SERIES) - {"CDI"}
    assert rates(to, FakeCentralBank(TODAY)) == TableOutcome("br_rates", written=True)
    assert set(stored(lake, RATES)["series"].to_pylist()) == set(SERIES)


def test_an_old_gap_is_asked_for_again_until_it_is_filled(lake: TestLake, to: Destination) -> None:
    rates(to, FakeCentralBank(TODAY))
    whole = stored(lake, RATES)
    gone = {("CDI", dt.date(2005, 3, 10)), ("CDI", dt.date(2011, 3, 11)), ("IPCA", dt.date(2010, 5, 1))}
    kept = [(row["series"], row["day"]) not in gone for row in whole.to_pylist()]
    asyncio.run(update_table(to, RATES, lambda rows: rows.filter(pa.array(kept))))
    assert len(stored(lake, RATES)) == len(whole) - 3
    served = Scripted(FakeCentralBank(TODAY))
    assert rates(to, served).written
    assert stored(lake, RATES).equals(whole)
    first_asked = {request.path.split(".")[-1]: request.query["dataInicial"] for request in served.requests[::-1]}
    assert first_asked == {
        "12/dados": "10/03/2005",
        "11/dados": "06/01/2024",
        "432/dados": "06/01/2024",
        "433/dados": "01/05/2010",
    }
    again = Scripted(FakeCentralBank(TODAY))
    assert not rates(to, again).written
    assert len(again.requests) == 4


def test_a_bank_that_is_away_leaves_what_is_there(lake: TestLake, to: Destination) -> None:
    rates(to, FakeCentralBank(TODAY))
    outcome = rates(to, Scripted(FakeCentralBank(TODAY), [HTML_200] * 99))
    assert not outcome.written
    assert len(outcome.causes) == 4
    assert versions(lake) == {"rates/br/data.parquet": 1}


def test_portfolios_are_kept_day_by_day(lake: TestLake, to: Destination) -> None:
    days = [dt.date(2024, 2, 14), TODAY]
    for day in (*days, *days):
        portfolios(to, indexes(day))
    assert versions(lake) == {"portfolios/b3/data.parquet": 2}
    rows = stored(lake, PORTFOLIOS).to_pylist()
    assert [(row["index"], row["day"], row["ticker"]) for row in rows] == [
        (index, day, ticker) for index in sorted(INDEXES) for day in days for ticker in ("ITUB4", "PETR4", "VALE3")
    ]


def test_an_index_that_fails_takes_no_other_with_it(lake: TestLake, to: Destination) -> None:
    outcome = portfolios(to, indexes(TODAY, but="SMLL"))
    assert outcome == TableOutcome(
        "b3_index_portfolio",
        written=True,
        causes=("SMLL, the members of Small Cap at B3: the answer has no members; run again later.",),
    )
    assert set(stored(lake, PORTFOLIOS)["index"].to_pylist()) == set(INDEXES) - {"SMLL"}


def test_a_portfolio_is_replaced_whole(lake: TestLake, to: Destination) -> None:
    portfolios(to, indexes(TODAY))
    fewer = FakeIndexes(TODAY, {index: invented(["PETR4", "BBAS3"], TODAY) for index in INDEXES})
    assert portfolios(to, fewer).written
    assert set(stored(lake, PORTFOLIOS)["ticker"].to_pylist()) == {"PETR4", "BBAS3"}


def test_instruments_of_files_are_counted_once(lake: TestLake, to: Destination) -> None:
    files = [quotes(quote(20240102), quote(20240103, "VALE3")), quotes(quote(20240103, "VALE3"), quote(20240104))]
    assert instruments(to, files) == TableOutcome("b3_instruments", written=True)
    assert instruments(to, files[::-1]) == TableOutcome("b3_instruments", written=False)
    assert instruments(to, []) == TableOutcome("b3_instruments", written=False)
    assert versions(lake) == {"instruments/b3/data.parquet": 1}
    rows = stored(lake, INSTRUMENTS)
    assert rows.schema.remove_metadata() == INSTRUMENTS.schema
    assert [(row["ticker"], row["sessions"]) for row in rows.to_pylist()] == [("PETR4", 2), ("VALE3", 1)]


def test_a_day_without_new_papers_counts_too(lake: TestLake, to: Destination) -> None:
    instruments(to, [quotes(quote(20240102))])
    assert instruments(to, [quotes(quote(20240103))]).written
    assert stored(lake, INSTRUMENTS)["sessions"].to_pylist() == [2]


def test_a_run_that_met_another_over_one_day_says_which_are_not_counted(lake: TestLake, to: Destination) -> None:
    early = MarketCount()
    for day in (20240102, 20240103, 20240104):
        early.note(quotes(quote(day)))
    assert instruments(to, [quotes(quote(20240103))]).written
    outcome = asyncio.run(update_instruments(to, early.new))
    cause = "another run counted the same files; fetch 2 days from 2024-01-02 on once more to count them"
    assert outcome == TableOutcome("b3_instruments", written=False, causes=(cause,))
    assert stored(lake, INSTRUMENTS)["sessions"].to_pylist() == [1]
    assert instruments(to, [quotes(quote(day)) for day in (20240102, 20240103, 20240104)]).written
    assert stored(lake, INSTRUMENTS)["sessions"].to_pylist() == [3]


def test_no_quotes_make_no_table(lake: TestLake, to: Destination) -> None:
    assert not instruments(to, [quotes()]).written
    assert versions(lake) == {}


def test_a_dry_run_puts_nothing(lake: TestLake, to: Destination) -> None:
    dry = Destination(to.store, LABEL, dry_run=True)
    assert rates(dry, FakeCentralBank(TODAY)).written
    assert portfolios(dry, indexes(TODAY)).written
    assert instruments(dry, [quotes(quote())]).written
    assert versions(lake) == {}


def test_two_runs_that_meet_lose_nothing(lake: TestLake, to: Destination) -> None:
    one, other, third = (
        pa.table({"series": ["CDI"], "day": [dt.date(2024, 1, day)], "value": [0.1], "unit": ["% a day"]}, RATES.schema)
        for day in (2, 3, 4)
    )
    asyncio.run(update_table(to, RATES, lambda rows: replace_groups(RATES, rows, [one])))
    meetings = []

    def meet(rows: pa.Table) -> pa.Table:
        meetings.append(rows.num_rows)
        if len(meetings) == 1:  # between this run's reading and its writing another writes
            other_run = Destination(open_store(lake.bucket, session()), LABEL)
            _in_a_thread(update_table(other_run, RATES, lambda found: replace_groups(RATES, found, [other])))
        return replace_groups(RATES, rows, [third])

    assert asyncio.run(update_table(to, RATES, meet))
    assert meetings == [1, 2]
    assert stored(lake, RATES)["day"].to_pylist() == [dt.date(2024, 1, day) for day in (2, 3, 4)]


def _in_a_thread(work: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, work).result()


def test_a_table_that_others_keep_writing_is_given_up(lake: TestLake, to: Destination) -> None:
    days = iter(range(1, 28))

    def meet(rows: pa.Table) -> pa.Table:
        row = {"series": ["IPCA"], "day": [dt.date(2024, 1, next(days))], "value": [0.1], "unit": ["% a month"]}
        key = "rates/br/data.parquet"
        sink = io.BytesIO()
        pq.write_table(pa.table(row, RATES.schema), sink)
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=sink.getvalue())
        return pa.table(row | {"series": ["CDI"]}, RATES.schema)

    with pytest.raises(B3LakeError) as raised:
        asyncio.run(update_table(to, RATES, meet))
    assert str(raised.value) == (
        "rates/br/data.parquet is written by another run all the time: run again when that has ended."
    )
    assert next(days) == 6


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"<html>", "is not the table br_rates ("),
        (b"", "is not the table br_rates ("),
        (None, "is not the table br_rates (it has the columns a)"),
    ],
)
def test_a_damaged_object_is_named_and_kept(lake: TestLake, to: Destination, body: bytes | None, cause: str) -> None:
    if body is None:
        sink = io.BytesIO()
        pq.write_table(pa.table({"a": [1]}), sink)
        body = sink.getvalue()
    lake.s3.put_object(Bucket=lake.bucket, Key="rates/br/data.parquet", Body=body)
    with pytest.raises(B3LakeError) as raised:
        rates(to, FakeCentralBank(TODAY))
    text = str(raised.value)
    assert text.startswith(f"rates/br/data.parquet {cause}")
    assert text.endswith("): restore an earlier version, or delete it.")
    assert lake.s3.get_object(Bucket=lake.bucket, Key="rates/br/data.parquet")["Body"].read() == body


def test_instruments_without_their_days_are_named(lake: TestLake, to: Destination) -> None:
    instruments(to, [quotes(quote())])
    sink = io.BytesIO()
    pq.write_table(stored(lake, INSTRUMENTS).replace_schema_metadata(None), sink)
    lake.s3.put_object(Bucket=lake.bucket, Key="instruments/b3/data.parquet", Body=sink.getvalue())
    with pytest.raises(
        B3LakeError, match=r"it does not say which days it has counted\): delete it, and read the files"
    ):
        instruments(to, [quotes(quote(20240103))])


def test_synthetic_and_real_rows_are_never_mixed(lake: TestLake, to: Destination) -> None:
    rates(to, FakeCentralBank(TODAY))
    real = Destination(to.store, "bcb")
    with pytest.raises(B3LakeError) as raised:
        rates(real, FakeCentralBank(TODAY, {(12, TODAY): "0.001"}))
    assert str(raised.value) == (
        "br_rates holds rows from 'synthetic', and these are from 'bcb': "
        "use another lake, or delete rates/br/data.parquet."
    )
    assert versions(lake) == {"rates/br/data.parquet": 1}


def test_a_bucket_that_is_not_there_is_an_aws_error(lake: TestLake) -> None:
    nowhere = Destination(open_store("raw-that-is-not-there", session()), LABEL)
    with pytest.raises(AwsError, match="does not exist"):
        rates(nowhere, FakeCentralBank(TODAY))


def test_an_object_of_other_number_types_is_read_as_the_table(lake: TestLake, to: Destination) -> None:
    instruments(to, [quotes(quote())])
    rows = stored(lake, INSTRUMENTS)
    wide = rows.set_column(8, "sessions", rows["sessions"].cast(pa.int64()))
    sink = io.BytesIO()
    pq.write_table(wide, sink)
    lake.s3.put_object(Bucket=lake.bucket, Key="instruments/b3/data.parquet", Body=sink.getvalue())
    assert asyncio.run(read_table(to.store, INSTRUMENTS)).equals(rows)


_rows = st.lists(
    st.tuples(st.sampled_from(["CDI", "IPCA"]), st.integers(1, 9), st.integers(0, 3)), max_size=12,
    unique_by=lambda row: row[:2],
)  # fmt: skip


def _table(rows: list[tuple[str, int, int]]) -> pa.Table:
    told = [
        {"series": series, "day": dt.date(2024, 1, day), "value": float(value), "unit": "%"}
        for series, day, value in rows
    ]
    return pa.Table.from_pylist(told, RATES.schema)


@settings(max_examples=100, deadline=None)
@given(_rows, _rows)
def test_new_groups_replace_old_ones_and_all_is_sorted(
    old: list[tuple[str, int, int]], new: list[tuple[str, int, int]]
) -> None:
    expected = {row[:2]: row[2] for row in old} | {row[:2]: row[2] for row in new}
    merged = replace_groups(RATES, _table(old), [_table(new)])
    assert merged.schema == RATES.schema
    assert [(row["series"], row["day"].day, int(row["value"])) for row in merged.to_pylist()] == [
        (*key, expected[key]) for key in sorted(expected)
    ]
    assert replace_groups(RATES, merged, [_table(new)]).equals(merged)
