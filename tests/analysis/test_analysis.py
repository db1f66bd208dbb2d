"""The lake from Python: frames, tables and files of a bucket and of a folder, against the rows that were put there."""

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import b3lake
from b3lake.analysis.errors import AnalysisError
from b3lake.analysis.lake import AnalysisLake
from b3lake.cli import run_command
from b3lake.lake.errors import AwsError, B3LakeError, UsageError
from b3lake.lake.names import HISTORY_TABLE, RATES_TABLE, RAW_TABLE, REFINED_TABLE
from b3lake.lake.schemas import HISTORY_SCHEMA
from b3lake.lake.tables import TABLES
from devlake import emulator as emulators
from devlake.emulator import Emulator
from tests.ask.lake import Lake, build_lake, invent_quotes, refine

pytestmark = pytest.mark.slow

DAYS = [day.date() for day in pd.bdate_range("2023-11-01", "2024-02-15")]
BUCKET = "tech-challenge2-pandas-raw-123456789012"


@pytest.fixture(scope="module")
def stored(emulator: Emulator) -> Lake:
    """Three tickers over 76 days, IBOV among them; PETR4 split at the 51st."""
    quotes = invent_quotes(["IBOV", "PETR4", "VALE3"], DAYS)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.environment().items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        return build_lake(emulator.endpoint_url, "pandas", quotes, refine(quotes))


@pytest.fixture(scope="module")
def folder(stored: Lake, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same objects as files, as the emulator keeps them, with one that was deleted."""
    root = tmp_path_factory.mktemp("kept")
    s3 = emulator.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page["Contents"]:
            file = root / "123456789012" / BUCKET / item["Key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read())
            (file.parent / "data.parquet.meta.json").write_text(json.dumps({"size": item["Size"]}), encoding="utf-8")
    ghost = root / "123456789012" / BUCKET / "history/b3/year=1999"
    ghost.mkdir()
    (ghost / "data.parquet").write_bytes(b"deleted, and no Parquet")
    (ghost / "data.parquet.meta.json").write_text(json.dumps({"is_delete_marker": True}), encoding="utf-8")
    return root


@pytest.fixture(params=["bucket", "folder"])
def lake(request, stored: Lake, emulator: Emulator, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AnalysisLake:
    if request.param == "folder":
        return b3lake.open_lake(folder)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint_url)
    monkeypatch.setenv("LAKE_ENV", "pandas")
    monkeypatch.setattr("b3lake.ingest.objects.default_bucket", lambda env, _session: BUCKET.replace("pandas", env))
    return b3lake.open_lake()


def expected(stored: Lake, ticker: str, since: dt.date, until: dt.date) -> pd.DataFrame:
    rows = stored.history
    rows = rows[(rows["ticker"] == ticker) & rows["trade_date"].between(since, until)]
    frame = rows.assign(trade_date=pd.to_datetime(rows["trade_date"])).set_index("trade_date")
    frame = frame.astype({"trades": float})  # all null here
    return frame[[name for name in HISTORY_SCHEMA.names if name not in {"ticker", "trade_date"}]]


def test_one_ticker_is_a_frame_by_date(lake: AnalysisLake, stored: Lake) -> None:
    since, until = dt.date(2023, 12, 20), dt.date(2024, 1, 31)
    frame = lake.history("petr4.sa", "2023-12-20", until)
    assert isinstance(frame.index, pd.DatetimeIndex)
    assert frame.index.name == "trade_date"
    pd.testing.assert_frame_equal(
        frame, expected(stored, "PETR4", since, until), check_dtype=False, check_index_type=False, check_freq=False
    )


def test_several_are_long_or_wide(lake: AnalysisLake, stored: Lake) -> None:
    long = lake.history(["VALE3", "PETR4", "vale3"])
    assert list(long["ticker"].unique()) == ["PETR4", "VALE3"]
    assert len(long) == 2 * len(DAYS)
    wide = lake.history(["VALE3", "PETR4"], wide="adj_close_price")
    assert list(wide.columns) == ["VALE3", "PETR4"]
    for ticker in wide.columns:
        rows = expected(stored, ticker, DAYS[0], DAYS[-1])
        assert wide[ticker].tolist() == pytest.approx(rows["adj_close_price"].tolist(), rel=1e-12)


def test_tables_are_arrow_with_the_columns_of_sql(lake: AnalysisLake, stored: Lake) -> None:
    table = lake.table(HISTORY_TABLE, since="2024-01-01")
    assert table.schema.names == [*HISTORY_SCHEMA.names, "year"]
    assert set(table["year"].to_pylist()) == {2024}
    refined = lake.table(
        REFINED_TABLE, tickers="VALE3", since="2024-02-01", until="2024-02-05", columns=["dt", "ticker"]
    )
    days = [day for day in DAYS if dt.date(2024, 2, 1) <= day <= dt.date(2024, 2, 5)]
    assert refined.to_pylist() == [{"dt": day, "ticker": "VALE3"} for day in days]
    bars = lake.table(RAW_TABLE, tickers=["PETR4"], since=DAYS[-1])
    assert (bars["ticker"].to_pylist(), bars["dt"].to_pylist()) == (["PETR4"], [DAYS[-1]])
    assert lake.table(RATES_TABLE).num_rows == 0
    assert list(lake.tables().index) == list(TABLES)
    assert lake.tickers() == ["IBOV", "PETR4", "VALE3"]


def test_duckdb_has_a_view_per_table(lake: AnalysisLake, stored: Lake) -> None:
    with lake.duckdb(since="2024-01-02") as connection:
        (counted,) = connection.execute(
            "SELECT count(*) FROM b3_daily_history h JOIN b3_daily_quotes q"
            " ON q.ticker = h.ticker AND q.dt = h.trade_date WHERE q.close = h.close_price"
        ).fetchone()
        views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    assert counted == 3 * sum(day >= dt.date(2024, 1, 2) for day in DAYS)
    assert {name for (name,) in views} == set(TABLES)
    with lake.duckdb() as connection, pytest.raises(duckdb.CatalogException):
        connection.execute("SELECT 1 FROM b3_daily_quotes")


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda lake: lake.history("PETR3"), AnalysisError, "The lake has no PETR3: did you mean PETR4?"),
        (lambda lake: lake.history(["XXXX3", "PETR4"]), AnalysisError, "The lake has no XXXX3: it has IBOV, PETR4"),
        (lambda lake: lake.history("PETR4", "2030-01-01"), AnalysisError, "The lake has no row of PETR4 in these days"),
        (lambda lake: lake.history([]), AnalysisError, "No ticker was given: name some, like history("),
        (lambda lake: lake.history("?"), AnalysisError, "'?' is not a B3 ticker"),
        (lambda lake: lake.history("@IBOV"), B3LakeError, "The lake has no portfolio of IBOV yet"),
        (lambda lake: lake.history(["PETR4"], wide="price"), AnalysisError, "There is no column 'price'"),
        (lambda lake: lake.history("PETR4", "03/02/2024"), UsageError, "'03/02/2024' is not a day: write it"),
        (lambda lake: lake.table("quotes"), AnalysisError, "There is no table 'quotes': the lake's are b3_"),
        (lambda lake: lake.table(HISTORY_TABLE, columns=["x"]), AnalysisError, "b3_daily_history has no column 'x'"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_one_sentence(lake: AnalysisLake, call, error, said: str) -> None:
    with pytest.raises(error) as raised:
        call(lake)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


@pytest.fixture
def with_portfolios(folder: Path) -> Iterator[Path]:
    """The folder with portfolios: of IBOV, of which the lake lacks two members, and of SMLL, of which it lacks all."""
    members = [("IBOV", one) for one in ("VALE3", "XXXX3", "PETR4", "ABCD3")] + [("SMLL", "XXXX3")]
    rows = [{"index": i, "day": DAYS[-1], "ticker": t, "quantity": 1, "weight": 25.0} for i, t in members]
    root = folder / "123456789012" / BUCKET / "portfolios" / "b3"
    root.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, TABLES["b3_index_portfolio"].schema), root / "data.parquet")
    yield folder
    (root / "data.parquet").unlink()
    root.rmdir()
    root.parent.rmdir()


LEFT_OUT = "Members of the index without a row in these days are left out: ABCD3, XXXX3."


def test_an_index_stands_for_those_of_its_members_that_are_there(with_portfolios: Path) -> None:
    lake = b3lake.open_lake(with_portfolios)
    with pytest.warns(UserWarning, match=f"^{LEFT_OUT}$") as warned:
        wide = lake.history("@IBOV", wide="close_price")
    with pytest.warns(UserWarning, match=f"^{LEFT_OUT}$"):
        long = lake.history(["@ibov", "IBOV"])
    assert [one.filename for one in warned] == [__file__], "it names the caller's own line"
    assert list(wide.columns) == ["PETR4", "VALE3"]
    assert long["ticker"].unique().tolist() == ["IBOV", "PETR4", "VALE3"]


@pytest.mark.parametrize(
    ("names", "since", "said"),
    [
        (["@IBOV", "XXXX3"], None, "The lake has no XXXX3: "),
        (["@SMLL"], None, "The lake has no XXXX3: "),
        (["@IBOV"], "2030-01-01", "The lake has no row of PETR4, VALE3 in these days: ask for others."),
    ],
)
def test_who_is_named_by_itself_is_needed_and_one_of_an_index_at_least(
    with_portfolios: Path, names: list[str], since: str | None, said: str
) -> None:
    with pytest.raises(AnalysisError) as raised:
        b3lake.open_lake(with_portfolios).history(names, since)
    assert str(raised.value).startswith(said)


def test_an_export_says_whom_it_is_without(
    with_portfolios: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "a.parquet")
    assert run_command("export", [file, "--ticker", "@IBOV", "--lake", str(with_portfolios)]) == 0
    assert capsys.readouterr().err == f"{LEFT_OUT}\n"
    assert set(pq.read_table(file)["ticker"].to_pylist()) == {"PETR4", "VALE3"}


@pytest.mark.parametrize("ending", ["//data.parquet", "/year=2024/data.parquet/", "/../data.parquet", "/\x1b"])
def test_a_strangers_key_is_in_the_way_of_nothing(
    stored: Lake, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint_url)
    lake, s3 = b3lake.open_lake(f"s3://{BUCKET}"), emulator.client("s3")
    for table in TABLES.values():
        s3.put_object(Bucket=BUCKET, Key=f"{table.prefix}{ending}", Body=b"whatever")
    try:
        assert len(lake.history("PETR4")) == len(DAYS)
        assert lake.table(REFINED_TABLE, since=DAYS[-1]).num_rows == 3
        assert lake.table(RATES_TABLE).num_rows == b3lake.open_lake(lake.place).table(RATES_TABLE).num_rows
    finally:
        for table in TABLES.values():
            s3.delete_object(Bucket=BUCKET, Key=f"{table.prefix}{ending}")


def test_a_key_in_the_way_of_a_file_hides_nothing(folder: Path, tmp_path: Path) -> None:
    """The emulator keeps an object elsewhere when another one's folder, or file, is where it would be."""
    root = tmp_path / "kept"
    shutil.copytree(folder, root)
    before = b3lake.open_lake(root).history("PETR4")
    bucket = root / "123456789012" / BUCKET
    encoded = bucket / ".ministack-keys"
    encoded.mkdir()
    for name in ("data.parquet", "data.parquet.meta.json"):
        moved = bucket / "history/b3/year=2024" / name
        ending = name.removeprefix("data.parquet")
        moved.rename(encoded / f"history%2Fb3%2Fyear%3D2024%2Fdata%2Eparquet{ending}")
    (encoded / "history%2Fb3%2F%2Fdata%2Eparquet").write_bytes(b"whatever")
    pd.testing.assert_frame_equal(b3lake.open_lake(root).history("PETR4"), before)


def test_where_the_lake_is_found(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    (project / ".lake" / "kept").mkdir(parents=True)
    (project / ".lake" / "kept" / "objects").symlink_to(folder)
    (project / "notebooks").mkdir()
    monkeypatch.chdir(project / "notebooks")
    found = b3lake.open_lake(environ={})
    assert found.place == str(project / ".lake/kept/objects/123456789012" / BUCKET)
    assert b3lake.open_lake(project).history("PETR4").shape[0] == len(DAYS)
    with pytest.raises(AnalysisError, match=f"There is no lake in {tmp_path}: name the folder"):
        b3lake.open_lake(tmp_path)


def test_a_bucket_that_is_not_there(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint_url)
    with pytest.raises(AwsError, match="Bucket raw-of-nobody does not exist"):
        b3lake.open_lake("s3://raw-of-nobody").tickers()


def test_an_empty_lake_says_how_it_is_filled(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(AnalysisError, match="has no history yet: `make ingest` or `b3lake fetch` fills it"):
        b3lake.open_lake(tmp_path).history("PETR4")


def test_the_lake_that_make_up_keeps_is_read_running_or_not(tmp_path: Path) -> None:
    kept = tmp_path / ".lake" / "kept"
    kept.mkdir(parents=True)
    aws = emulators.start(kept, keep=True, seconds=120)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in aws.environment().items():
                if name.startswith("AWS_"):
                    patch.setenv(name, value)
            quotes = invent_quotes(["PETR4"], DAYS[:9])
            build_lake(aws.endpoint_url, "dev", quotes, refine(quotes))
            s3 = boto3.client("s3", endpoint_url=aws.endpoint_url)
            bucket = "tech-challenge2-dev-raw-123456789012"
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            s3.delete_object(Bucket=bucket, Key=f"raw/b3/dt={DAYS[0]}/ticker=PETR4/data.parquet")
        while_up = b3lake.open_lake(tmp_path)
        frame, bars = while_up.history("PETR4"), while_up.table(RAW_TABLE)
    finally:
        emulators.stop(aws)
    assert len(frame) == 9
    assert bars["dt"].to_pylist() == DAYS[1:9]
    pd.testing.assert_frame_equal(b3lake.open_lake(tmp_path).history("PETR4"), frame)


@pytest.fixture
def in_project(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / ".lake" / "kept").mkdir(parents=True)
    (tmp_path / ".lake" / "kept" / "objects").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_export_writes_one_file_of_each_form(
    in_project: Path, stored: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ("--ticker", "PETR4", "--since", "2024-02-01")
    rows = expected(stored, "PETR4", dt.date(2024, 2, 1), DAYS[-1])
    for name in ("a.parquet", "a.csv", "a.duckdb"):
        assert run_command("export", [name, *wanted]) == 0
        size = Path(name).stat().st_size / 1000
        assert capsys.readouterr().out == f"{name} ({len(rows)} rows of b3_daily_history, {size:.1f} kB)\n"
    with duckdb.connect("a.duckdb", read_only=True) as connection:
        of_duckdb = connection.execute("SELECT adj_close_price FROM b3_daily_history ORDER BY trade_date").fetchall()
    assert [row[0] for row in of_duckdb] == pytest.approx(rows["adj_close_price"].tolist(), rel=1e-12)
    for table in (pq.read_table("a.parquet"), pa.csv.read_csv("a.csv")):
        assert table["adj_close_price"].to_pylist() == pytest.approx(rows["adj_close_price"].tolist(), rel=1e-12)
    assert {file.name for file in in_project.iterdir()} == {"a.parquet", "a.csv", "a.duckdb", ".lake"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["a.xlsx"], 2, "a.xlsx has none of the endings .parquet, .csv, .duckdb: one says of what form the file is."),
        (["a.csv", "--ticker", "XXXX3"], 1, "b3_daily_history has no such rows in "),
        (["a.csv", "--ticker", "PETR4,XXXX3"], 1, "The lake has no XXXX3: it has IBOV, PETR4"),
        (["a.csv", "--ticker", "PETR4", "--table", "br_rates"], 2, "br_rates has no tickers: leave --ticker out."),
        (["a.csv", "--table", "quotes"], 1, "There is no table 'quotes': the lake's are"),
        (["nowhere/a.csv"], 1, "Cannot write nowhere/a.csv: No such file or directory."),
        (["nowhere/a.duckdb"], 1, "Cannot write nowhere/a.duckdb: IO Error: Cannot open file"),
    ],
)
def test_an_export_that_fails_leaves_what_was_there(in_project: Path, capsys, arguments, code, said) -> None:
    (in_project / "a.csv").write_text("of before", encoding="utf-8")
    assert run_command("export", arguments) == code
    assert capsys.readouterr().err.startswith(f"b3lake export: {said}")
    assert (in_project / "a.csv").read_text(encoding="utf-8") == "of before"
    assert {file.name for file in in_project.iterdir()} == {"a.csv", ".lake"}


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, b3lake; print(sorted({'pandas', 'pyarrow', 'boto3', 'duckdb'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
