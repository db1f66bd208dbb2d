"""Files of quotes, folders of answers, and what a lake has of them, for the tests of B3's events."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from b3lake.lake.calendar import sessions_between
from devlake.cotahist_writer import quote, whole_file
from tests.ingest.lake_cases import TestLake
from tests.ingest.listed_companies import cash, cash_body, stock, supplement_body

SUPPLEMENT, CASH = "GetListedSupplementCompany", "GetListedCashDividends"
TABLE_KEY = "events/b3/data.parquet"

# Who the tickers are: ISIN, ESPECI, NOMRES.
PAPERS = {
    "MGLU3": ("BRMGLUACNOR2", "ON      NM", "MAGAZ LUIZA"),
    "BBAS3": ("BRBBASACNOR3", "ON      NM", "BRASIL"),
    "TIMS3": ("BRTIMSACNOR5", "ON      NM", "TIM"),
    "ITUB4": ("BRITUBACNPR1", "PN      N1", "ITAUUNIBANCO"),
    "PETR4": ("BRPETRACNPR6", "PN  EJ  N2", "PETROBRAS"),
    "KLBN11": ("BRKLBNCDAM18", "UNT     N2", "KLABIN S/A"),
    "ABEV3": ("BRABEVACNOR1", "ON", "AMBEV S/A"),
    "XPTO3": ("BRXPTOACNOR1", "ON      NM", "XPTO S/A"),
    "ABCD3": ("BRABCDACNOR1", "ON      NM", "ABCD S/A"),
    "FIIX11": ("BRFIIXCTF001", "CI", "FII XPTO"),
}


def day_of(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def traded(ticker: str, day: dt.date, close: float, factor: int = 1) -> bytes:
    """A quote at one price, BRL per share."""
    isin, spec, name = PAPERS[ticker]
    cents = round(close * 100 * factor)
    prices = dict.fromkeys(("open", "high", "low", "mean", "close", "bid", "ask"), cents)
    bdi = "12" if spec == "CI" else "02"
    number = int(f"{day:%Y%m%d}")
    turnover = round(close * 100 * 1000)
    return quote(
        day=number, code=ticker, isin=isin, spec=spec, name=name, bdi=bdi, factor=factor,
        volume=1000, turnover=turnover, **prices,
    )  # fmt: skip


def put_files(folder: Path, quotes: Iterable[tuple[str, dt.date, float]]) -> Path:
    """A file a year."""
    folder.mkdir(exist_ok=True)
    of_year: defaultdict[int, list[bytes]] = defaultdict(list)
    for ticker, day, close in quotes:
        of_year[day.year].append(traded(ticker, day, close, 1000 if day.year < 2005 else 1))
    for year, records in of_year.items():
        (folder / f"COTAHIST_A{year}.TXT").write_bytes(whole_file(records, year=year))
    return folder


def fetch(files: Path, events: object, start: object, end: object, tickers: str = "XPTO3") -> tuple[str, ...]:
    days = ("--start-date", str(start), "--end-date", str(end))
    return (
        "--source",
        "b3",
        "--b3-files",
        str(files),
        "--b3-events",
        str(events),
        "--tickers",
        tickers,
        *days,
        "--json",
    )


def cells(lake: TestLake, ticker: str) -> dict[str, tuple[float | None, float | None]]:
    """Dividends and ratio of the ticker's rows that have either."""
    found = {}
    for key in sorted(lake.written()):
        if f"/ticker={ticker}/" in key:
            (row,) = lake.rows(key)
            if (row["dividends"], row["stock_splits"]) != (None, None):
                found[key.split("dt=")[1][:10]] = (row["dividends"], row["stock_splits"])
    return found


def table(lake: TestLake, ticker: str) -> list[dict[str, Any]]:
    return [row for row in lake.rows(TABLE_KEY) if row["ticker"] == ticker]


# A small share with three events, in April 2024.

DAYS = sessions_between(day_of("2024-04-01"), day_of("2024-04-30"))
SPLIT = stock("DESDOBRAMENTO", "100,0", "09/04/2024")
BONUS = stock("BONIFICACAO", "10,0", "23/04/2024")
DIVIDEND = cash("DIVIDENDO", "0,25", "16/04/2024")
CLOSES = {day: 20.0 if day < day_of("2024-04-10") else 10.0 if day < day_of("2024-04-24") else 9.1 for day in DAYS}
EX_DATES = {"2024-04-10": (None, 2.0), "2024-04-17": (0.25, None), "2024-04-24": (None, 1.1)}


def answers(folder: Path, *rows: dict[str, str], issuer: str = "XPTO") -> Path:
    """A folder of answers: splits and bonuses have a factor, cash has a value."""
    folder.mkdir(exist_ok=True)
    stocks, cashes = [row for row in rows if "factor" in row], [row for row in rows if "valueCash" in row]
    (folder / f"{issuer}-{SUPPLEMENT}.json").write_bytes(supplement_body(stocks, tradingName="XPTO S/A"))
    (folder / f"{issuer}-{CASH}.json").write_bytes(cash_body(cashes))
    return folder


def files_of(folder: Path, days: Iterable[dt.date] = DAYS, ticker: str = "XPTO3") -> Path:
    return put_files(folder, [(ticker, day, CLOSES[day]) for day in days])


def written_since(lake: TestLake, before: Counter[str]) -> set[str]:
    """The keys that were put since the lake had the versions `before`."""
    return set(lake.versions() - before)
