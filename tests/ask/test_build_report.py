"""The page built from a lake, as `b3lake report` does."""

import base64
import datetime as dt
import gzip
import json
import re
from itertools import accumulate
from pathlib import Path

import boto3
import pytest

from b3lake.cli import run_command
from b3lake.lake.names import HISTORY_TABLE, RATES_TABLE, REFINED_TABLE
from b3lake.lake.schemas import RATES_SCHEMA, glue_types
from b3lake.lake.settings import Settings
from b3lake.report.read_objects import newest_object_time
from tests.ask.lake import Lake, describe_table


def read_data(path: Path) -> dict:
    """The data in a page, as encode.py wrote it, with each ticker's closes and days as they were."""
    found = re.search(r'id="data">([^<]*)<', path.read_text("utf-8"))
    assert found
    data = json.loads(gzip.decompress(base64.b64decode(found[1])))
    first = dt.date.fromisoformat(data["first"])
    sessions = [first + dt.timedelta(days=days) for days in accumulate([0, *data["sessions"][1:]])]
    for series in data["tickers"]:
        series["dates"] = [sessions[day] for day in accumulate(series["days"])]
        series["closes"] = [cents / 10 ** series["decimals"] for cents in accumulate(series["close"])]
    return data | {"sessions": sessions}


@pytest.fixture
def here(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("AWS_ENDPOINT_URL", lake.settings.endpoint_url)
    monkeypatch.setenv("LAKE_ENV", lake.settings.env)
    return lake


@pytest.mark.slow
def test_the_page_holds_what_the_lake_holds(here: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "lake.html"
    assert run_command("report", ["--output", str(path), "--language", "en"]) == 0
    assert re.fullmatch(rf"{path} \(\d\.\d MB\): open it in a browser\.\n", capsys.readouterr().out)
    assert '<html lang="en">' in path.read_text("utf-8")
    data = read_data(path)
    for series in data["tickers"]:
        rows = here.history[here.history["ticker"] == series["ticker"]]
        assert series["dates"] == rows["trade_date"].tolist()
        assert series["closes"] == rows["close_price"].tolist()
        assert series["volume"] == rows["total_volume"].tolist()
        assert series["adjust"][-1][1] == 1.0
        assert series["adjust"][0] == [0, rows["adj_factor"].iloc[0]]
        assert series["turnover"] == [None] * len(rows)
    assert [series["ticker"] for series in data["tickers"]] == sorted(here.refined["ticker"].unique())
    state = data["state"]
    assert (state["first"], state["last"], state["sessions"]) == ("2023-11-01", "2024-02-15", 70)
    assert state["rows"] == len(here.refined)
    assert (state["lake_rows"], state["lake_tickers"]) == (len(here.refined), 5)
    assert state["missing"] == state["closed_days"] == []
    assert set(data["cdi"]) == {None}, "this lake has no rates, and the page is there"
    assert {series["ticker"]: series["gaps"] for series in data["tickers"] if series["gaps"]} == {
        "VALE3": [["2024-01-03", "2024-01-03", 1]]
    }
    newest = here.refined[here.refined["trade_date"] == dt.date(2024, 2, 15)]
    assert state["sources"] == [{"name": "invented", "bars": len(newest), "real": False}]
    assert state["synthetic"] is True
    assert state["behind"] > 0


@pytest.mark.slow
def test_only_the_newest_sessions_are_shown(here: Lake, tmp_path: Path) -> None:
    path = tmp_path / "lake.html"
    assert run_command("report", ["--output", str(path), "--sessions", "10"]) == 0
    data = read_data(path)
    assert data["sessions"] == sorted(here.refined["trade_date"].unique())[-10:]
    assert data["state"]["sessions"] == 70
    assert data["state"]["shown_sessions"] == 10


@pytest.mark.slow
def test_only_the_named_tickers_are_shown(here: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lake.html"
    assert run_command("report", ["--output", str(path), "--ticker", "vale3, PETR4"]) == 0
    data = read_data(path)
    assert [series["ticker"] for series in data["tickers"]] == ["PETR4", "VALE3"]
    rows = here.refined[here.refined["ticker"].isin(["PETR4", "VALE3"])]
    assert data["state"]["rows"] == len(rows)
    assert (data["state"]["lake_rows"], data["state"]["lake_tickers"]) == (len(here.refined), 5)
    assert run_command("report", ["--output", str(path), "--ticker", "@IBOV"]) == 1
    assert "b3_index_portfolio" in capsys.readouterr().err, "this lake has no such table"


@pytest.mark.slow
def test_the_most_traded_are_shown_and_always_the_index(here: Lake, tmp_path: Path) -> None:
    path = tmp_path / "lake.html"
    assert run_command("report", ["--output", str(path), "--most", "1"]) == 0
    worth = (here.refined["close_price"] * here.refined["total_volume"]).groupby(here.refined["ticker"]).sum()
    assert worth.idxmax() not in {"IBOV", min(worth.index)}
    assert [series["ticker"] for series in read_data(path)["tickers"]] == sorted({worth.idxmax(), "IBOV"})


@pytest.mark.slow
def test_last_ingestion_is_the_time_of_the_newest_object(here: Lake) -> None:
    s3 = boto3.client("s3", endpoint_url=here.settings.endpoint_url)
    listed = s3.list_objects_v2(Bucket="tech-challenge2-query-raw-123456789012", Prefix="refined/b3/")["Contents"]
    assert newest_object_time(here.settings, REFINED_TABLE) == max(item["LastModified"] for item in listed)
    of_a_day = [item["LastModified"] for item in listed if "/dt=2024-02-15/" in item["Key"]]
    assert newest_object_time(here.settings, REFINED_TABLE, "dt=2024-02-15/") == max(of_a_day)
    assert newest_object_time(here.settings, "not_there") is None
    assert newest_object_time(Settings("other", here.settings.endpoint_url), REFINED_TABLE) is None


@pytest.mark.slow
def test_no_lake_leaves_no_page_and_keeps_the_one_before(
    here: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lake.html"
    path.write_text("before")
    monkeypatch.setenv("LAKE_ENV", "other")
    assert run_command("report", ["--output", str(path)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("b3lake report: ")
    assert HISTORY_TABLE in line
    assert [entry.name for entry in tmp_path.iterdir()] == ["lake.html"]
    assert path.read_text() == "before"


@pytest.mark.slow
def test_a_table_beside_the_quotes_may_be_empty_but_not_unreadable(
    here: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page without the CDI says that the lake has none: that is not to be told of one that could not be read."""
    bucket, path = "tech-challenge2-query-raw-123456789012", tmp_path / "lake.html"
    s3, glue = (boto3.client(name, endpoint_url=here.settings.endpoint_url) for name in ("s3", "glue"))
    place = {"DatabaseName": here.settings.database}
    columns = glue_types(RATES_SCHEMA)
    glue.create_table(**place, TableInput=describe_table(RATES_TABLE, f"s3://{bucket}/rates/br", columns, {}))
    rates = {"Bucket": bucket, "Key": "rates/br/data.parquet"}
    try:
        assert run_command("report", ["--output", str(path)]) == 0
        assert set(read_data(path)["cdi"]) == {None}
        before = path.read_bytes()
        s3.put_object(**rates, Body=b"no Parquet")
        assert run_command("report", ["--output", str(path)]) == 1
        assert path.read_bytes() == before
        assert "too small to be a Parquet file" in capsys.readouterr().err
    finally:
        s3.delete_object(**rates)
        glue.delete_table(**place, Name=RATES_TABLE)


@pytest.mark.slow
def test_a_place_that_cannot_be_written_is_an_error(
    here: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "lake.html"
    assert run_command("report", ["--output", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"b3lake report: Cannot write {path}: ")


@pytest.mark.parametrize("arguments", [["--sessions", "0"], ["--most", "0"], ["--language", "fr"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("report", arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("b3lake report: ")
    assert arguments[0] in error
    assert error.count("\n") == 1
