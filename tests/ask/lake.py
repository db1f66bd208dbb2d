"""A small lake on an AWS emulator, written here from invented quotes, and what pandas makes of the same quotes."""

import datetime as dt
import io
from dataclasses import dataclass

import boto3
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from b3lake.lake.schemas import RAW_SCHEMA
from b3lake.lake.settings import Settings

REFINED_COLUMNS = {
    "trade_date": "date",
    "open_price": "double",
    "high_price": "double",
    "low_price": "double",
    "close_price": "double",
    "total_volume": "bigint",
    "bar_count": "int",
    "close_ma_5": "double",
    "close_delta": "double",
    "turnover": "double",
    "trades": "int",
    "dividends": "double",
    "stock_splits": "double",
}
ADJUSTED_COLUMNS = {
    "split_factor": "double",
    "adj_factor": "double",
    "adj_close_price": "double",
    "daily_return": "double",
}
ARROW = {"date": pa.date32(), "double": pa.float64(), "bigint": pa.int64(), "int": pa.int32()}
GLUE = {kind: name for name, kind in ARROW.items()} | {pa.timestamp("us"): "timestamp", pa.string(): "string"}
REFINED_SCHEMA = pa.schema([(name, ARROW[kind]) for name, kind in REFINED_COLUMNS.items()])
HISTORY_COLUMNS = {"ticker": "string"} | REFINED_COLUMNS | ADJUSTED_COLUMNS
HISTORY_SCHEMA = pa.schema(
    [("ticker", pa.string()), *REFINED_SCHEMA, *((name, pa.float64()) for name in ADJUSTED_COLUMNS)]
)


@dataclass(frozen=True)
class Lake:
    """A lake to ask, and its refined rows, with `ticker`, sorted by ticker and date."""

    settings: Settings
    refined: pd.DataFrame

    @property
    def history(self) -> pd.DataFrame:
        """The refined rows with the adjusted columns."""
        return adjust(self.refined)


def invent_quotes(tickers: list[str], days: list[dt.date], seed: int = 7) -> pd.DataFrame:
    """Daily bars in the bronze columns and `ticker`: a random walk in steps of a centavo."""
    chance = np.random.default_rng(seed)
    frames = []
    for position, ticker in enumerate(tickers):
        close = np.round((20 + 7 * position) * np.exp(np.cumsum(chance.normal(0, 0.02, len(days)))), 2)
        start = np.round(close * (1 + chance.normal(0, 0.008, len(days))), 2)
        swing = np.round(np.abs(chance.normal(0, 0.01, (2, len(days)))) * close, 2)
        frame = {
            "ticker": ticker,
            "ts": [dt.datetime.combine(day, dt.time(13)) for day in days],
            "open": start,
            "high": np.maximum(start, close) + swing[0],
            "low": np.minimum(start, close) - swing[1],
            "close": close,
            "volume": chance.integers(1, 4_000_000_000, len(days)),
            "turnover": np.nan,
            "trades": None,
            "dividends": np.where(np.arange(len(days)) % 29 == 28, 0.31, 0.0),
            "stock_splits": np.where(np.arange(len(days)) == 50, 2.0, 0.0),
            "isin": None,
            "source": "invented",
        }
        frames.append(pd.DataFrame(frame).round({"high": 2, "low": 2}))
    return pd.concat(frames, ignore_index=True)


def refine(quotes: pd.DataFrame) -> pd.DataFrame:
    """The refined rows of daily `quotes`, as the design says they are."""
    rows = quotes.sort_values(["ticker", "ts"], ignore_index=True)
    close = rows.groupby("ticker")["close"]
    return pd.DataFrame(
        {
            "ticker": rows["ticker"],
            "trade_date": rows["ts"].dt.date,
            "open_price": rows["open"],
            "high_price": rows["high"],
            "low_price": rows["low"],
            "close_price": rows["close"],
            "total_volume": rows["volume"],
            "bar_count": 1,
            "close_ma_5": close.transform(lambda prices: prices.rolling(5).mean()),
            "close_delta": close.diff(),
            "turnover": rows["turnover"],
            "trades": None,
            "dividends": rows["dividends"],
            "stock_splits": rows["stock_splits"],
        }
    )


def adjust(refined: pd.DataFrame) -> pd.DataFrame:
    """The history's rows of refined ones, by ticker and date, as the design's formula says they are."""
    parts = []
    for _, rows in refined.groupby("ticker"):
        before = rows["close_price"].shift()
        ratio = rows["stock_splits"].replace(0, 1.0)
        moved = (1 - (rows["dividends"] / before).fillna(0)) / ratio
        later = moved[::-1].cumprod()[::-1].shift(-1, fill_value=1.0)
        adjusted = rows["close_price"] * later
        split = (1 / ratio)[::-1].cumprod()[::-1].shift(-1, fill_value=1.0)
        parts.append(
            rows.assign(
                split_factor=split, adj_factor=later, adj_close_price=adjusted, daily_return=adjusted.pct_change()
            )
        )
    return pd.concat(parts)


def build_lake(endpoint_url: str, env: str, quotes: pd.DataFrame, refined: pd.DataFrame) -> Lake:
    """Store bronze `quotes` and `refined` rows in the layout of the lake, with tables in the catalog."""
    bucket = f"tech-challenge2-{env}-raw-123456789012"
    lake = Lake(Settings(env, endpoint_url), refined)
    s3 = boto3.client("s3", endpoint_url=endpoint_url)
    s3.create_bucket(Bucket=bucket)
    _store(s3, bucket, "raw/b3", quotes.assign(trade_date=quotes["ts"].dt.date), RAW_SCHEMA)
    _store(s3, bucket, "refined/b3", lake.refined, REFINED_SCHEMA)
    for year, rows in lake.history.groupby([day.year for day in lake.refined["trade_date"]]):
        _put(s3, bucket, f"history/b3/year={year}/data.parquet", rows, HISTORY_SCHEMA)
    glue = boto3.client("glue", endpoint_url=endpoint_url)
    glue.create_database(DatabaseInput={"Name": lake.settings.database})
    raw = {field.name: GLUE[field.type] for field in RAW_SCHEMA}
    by_day = {"dt": "date", "ticker": "string"}
    for table, prefix, columns, partitions in (
        ("b3_daily_quotes", "raw", raw, by_day),
        ("b3_daily_quotes_refined", "refined", REFINED_COLUMNS, by_day),
        ("b3_daily_history", "history", HISTORY_COLUMNS, {"year": "int"}),
    ):
        description = describe_table(table, f"s3://{bucket}/{prefix}/b3", columns, partitions)
        glue.create_table(DatabaseName=lake.settings.database, TableInput=description)
    return lake


def _store(s3, bucket: str, prefix: str, rows: pd.DataFrame, schema: pa.Schema) -> None:
    for (day, ticker), group in rows.groupby(["trade_date", "ticker"]):
        _put(s3, bucket, f"{prefix}/dt={day}/ticker={ticker}/data.parquet", group, schema)


def _put(s3, bucket: str, key: str, rows: pd.DataFrame, schema: pa.Schema) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False), sink)
    s3.put_object(Bucket=bucket, Key=key, Body=sink.getvalue())


def describe_table(name: str, location: str, columns: dict[str, str], partitions: dict[str, str]) -> dict:
    hive = "org.apache.hadoop.hive.ql.io.parquet"
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet"},
        "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in partitions.items()],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
            "Location": location,
            "InputFormat": f"{hive}.MapredParquetInputFormat",
            "OutputFormat": f"{hive}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{hive}.serde.ParquetHiveSerDe"},
        },
    }
