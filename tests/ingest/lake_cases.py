"""A lake on moto's server, and what is in it, for the tests of the ingestion."""

import datetime as dt
import io
from collections import Counter
from dataclasses import dataclass
from functools import cache

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.client import BaseClient

from b3lake.ingest.catalog import Catalog
from b3lake.ingest.lake import Lake
from b3lake.ingest.objects import open_store
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import day_start_utc
from b3lake.lake.names import RAW_TABLE
from b3lake.lake.session import open_session

DATABASE = "tech_challenge2_dev"
DAYS = [dt.date(2024, 5, day) for day in (2, 3, 6, 7, 8)]


@cache
def client(service: str, url: str) -> BaseClient:
    """One client a service: making one takes longer than most of what is asked of it."""
    return boto3.client(service, endpoint_url=url, region_name="us-east-1")


@cache
def session() -> boto3.Session:
    """One session: the endpoint is read from the environment for each client, the rest is the same for all tests."""
    return open_session()


@dataclass
class TestLake:
    """A bucket and a database with nothing in them."""

    __test__ = False
    url: str
    bucket: str

    @property
    def s3(self) -> BaseClient:
        return client("s3", self.url)

    @property
    def glue(self) -> BaseClient:
        return client("glue", self.url)

    def another(self, name: str) -> "TestLake":
        """An empty lake beside this one, in the same database, whose tables are forgotten: each bucket has its own."""
        made = TestLake(self.url, f"{self.bucket}-{name}")
        made.s3.create_bucket(Bucket=made.bucket)
        made.glue.delete_database(Name=DATABASE)
        made.glue.create_database(DatabaseInput={"Name": DATABASE})
        return made

    def open(self) -> Lake:
        """The ingestion's view of it, with the table made."""
        catalog = Catalog(DATABASE, self.bucket, session())
        catalog.ensure_table()
        return Lake(self.bucket, open_store(self.bucket, session()), catalog)

    def written(self, prefix: str = "raw/") -> dict[str, dt.datetime]:
        """Every key with that `prefix` and when it was written."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {item["Key"]: item["LastModified"] for page in pages for item in page.get("Contents", [])}

    def versions(self) -> Counter[str]:
        """How often each key was put."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        return Counter(item["Key"] for page in pages for item in page.get("Versions", []))

    def rows(self, key: str) -> list[dict[str, object]]:
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return pq.ParquetFile(io.BytesIO(body)).read().to_pylist()

    def everything(self) -> dict[str, bytes]:
        """Every object's bytes."""
        return {key: self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in self.written("")}

    def partitions(self) -> set[tuple[str, str]]:
        """The catalog's partitions, as (dt, ticker)."""
        pages = self.glue.get_paginator("get_partitions").paginate(DatabaseName=DATABASE, TableName=RAW_TABLE)
        return {tuple(partition["Values"]) for page in pages for partition in page["Partitions"]}


def table(ticker: str = "PETR4", days: list[dt.date] = DAYS, price: float = 10.0, **columns: list[object]) -> pa.Table:
    """Plausible bars (BARS_SCHEMA), one a day; any column may be given otherwise."""
    count = len(days)
    plausible = {
        "day": days,
        "ticker": [ticker] * count,
        "ts": [day_start_utc(day) for day in days],
        "open": [price] * count,
        "high": [price + 0.5] * count,
        "low": [price - 0.5] * count,
        "close": [price + 0.1] * count,
        "volume": [1000] * count,
        "turnover": [None] * count,
        "trades": [None] * count,
        "dividends": [0.0] * count,
        "stock_splits": [0.0] * count,
        "isin": [None] * count,
        "source": ["yahoo"] * count,
    }
    return pa.table(plausible | columns, schema=BARS_SCHEMA)


def key_of(day: dt.date, ticker: str = "PETR4") -> str:
    return f"raw/b3/dt={day}/ticker={ticker}/data.parquet"
