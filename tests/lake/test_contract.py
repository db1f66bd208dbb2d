"""The names, keys and words that deployed lakes are found by: written down again, so that none changes unnoticed."""

import datetime as dt
import re

import pyarrow as pa
import pytest

from b3lake.lake import keys, labels, names
from b3lake.lake.errors import B3LakeError
from b3lake.lake.indexes import INDEXES, expand_members, index_code, newest_members, spelled
from b3lake.lake.rates import SERIES, Series
from b3lake.lake.removal import removed_unasked
from b3lake.lake.schemas import (
    PARTITION_TYPES,
    PORTFOLIOS_SCHEMA,
    SHARES_SCHEMA,
    YEAR_PARTITION_TYPES,
    glue_types,
)
from b3lake.lake.session import open_session
from b3lake.lake.tables import TABLES
from b3lake.lake.words import counted, printable, sized

DAY = dt.date(2024, 1, 2)


def test_the_names_of_an_environment() -> None:
    own = names.Names("prod")
    assert {
        "prefix": own.prefix,
        "database": own.database,
        "workgroup": own.workgroup,
        "job": own.refine_job,
        "function": own.start_glue_job,
        "queue": own.raw_events_queue,
        "raw": own.raw_bucket("123456789012"),
        "athena": own.athena_bucket("123456789012"),
    } == {
        "prefix": "tech-challenge2-prod",
        "database": "tech_challenge2_prod",
        "workgroup": "tech_challenge2_prod_wg",
        "job": "tech_challenge2_prod_refine_job",
        "function": "tech_challenge2_prod_start_glue_job",
        "queue": "tech-challenge2-prod-raw-events",
        "raw": "tech-challenge2-prod-raw-123456789012",
        "athena": "tech-challenge2-prod-athena-123456789012",
    }
    assert names.Names().env == "dev"
    assert names.METRIC_NAMESPACE == "B3Lake"


def test_the_names_of_the_tables() -> None:
    assert (names.RAW_TABLE, names.REFINED_TABLE) == ("b3_daily_quotes", "b3_daily_quotes_refined")
    assert (names.HISTORY_TABLE, names.RATES_TABLE) == ("b3_daily_history", "br_rates")
    assert (names.INSTRUMENTS_TABLE, names.PORTFOLIOS_TABLE) == ("b3_instruments", "b3_index_portfolio")
    assert names.EVENTS_TABLE == "b3_corporate_events"


def test_the_keys_of_objects() -> None:
    assert keys.raw_key(DAY, "PETR4") == "raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet"
    assert keys.partition_key("refined/b3", "2024-01-02", "PETR4") == (
        "refined/b3/dt=2024-01-02/ticker=PETR4/data.parquet"
    )
    assert keys.partition_folder("s3://b/raw/b3", DAY, "PETR4") == "s3://b/raw/b3/dt=2024-01-02/ticker=PETR4/"
    assert keys.year_folder("history/b3", 2024) == "history/b3/year=2024/"
    assert keys.year_key("history/b3", 2024) == "history/b3/year=2024/data.parquet"
    assert keys.table_key(keys.RATES_PREFIX) == "rates/br/data.parquet"
    prefixes = (keys.RAW_PREFIX, keys.REFINED_PREFIX, keys.HISTORY_PREFIX, keys.INSTRUMENTS_PREFIX, keys.EVENTS_PREFIX)
    assert prefixes == ("raw/b3", "refined/b3", "history/b3", "instruments/b3", "events/b3")
    others = (keys.PORTFOLIOS_PREFIX, keys.ANSWERS_PREFIX, keys.SHARES_PREFIX, keys.STATE_PREFIX)
    assert others == ("portfolios/b3", "events/answers", "events/shares", "state")


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet", (DAY, "PETR4")),
        ("raw/b3/dt=2024-02-30/ticker=PETR4/data.parquet", None),
        ("raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet.part", None),
        ("raw/b3/dt=2024-01-02/ticker=PETR4/dataXparquet", None),
        ("raw/b3/dt=2024-01-02/ticker=/data.parquet", None),
        ("raw/b3/dt=2024-01-02/ticker=A/B/data.parquet", None),
        ("raw/b3/x/dt=2024-01-02/ticker=PETR4/data.parquet", None),
        ("raw/b32/dt=2024-01-02/ticker=PETR4/data.parquet", None),
        ("raw/b3dt=2024-01-02/ticker=PETR4/data.parquet", None),
    ],
)
def test_a_key_is_read_back_or_is_none_of_ours(key: str, found: tuple[dt.date, str] | None) -> None:
    assert keys.parse_partition_key("raw/b3", key) == found


def test_a_year_s_key_is_read_back() -> None:
    match = keys.YEAR_PARTITION.fullmatch("year=2024/data.parquet")
    assert match
    assert match[1] == "2024"
    assert not keys.YEAR_PARTITION.fullmatch("year=24/data.parquet")
    assert not keys.YEAR_PARTITION.fullmatch("year=2024/dataXparquet")


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 bars"), (1, "1 bar"), (2, "2 bars"), (1000, "1,000 bars"), (-1, "-1 bars")]
)
def test_counts_in_sentences(count: int, said: str) -> None:
    assert counted(count, "bar") == said


def test_three_labels_are_of_real_prices_and_no_other() -> None:
    assert [label for label in ("yahoo", "b3", "bcb") if labels.is_synthetic(label)] == []
    for label in ("synthetic", "Yahoo", "127.0.0.1", "", None):
        assert labels.is_synthetic(label), label
    assert (labels.YAHOO, labels.B3, labels.CENTRAL_BANK, labels.SYNTHETIC) == ("yahoo", "b3", "bcb", "synthetic")


def test_little_may_leave_unasked() -> None:
    """A hundred, or one in twenty where that is more."""
    assert [removed_unasked(total) for total in (0, 101, 2000, 2020, 25_000)] == [100, 100, 100, 101, 1250]
    assert removed_unasked(1000, 0.5) == 500
    assert removed_unasked(1000, 0.0) == 100


# --- Indexes -----------------------------------------------------------------------------------------------------


def portfolios(*rows: tuple[str, dt.date, str]) -> pa.Table:
    unknown = dict.fromkeys(PORTFOLIOS_SCHEMA.names)
    told = [unknown | {"index": index, "day": day, "ticker": ticker} for index, day, ticker in rows]
    return pa.Table.from_pylist(told, schema=PORTFOLIOS_SCHEMA)


KNOWN = portfolios(
    ("IBOV", DAY, "VALE3"),
    ("IBOV", DAY, "PETR4"),
    ("IBOV", dt.date(2023, 9, 4), "OIBR3"),
    ("IFIX", dt.date(2024, 1, 3), "HGLG11"),
)


def test_the_indexes_that_the_lake_keeps() -> None:
    assert list(INDEXES) == ["IBOV", "IBXX", "SMLL", "IDIV", "IFIX"]


@pytest.mark.parametrize("text", ["@ibov", "IBOV", " @IBOV ", "ibov"])
def test_an_index_by_any_of_its_spellings(text: str) -> None:
    assert index_code(text) == "IBOV"
    assert spelled(text) == ("@IBOV" if "@" in text else "IBOV")


@pytest.mark.parametrize("text", ["@IBX", "@", "@@IBOV"])
def test_another_index_is_refused_with_those_that_there_are(text: str) -> None:
    said = f"{text!r} is no index of this lake: its indexes are @IBOV, @IBXX, @SMLL, @IDIV, @IFIX"
    with pytest.raises(ValueError, match=rf"^{re.escape(said)}$"):
        spelled(f" {text} ")


def test_members_are_those_of_the_newest_portfolio() -> None:
    assert newest_members(KNOWN, "IBOV") == ["PETR4", "VALE3"]
    assert expand_members(["VALE3", "@IBOV", "ITUB4", "@IFIX", "ITUB4"], KNOWN) == (
        *("VALE3", "PETR4", "ITUB4", "HGLG11"),
    )
    with pytest.raises(B3LakeError) as caught:
        newest_members(KNOWN, "SMLL")
    assert str(caught.value) == (
        "The lake has no portfolio of SMLL yet, so nobody knows what @SMLL is: fetch other tickers once, which brings "
        "it, or list its members."
    )


# --- The session -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "region"), [("sa-east-1", "sa-east-1"), (None, "us-east-1")])
def test_a_session_has_a_region(monkeypatch: pytest.MonkeyPatch, given: str | None, region: str) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    if given:
        monkeypatch.setenv("AWS_DEFAULT_REGION", given)
    assert open_session().region_name == region


def test_sessions_share_the_data_files_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    one = open_session()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    other = open_session()
    loaders = [session._session.get_component("data_loader") for session in (one, other)]
    assert loaders[0] is loaders[1]
    assert (one.region_name, other.region_name) == ("us-east-1", "sa-east-1")
    assert other.get_credentials().access_key == "another"  # type: ignore[union-attr]


def test_glue_s_words_for_types() -> None:
    schema = pa.schema(
        [
            ("a", pa.string()),
            ("b", pa.float64()),
            ("c", pa.int32()),
            ("d", pa.int64()),
            ("e", pa.date32()),
            ("f", pa.timestamp("us")),
            ("g", pa.bool_()),
            ("h", pa.binary()),
        ]
    )
    types = ["string", "double", "int", "bigint", "date", "timestamp", "boolean", "binary"]
    assert glue_types(schema) == dict(zip("abcdefgh", types, strict=True))


# --- Tables and rates --------------------------------------------------------------------------------------------


def test_the_tables_where_they_lie_and_their_day() -> None:
    assert [(table.name, table.prefix, table.object_of, table.day) for table in TABLES.values()] == [
        ("b3_daily_history", "history/b3", "year", "trade_date"),
        ("b3_daily_quotes_refined", "refined/b3", "day", "dt"),
        ("b3_daily_quotes", "raw/b3", "day", "dt"),
        ("b3_corporate_events", "events/b3", "whole", "ex_date"),
        ("b3_instruments", "instruments/b3", "whole", None),
        ("b3_index_portfolio", "portfolios/b3", "whole", "day"),
        ("br_rates", "rates/br", "whole", "day"),
    ]
    assert [table.about for table in TABLES.values()] == [
        "a ticker's session, as traded and adjusted",
        "a ticker's session, as traded",
        "a bar, as it came",
        "a corporate event of B3's",
        "a paper that was traded",
        "a member of an index on a day",
        "a rate on a day",
    ]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (
            "b3_daily_quotes",
            "ts timestamp, open double, high double, low double, close double, volume bigint, turnover double, "
            "trades int, dividends double, stock_splits double, isin string, source string, dt date, ticker string",
        ),
        (
            "b3_daily_quotes_refined",
            "trade_date date, open_price double, high_price double, low_price double, close_price double, "
            "total_volume bigint, bar_count int, close_ma_5 double, close_delta double, turnover double, trades int, "
            "dividends double, stock_splits double, dt date, ticker string",
        ),
        (
            "b3_daily_history",
            "ticker string, trade_date date, open_price double, high_price double, low_price double, "
            "close_price double, total_volume bigint, bar_count int, close_ma_5 double, "
            "close_delta double, turnover double, trades int, "
            "dividends double, stock_splits double, split_factor double, adj_factor double, adj_close_price double, "
            "daily_return double, year int",
        ),
        (
            "b3_corporate_events",
            "ticker string, isin string, ex_date date, last_day_with_right date, kind string, value double, "
            "approved_on date, payment_date date, source string, status string, note string",
        ),
        (
            "b3_instruments",
            "ticker string, isin string, name string, kind string, spec string, first_day date, last_day date, "
            "quotation_factor int, sessions int",
        ),
        ("b3_index_portfolio", "index string, day date, ticker string, quantity bigint, weight double"),
        ("br_rates", "series string, day date, value double, unit string"),
    ],
)
def test_the_columns_of_a_table(name: str, columns: str) -> None:
    types = glue_types(TABLES[name].columns)
    assert ", ".join(f"{column} {kind}" for column, kind in types.items()) == columns


def test_what_the_lake_keeps_of_shares_and_partitions() -> None:
    assert glue_types(SHARES_SCHEMA) == {
        "ticker": "string",
        "first_day": "date",
        "isin": "string",
        "share_class": "string",
        "kind": "string",
        "name": "string",
    }
    assert PARTITION_TYPES == {"dt": "date", "ticker": "string"}
    assert YEAR_PARTITION_TYPES == {"year": "int"}


JULY_1994 = dt.date(1994, 7, 1)


@pytest.mark.parametrize(
    ("series", "possible", "impossible"),
    [
        (Series("CDI", 12, "% a day", JULY_1994, 0.0, 1.0), (0.0, 1.0), (-0.001, 1.001)),
        (Series("SELIC", 11, "% a day", JULY_1994, 0.0, 1.0), (0.0, 1.0), (-0.001, 1.001)),
        (Series("SELIC_TARGET", 432, "% a year", dt.date(1999, 3, 5), 0.0, 60.0), (0.0, 60.0), (-0.001, 60.001)),
        (Series("IPCA", 433, "% a month", JULY_1994, -3.0, 10.0, False), (-3.0, 10.0), (-3.001, 10.001)),
    ],
)
def test_a_rate_has_its_code_its_unit_and_its_range(
    series: Series, possible: tuple[float, float], impossible: tuple[float, float]
) -> None:
    found = SERIES[series.name]
    assert (found, found.is_daily) == (series, series.name != "IPCA")
    assert [found.is_plausible(value) for value in possible] == [True, True]
    assert [found.is_plausible(value) for value in (*impossible, float("nan"), float("inf"))] == [False] * 4
    assert list(SERIES) == ["CDI", "SELIC", "SELIC_TARGET", "IPCA"]


def test_sizes_are_in_the_unit_in_which_they_are_not_nothing() -> None:
    sizes = {0: "0.0 kB", 6_700: "6.7 kB", 999_900: "999.9 kB", 1_000_000: "1.0 MB", 999_900_000: "999.9 MB"}
    sizes |= {1_000_000_000: "1.0 GB", 1_234_500_000_000: "1,234.5 GB"}
    assert {number: sized(number) for number in sizes} == sizes


# --- Keys and words of strangers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "is_reachable"),
    [
        ("raw/b3/a", True),
        ("raw/.b3/..a", True),
        ("raw//a", False),
        ("/raw", False),
        ("raw/", False),
        ("raw/./a", False),
        ("raw/../a", False),
        ("raw/a\x1fb", False),
        ("raw/a\x00", False),
        ("raw/a\x7f", False),
        ("raw/a b", True),
    ],
)
def test_which_keys_the_object_library_can_ask_for(key: str, is_reachable: bool) -> None:
    assert keys.is_reachable(key) is is_reachable


def test_the_names_of_the_jobs_own_objects() -> None:
    assert (keys.NOTES_NAME, keys.UNREADABLE_NAME, keys.OBJECT_NAME) == (
        "notes.json",
        "unreadable.json",
        "data.parquet",
    )
    assert keys.LEDGER_SHARD.fullmatch("year=2024.parquet")
    for name in ("year=2024xparquet", "year=24.parquet", "ledger/year=2024.parquet"):
        assert not keys.LEDGER_SHARD.fullmatch(name)
    assert keys.parse_partition_key("raw/b3", "raw/b3/dt=2024-01-02/ticker=A\x1f/data.parquet") is None


@pytest.mark.parametrize(
    ("text", "shown"), [("é 1", "é 1"), ("a\nb", "a\\nb"), ("\x7f", "\\x7f"), ("\u202e", "\\u202e")]
)
def test_what_is_no_visible_character_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
