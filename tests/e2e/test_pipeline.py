"""Quotes go in at one end, rows come out at the other: the real template, ingestion, function, job and SQL.

What is compared is the rows of the refined objects, with a calculation in plain pandas from the chart API's answers.
"""

import io
import json
import math
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from devlake import paths
from devlake.ask_lake import TOUR_COMMAND, query_command, query_environment
from devlake.deploy_stack import RAW_EVENTS_QUEUE, deploy_stack
from devlake.emulator import Emulator, running
from devlake.fake_bcb import bank_days, invented
from devlake.fake_http import Reply, serving
from devlake.fake_sources import FakeSources
from devlake.fake_yahoo import FakeYahoo, Query, recorded, synthetic
from devlake.ingest_quotes import Ingestion, fake_origin, ingest_quotes
from devlake.prepare_athena import prepare_athena
from devlake.run_glue import GlueRun, carry_out_runs, runs_to_carry_out, wait_for_events

pytestmark = pytest.mark.slow

FIRST, LAST = "2022-11-23", "2022-12-22"
CDI = 12  # its code at the central bank
SYMBOLS = {"PETR4": "PETR4.SA", "VALE3": "VALE3.SA", "IBOV": "^BVSP"}
RECORDED = "PETR4.SA-22-sessions.json"


@dataclass
class Lake:
    aws: Emulator
    outputs: dict[str, str]
    folder: Path
    answers: dict[str, Reply]
    ingestion: Ingestion
    run: GlueRun

    def keys(self, prefix: str) -> list[str]:
        pages = self.aws.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.outputs["RawBucketName"], Prefix=prefix)
        return [item["Key"] for page in found for item in page.get("Contents", [])]

    def rows(self, key: str) -> list[dict[str, object]]:
        body = self.aws.client("s3").get_object(Bucket=self.outputs["RawBucketName"], Key=key)["Body"].read()
        return pq.read_table(io.BytesIO(body)).to_pylist()


def _epoch(day: str) -> int:
    return int(pd.Timestamp(day, tz="America/Sao_Paulo").timestamp())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    folder = tmp_path_factory.mktemp("lake")
    file = paths.ROOT.parent / "shared" / "data" / "yahoo_chart" / RECORDED
    past = _epoch(LAST) + 86400
    answers = {ticker: synthetic(Query(symbol, _epoch(FIRST), past, "1d")) for ticker, symbol in SYMBOLS.items()}
    if file.exists():
        answers["PETR4"] = recorded(file)
    fake_yahoo = FakeYahoo({SYMBOLS[ticker]: [answer] for ticker, answer in answers.items()})
    with running() as aws, serving(FakeSources(yahoo=fake_yahoo)) as url, pytest.MonkeyPatch.context() as patch:
        outputs = deploy_stack(aws, folder)
        prepare_athena(aws)
        patch.setenv("START_DATE", FIRST)
        patch.setenv("END_DATE", LAST)
        ingestion = ingest_quotes(aws, outputs, folder, fake_origin(url), tickers=["PETR4.SA", "vale3", "^BVSP"])
        wait_for_events(aws, RAW_EVENTS_QUEUE, outputs["RefineJobName"], folder)
        run = carry_out_runs(aws, outputs["RefineJobName"], folder)
        yield Lake(aws, outputs, folder, answers, ingestion, run)


def refined_in_pandas(answer: Reply) -> list[dict[str, object]]:
    """The refined rows of one chart answer of daily bars, oldest first."""
    result = answer.body["chart"]["result"][0]
    frame = pd.DataFrame(result["indicators"]["quote"][0])
    for price in ("open", "high", "low", "close"):  # Yahoo prints 32-bit floats: the shortest decimal of each is meant
        frame[price] = [float(str(np.float32(value))) for value in frame[price]]
    moments = pd.to_datetime(result["timestamp"], unit="s", utc=True).tz_convert("America/Sao_Paulo")
    frame["trade_date"] = moments.date
    days = frame.groupby("trade_date", as_index=False).agg(
        open_price=("open", "first"),
        high_price=("high", "max"),
        low_price=("low", "min"),
        close_price=("close", "last"),
        total_volume=("volume", "sum"),
        bar_count=("close", "size"),
    )
    days["close_ma_5"] = days["close_price"].rolling(5).mean()
    days["close_delta"] = days["close_price"].diff()
    days["turnover"] = days["trades"] = None
    days["dividends"] = days["stock_splits"] = 0.0
    return days.astype(object).where(days.notna(), None).to_dict("records")


def test_the_recorded_quotes_are_there(shared_data: Path) -> None:
    """Said here once, so that the run below says which quotes PETR4's were."""
    assert (shared_data / "yahoo_chart" / RECORDED).exists()


def test_every_session_has_a_bronze_object_under_its_fixed_key(lake: Lake) -> None:
    days = [row["trade_date"] for row in refined_in_pandas(lake.answers["PETR4"])]
    assert len(days) == 22
    expected = sorted(f"raw/b3/dt={day}/ticker={ticker}/data.parquet" for day in days for ticker in SYMBOLS)
    assert lake.keys("raw/b3/") == expected
    assert (lake.ingestion.exit_code, lake.ingestion.written, lake.ingestion.problems) == (0, 66, ())


@pytest.mark.parametrize("ticker", SYMBOLS)
def test_the_refined_rows_are_those_of_the_pandas_calculation(lake: Lake, ticker: str) -> None:
    expected = refined_in_pandas(lake.answers[ticker])
    assert len(expected) == 22
    for row in expected:
        (found,) = lake.rows(f"refined/b3/dt={row['trade_date']}/ticker={ticker}/data.parquet")
        assert list(found) == list(row)
        assert found["trade_date"] == row["trade_date"]
        assert [name for name in found if found[name] is None] == [name for name in row if row[name] is None]
        numbers = [name for name in row if row[name] is not None and name != "trade_date"]
        assert [found[name] for name in numbers] == pytest.approx([row[name] for name in numbers], rel=1e-12)


def test_nothing_else_was_refined(lake: Lake) -> None:
    assert lake.keys("refined/b3/") == [key.replace("raw/", "refined/", 1) for key in lake.keys("raw/b3/")]
    assert lake.run.summary["refined_partitions"] == 66


@pytest.mark.parametrize("table", ["b3_daily_quotes", "b3_daily_quotes_refined"])
def test_every_partition_is_registered(lake: Lake, table: str) -> None:
    pages = lake.aws.client("glue").get_paginator("get_partitions")
    found = pages.paginate(DatabaseName=lake.outputs["GlueDatabaseName"], TableName=table)
    registered = {tuple(partition["Values"]) for page in found for partition in page["Partitions"]}
    prefix = "raw/b3/" if table == "b3_daily_quotes" else "refined/b3/"
    parts = (key.split("/") for key in lake.keys(prefix))
    assert registered == {(day.removeprefix("dt="), ticker.removeprefix("ticker=")) for _, _, day, ticker, _ in parts}


def ask_athena(lake: Lake, file: str) -> list[dict[str, object]]:
    """The rows that `make query FILE=queries/…` answers with, through the Athena API."""
    command = query_command(["--file", str(paths.ROOT / "queries" / file), "--json"])
    done = subprocess.run(
        command,
        cwd=paths.ROOT,
        env=query_environment(lake.aws),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def test_athena_compares_every_ticker_with_cdi(lake: Lake) -> None:
    (key,) = lake.keys("history/b3/")
    history = pd.DataFrame(lake.rows(key)).sort_values("trade_date")
    answered = {row["ticker"]: row for row in ask_athena(lake, "returns_over_cdi.sql")}
    assert answered.keys() == SYMBOLS.keys()
    for ticker, rows in history.groupby("ticker"):
        first, last = rows.iloc[0], rows.iloc[-1]
        days = [day for day in bank_days() if first["trade_date"] <= day < last["trade_date"]]
        paid = math.prod(1 + float(invented(CDI, day)) / 100 for day in days)
        gained = last["adj_close_price"] / first["adj_close_price"]
        told = answered[ticker]
        assert (told["from_date"], told["to_date"]) == (str(first["trade_date"]), str(last["trade_date"]))
        assert told["return_pct"] == pytest.approx(100 * (gained - 1), rel=1e-9)
        assert told["cdi_pct"] == pytest.approx(100 * (paid - 1), rel=1e-9)
        assert told["over_cdi_pct"] == pytest.approx(100 * (gained / paid - 1), rel=1e-9)


def test_the_tables_beside_the_quotes_are_there(lake: Lake) -> None:
    rates = lake.rows("rates/br/data.parquet")
    assert {row["series"] for row in rates} == {"CDI", "SELIC", "SELIC_TARGET", "IPCA"}
    members = lake.rows("portfolios/b3/data.parquet")
    assert {row["index"] for row in members} == {"IBOV", "IBXX", "SMLL", "IDIV", "IFIX"}
    weights = [row["weight"] for row in members if row["index"] == "IBOV"]
    assert sum(weights) == pytest.approx(100, abs=0.01)
    assert {row["kind"] for row in lake.rows("instruments/b3/data.parquet")} == {"share"}


def test_athena_gives_the_last_close_of_every_ticker(lake: Lake) -> None:
    answered = {row["ticker"]: row for row in ask_athena(lake, "latest_close.sql")}
    assert answered.keys() == SYMBOLS.keys()
    for ticker, row in answered.items():
        last = refined_in_pandas(lake.answers[ticker])[-1]
        assert row["trade_date"] == str(last["trade_date"])
        assert row["sessions"] == 22
        for name in ("close_price", "close_ma_5", "close_delta"):
            assert row[name] == pytest.approx(last[name], rel=1e-12)


GUIDE = (paths.ROOT / "docs" / "lab.md").read_text(encoding="utf-8")
GUIDE_COMMANDS = [line for line in GUIDE.splitlines() if line.startswith("aws ")]


@pytest.mark.parametrize(
    ("command", "shown"),
    list(
        zip(
            GUIDE_COMMANDS,
            [
                f"raw/b3/dt={LAST}/ticker=PETR4/data.parquet",
                "tech-challenge2-dev-raw-events\tEnabled",
                "RequestId",
                "SUCCEEDED",
                f"refined/b3/dt={LAST}/ticker=PETR4/data.parquet",
                f"{LAST}\tPETR4",
            ],
            strict=True,
        )
    ),
)
def test_the_commands_of_the_lab_guide_show_what_it_says(lake: Lake, command: str, shown: str) -> None:
    """But for the environment's name, and the bucket's, which Terraform tells."""
    asked = "$(terraform -chdir=terraform output -raw raw_bucket)"
    command = command.replace("_lab", "_dev").replace(asked, lake.outputs["RawBucketName"])
    done = subprocess.run(
        command,
        shell=True,
        env=lake.aws.environment() | {"PATH": f"{paths.ROOT / '.venvs' / 'sam' / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert shown in done.stdout


def take_tour(lake: Lake, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = query_environment(lake.aws) | {"LC_ALL": "pt_BR.UTF-8", "PYTHONUTF8": "1"} | variables
    return subprocess.run(
        TOUR_COMMAND, cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_tour_shows_every_stage_with_its_evidence(lake: Lake) -> None:
    done = take_tour(lake)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[:3] for line in done.stdout.splitlines() if line[:1] in "✓✗" and line] == [
        f"✓ {number}" for number in range(1, 9)
    ]
    assert max(map(len, done.stdout.splitlines())) <= 80
    said = set(map(str.strip, done.stdout.splitlines()))
    last = refined_in_pandas(lake.answers["IBOV"])[-1]
    run = next(line for line in said if line.startswith("iniciou a execução ")).split()[3]
    assert run in lake.run.run_ids
    bytes_of = {
        layer: len(lake.aws.client("s3").get_object(Bucket=lake.outputs["RawBucketName"], Key=key)["Body"].read())
        for layer in ("raw", "refined")
        for key in [f"{layer}/b3/dt={LAST}/ticker=IBOV/data.parquet"]
    }
    assert said >= {
        f"22 pregões, o mais novo de {LAST}: IBOV, PETR4, VALE3",
        f"raw/b3/dt={LAST}/ticker=IBOV/data.parquet",
        f"linhas: 1, bytes: {bytes_of['raw']}",
        "evento s3:ObjectCreated:*, s3:ObjectRemoved:* de raw/b3/",
        f"A agregação: total_volume = {last['total_volume']}, linhas somadas: 1",
        f"B nomes: open → open_price ({last['open_price']:.2f}), close → close_price ({last['close_price']:.2f})",
        f"C datas: close_ma_5 = {last['close_ma_5']:.4f}, close_delta = {last['close_delta']:.4f}",
        f"refined/b3/dt={LAST}/ticker=IBOV/data.parquet",
        f"bytes: {bytes_of['refined']}",
        "tabela tech_challenge2_dev.b3_daily_quotes_refined",
        "partições por dt, ticker",
        f"resposta: close_price = {last['close_price']}, total_volume = {last['total_volume']}",
        "Todas as 8 etapas foram vistas.",
    }


def test_the_tour_names_the_stage_that_is_broken(lake: Lake) -> None:
    s3, bucket = lake.aws.client("s3"), lake.outputs["RawBucketName"]
    told = s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    try:
        done = take_tour(lake, LC_ALL="en_US.UTF-8")
    finally:
        kept = {"QueueConfigurations": told["QueueConfigurations"]}
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=kept)
    assert (done.returncode, done.stderr) == (1, "")
    assert [line[:3] for line in done.stdout.splitlines() if line.startswith("✗")] == ["✗ 3"]
    assert "deploy the stack again (`sam deploy`)." in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1] == "7 of 8 stages seen; not: 3 (The bucket triggers the Lambda function)."


def test_the_tour_sees_that_a_refined_row_is_not_of_its_raw_data(lake: Lake) -> None:
    s3, bucket, key = (
        lake.aws.client("s3"),
        lake.outputs["RawBucketName"],
        f"refined/b3/dt={LAST}/ticker=IBOV/data.parquet",
    )
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    other = s3.get_object(Bucket=bucket, Key=key.replace("IBOV", "VALE3"))["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=other)
    try:
        done = take_tour(lake)
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert done.returncode == 1
    assert [line[:3] for line in done.stdout.splitlines() if line.startswith("✗")] == ["✗ 5"]
    assert "execute o job outra vez." in " ".join(done.stdout.split())


def test_the_tour_of_a_lake_that_is_not_there_sees_nothing(lake: Lake) -> None:
    done = take_tour(lake, LAKE_ENV="zz")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("✗") == 8


def test_the_same_ingestion_again_writes_nothing_and_starts_no_job(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("START_DATE", FIRST)
    monkeypatch.setenv("END_DATE", LAST)
    fake_yahoo = FakeYahoo({SYMBOLS[ticker]: [answer] for ticker, answer in lake.answers.items()})
    with serving(FakeSources(yahoo=fake_yahoo)) as url:
        tickers = ["PETR4", "VALE3", "IBOV"]
        again = ingest_quotes(lake.aws, lake.outputs, lake.folder, fake_origin(url), tickers=tickers)
    assert (again.exit_code, again.written, again.unchanged) == (0, 0, 66)
    assert runs_to_carry_out(lake.aws, lake.outputs["RefineJobName"], lake.folder) == []
