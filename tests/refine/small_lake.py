"""A small lake on an S3 and Glue server, and what it should hold, calculated with plain pandas."""

import hashlib
import io
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from b3lake.lake.keys import raw_key
from b3lake.lake.names import HISTORY_TABLE, REFINED_TABLE
from b3lake.lake.schemas import RAW_SCHEMA, REFINED_SCHEMA
from b3lake.refine.arguments import parse_arguments
from b3lake.refine.config import Job
from b3lake.refine.run import run
from tests.refine.own_day_shares import moving_columns

FIRST_DAY = date(2023, 12, 22)

Key = tuple[str, date]


def day(number: int) -> date:
    """A trade date; the first ones are in one year and the later ones in the next."""
    return FIRST_DAY + timedelta(days=number)


def bar(when: date, close: float | None = 10.0, *, minute: int = 0, **others: Any) -> dict[str, Any]:
    """A bar that starts so many minutes after midnight; prices follow from the close unless they are given."""
    moment = pd.Timestamp(when) + pd.Timedelta(minutes=minute)
    price = close if close is not None else 1.0
    own = {"ts": moment.to_pydatetime(), "open": price - 1, "high": price + 2, "low": price - 2, "close": close}
    rest = {"volume": 100 + minute, "turnover": 1500.25, "trades": 3, "isin": "BRTESTACNOR1", "source": "test"}
    return own | rest | {"dividends": 0.0, "stock_splits": 0.0} | others


def parquet_of(bars: list[dict[str, Any]], schema: pa.Schema = RAW_SCHEMA) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(bars, schema=schema), sink)
    return sink.getvalue()


def expected_rows(bars: dict[Key, list[dict[str, Any]] | None]) -> dict[Key, dict[str, Any]]:
    """The refined rows by plain pandas; None is a raw object that cannot be read."""
    rows = {}
    for ticker in {ticker for ticker, _ in bars}:
        days = sorted(when for name, when in bars if name == ticker)
        frames = [pd.DataFrame(bars[ticker, when] or [], columns=RAW_SCHEMA.names) for when in days]
        frames = [frame.sort_values("ts", kind="stable") for frame in frames]
        closes = pd.Series([_at(frame["close"], -1) for frame in frames], dtype="float64")
        splits = [_first(frame, "stock_splits") for frame in frames]
        moving = moving_columns([_plain(close) for close in closes], splits)
        for when, frame, close, (average, delta) in zip(days, frames, closes, moving, strict=True):
            if bars[ticker, when] is None:
                continue
            volume, trades = (pd.to_numeric(frame[name]).dropna() for name in ("volume", "trades"))
            turnover = pd.to_numeric(frame["turnover"]).dropna()
            rows[ticker, when] = {
                "trade_date": when,
                "open_price": _at(frame["open"], 0),
                "high_price": _plain(pd.to_numeric(frame["high"]).max()),
                "low_price": _plain(pd.to_numeric(frame["low"]).min()),
                "close_price": _plain(close),
                "total_volume": int(volume.sum()) if len(volume) else None,
                "bar_count": len(frame),
                "close_ma_5": average,
                "close_delta": delta,
                "turnover": float(turnover.sum()) if len(turnover) else None,
                "trades": int(trades.sum()) if len(trades) else None,
                "dividends": _first(frame, "dividends"),
                "stock_splits": _first(frame, "stock_splits"),
            }
    return rows


def expected_history(refined: dict[Key, dict[str, Any]]) -> list[dict[str, Any]]:
    """The history's rows of refined ones, by year, ticker and date: the design's formula, from the newest row back."""
    rows = []
    for ticker in {ticker for ticker, _ in refined}:
        days = sorted(when for name, when in refined if name == ticker)
        split_factor = adj_factor = 1.0
        for when, before in zip(reversed(days), [*reversed(days[:-1]), None], strict=True):
            row = refined[ticker, when]
            close, close_before = row["close_price"], refined[ticker, before]["close_price"] if before else None
            ratio, cash = row["stock_splits"] or 1.0, row["dividends"] or 0.0
            kept = 1 - cash / close_before if close_before and cash < close_before else 1.0
            adjusted = None if close is None else close * adj_factor
            change = close * ratio / (close_before * kept) - 1 if close is not None and close_before else None
            factors = {"split_factor": split_factor, "adj_factor": adj_factor}
            prices = {"adj_close_price": adjusted, "daily_return": change}
            rows.append({"year": when.year, "ticker": ticker, **row, **factors, **prices})
            split_factor, adj_factor = split_factor / ratio, adj_factor * kept / ratio
    return sorted(rows, key=lambda row: (row["year"], row["ticker"], row["trade_date"]))


def _first(frame: pd.DataFrame, name: str) -> float | None:
    return None if frame.empty else _plain(frame[name].iloc[0])


def _at(column: pd.Series, position: int) -> float | None:
    known = column.dropna()
    return float(known.iloc[position]) if len(known) else None


def _plain(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


@dataclass
class SmallLake:
    """Raw objects put and removed here are remembered, so that the lake knows what should come out."""

    endpoint: str
    bucket: str
    s3: Any
    glue: Any
    bars: dict[Key, list[dict[str, Any]] | None] = field(default_factory=dict)

    @classmethod
    def create(cls, endpoint: str, name: str) -> "SmallLake":
        bucket = "lake-" + hashlib.sha256(name.encode()).hexdigest()[:20]
        s3, glue = (
            boto3.client(
                service,
                endpoint_url=endpoint,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
            for service in ("s3", "glue")
        )
        s3.create_bucket(Bucket=bucket)
        lake = cls(endpoint, bucket, s3, glue)
        lake.create_table()
        return lake

    @property
    def database(self) -> str:
        return self.bucket.replace("-", "_")

    def create_table(self) -> None:
        names = [d["Name"] for d in self.glue.get_databases()["DatabaseList"]]
        if self.database not in names:
            self.glue.create_database(DatabaseInput={"Name": self.database})
        keys = [{"Name": "dt", "Type": "date"}, {"Name": "ticker", "Type": "string"}]
        storage = {"Columns": [], "Location": f"s3://{self.bucket}/refined/b3/"}
        definition = {"Name": REFINED_TABLE, "PartitionKeys": keys, "StorageDescriptor": storage}
        self.glue.create_table(DatabaseName=self.database, TableInput=definition)

    def put(self, ticker: str, when: date, *bars: dict[str, Any]) -> None:
        self.bars[ticker, when] = list(bars)
        self.put_bytes(raw_key(when, ticker), parquet_of(list(bars)))

    def put_broken(self, ticker: str, when: date, data: bytes = b"broken") -> None:
        self.bars[ticker, when] = None
        self.put_bytes(raw_key(when, ticker), data)

    def put_bytes(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)

    def remove(self, ticker: str, when: date) -> None:
        del self.bars[ticker, when]
        self.s3.delete_object(Bucket=self.bucket, Key=raw_key(when, ticker))

    def fill(self, tickers: list[str], days: range) -> None:
        for row, ticker in enumerate(tickers):
            for number in days:
                self.put(ticker, day(number), bar(day(number), 10.0 + row + number * number % 7))

    def arguments(self, *more: str) -> list[str]:
        places = {"--raw_uri": "raw/b3", "--refined_uri": "refined/b3", "--history_uri": "history/b3"}
        fixed = [word for name, prefix in places.items() for word in (name, f"s3://{self.bucket}/{prefix}")]
        return [*fixed, "--database", self.database, "--table", REFINED_TABLE, "--region", "us-east-1", *more]

    def job(self, *more: str) -> Job:
        return parse_arguments(self.arguments(*more), {"AWS_ENDPOINT_URL": self.endpoint})

    def run(self, spark: SparkSession, *more: str) -> dict[str, Any]:
        return run(self.job(*more), lambda: spark)

    def objects(self, prefix: str) -> dict[str, tuple[str, Any]]:
        """Key to ETag and time of every object under a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {o["Key"]: (o["ETag"], o["LastModified"]) for page in pages for o in page.get("Contents", [])}

    def read(self, key: str) -> pa.Table:
        data = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return pq.ParquetFile(io.BytesIO(data)).read()

    def refined(self) -> dict[Key, dict[str, Any]]:
        """Every refined row, as it is on the server."""
        rows = {}
        for key in self.objects("refined/b3/"):
            table = self.read(key)
            assert table.schema.equals(REFINED_SCHEMA)
            assert len(table) == 1
            dt, ticker = (part.split("=")[1] for part in key.split("/")[2:4])
            rows[ticker, date.fromisoformat(dt)] = table.to_pylist()[0]
        return rows

    def registered(self, table: str = REFINED_TABLE) -> dict[tuple[str, ...], str]:
        """Values to location of the table's partitions."""
        pages = self.glue.get_paginator("get_partitions").paginate(DatabaseName=self.database, TableName=table)
        return {tuple(p["Values"]): p["StorageDescriptor"]["Location"] for page in pages for p in page["Partitions"]}

    def history(self) -> list[dict[str, Any]]:
        """The history's rows, object after object, each with its year."""
        rows = []
        for key in sorted(self.objects("history/b3/")):
            year = int(key.split("/")[2].split("=")[1])
            rows += [{"year": year, **row} for row in self.read(key).to_pylist()]
        return rows

    def check(self) -> None:
        """The refined objects, their registrations and the history are what raw says, no more and no less."""
        expected, refined = expected_rows(self.bars), self.refined()
        readable = {key for key, bars in self.bars.items() if bars is not None}
        assert {key for key in refined if self.bars.get(key, []) is not None} == readable == set(expected)
        for key, row in expected.items():
            assert_same(refined[key], row, key)
        assert self.registered() == {
            (str(when), ticker): f"s3://{self.bucket}/refined/b3/dt={when}/ticker={ticker}/" for ticker, when in refined
        }
        history, wanted = self.history(), expected_history(refined)
        for row, one in zip(history, wanted, strict=True):
            assert_same(row, one, (one["ticker"], one["trade_date"]))
        years = {str(when.year) for _, when in refined}
        assert set(self.registered(HISTORY_TABLE)) == {(year,) for year in years}


def assert_same(row: dict[str, Any], expected: dict[str, Any], key: Key) -> None:
    """All columns alike; averages and deltas but for the last bit, since they are calculated in another order."""
    assert list(row) == list(expected), key
    for name, value in expected.items():
        close = (
            isinstance(value, float) and row[name] is not None and abs(row[name] - value) <= 1e-9 * max(1, abs(value))
        )
        assert close or row[name] == value, (key, name, row[name], value)
