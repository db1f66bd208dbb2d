"""The notebook examples/analise.ipynb, executed on a small lake: what it shows is what plain arithmetic says."""

import datetime as dt
import json
import math
from pathlib import Path

import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nbclient import NotebookClient

from b3lake.lake.keys import HISTORY_PREFIX, RATES_PREFIX, table_key
from b3lake.lake.schemas import HISTORY_SCHEMA, RATES_SCHEMA
from devlake import paths

NOTEBOOK = paths.ROOT / "examples" / "analise.ipynb"
WEEKDAYS = [day for n in range(80) if (day := dt.date(2023, 11, 15) + dt.timedelta(n)).weekday() < 5]
SPLIT_DAY = WEEKDAYS[30]
CDI = 0.05  # per cent a day
# Adjusted closes that nobody would take for one another, of the sessions in their order.
CLOSES = {
    "IBOV": lambda n: 120_000 + 100.0 * n,
    "ITUB4": lambda n: 30 - 0.1 * n,
    "PETR4": lambda n: 20 + 5 * math.sin(n / 6),
    "VALE3": lambda n: 70 + 0.2 * n,
}
# Appended by the test: the notebook's own variables, as JSON.
SHOWN = """
import json
print("shown:" + json.dumps({
    "events": [[str(day.date()), ratio] for day, ratio in eventos["stock_splits"].items()],
    "over": base100.iloc[-1].to_dict(),
    "worst": quedas.min().to_dict(),
    "worst_days": {name: str(day.date()) for name, day in quedas.idxmin().items()},
    "january": mensal.loc["2024-01"].to_dict(),
    "first_month": mensal.iloc[0].isna().all().item(),
    "traded": mais_negociados["ticker"].tolist(),
}))
"""


def traded(ticker: str, n: int) -> float:
    """The close as it was traded at the n-th session: of twice the money before the split."""
    return CLOSES[ticker](n) * (2 if ticker == "PETR4" and WEEKDAYS[n] < SPLIT_DAY else 1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder as `make up` leaves it, of a lake with four tickers, a split and the CDI."""
    bucket = tmp_path / ".lake/kept/objects/123456789012/tech-challenge2-dev-raw-123456789012"
    rows = [
        {
            **dict.fromkeys(HISTORY_SCHEMA.names),
            "ticker": ticker,
            "trade_date": day,
            "close_price": traded(ticker, n),
            "adj_close_price": close(n),
            "total_volume": 10_000_000,
            "dividends": 0.0,
            "stock_splits": 2.0 if (ticker, day) == ("PETR4", SPLIT_DAY) else 0.0,
        }
        for ticker, close in CLOSES.items()
        for n, day in enumerate(WEEKDAYS)
    ]
    for year in (2023, 2024):
        part = [row for row in rows if row["trade_date"].year == year]
        write(bucket / HISTORY_PREFIX / f"year={year}/data.parquet", pa.Table.from_pylist(part, HISTORY_SCHEMA))
    rates = [{"series": "CDI", "day": day, "value": CDI, "unit": "% a day"} for day in WEEKDAYS]
    write(bucket / table_key(RATES_PREFIX), pa.Table.from_pylist(rates, RATES_SCHEMA))
    return tmp_path


def write(file: Path, table: pa.Table) -> None:
    file.parent.mkdir(parents=True)
    pq.write_table(table, file)
    (file.parent / f"{file.name}.meta.json").write_text(json.dumps({"size": file.stat().st_size}), encoding="utf-8")


def run(home: Path) -> dict:
    """The notebook's variables after all of its cells have run in `home`."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(SHOWN))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(home)}}).execute()
    text = "".join(output.get("text", "") for output in notebook.cells[-1]["outputs"])
    return json.loads(text.removeprefix("shown:"))


@pytest.mark.slow
def test_it_shows_what_the_lake_holds(home: Path) -> None:
    shown = run(home)
    last = len(WEEKDAYS) - 1
    assert shown["events"] == [[SPLIT_DAY.isoformat(), 2.0]]
    over = {ticker: 100 * close(last) / close(0) for ticker, close in CLOSES.items()}
    over["CDI"] = 100 * (1 + CDI / 100) ** last
    assert shown["over"] == pytest.approx(over)
    falls = {ticker: [100 * (close(n) / max(map(close, range(n + 1))) - 1) for n in range(last + 1)]
             for ticker, close in CLOSES.items()}  # fmt: skip
    assert shown["worst"] == pytest.approx({ticker: min(each) for ticker, each in falls.items()})
    worst_days = {ticker: WEEKDAYS[each.index(min(each))].isoformat() for ticker, each in falls.items()}
    assert shown["worst_days"] == worst_days
    december = max(n for n, day in enumerate(WEEKDAYS) if day.year == 2023)
    january = max(n for n, day in enumerate(WEEKDAYS) if (day.year, day.month) == (2024, 1))
    returns = {ticker: 100 * (close(january) / close(december) - 1) for ticker, close in CLOSES.items()}
    assert shown["january"] == pytest.approx(returns)
    assert shown["first_month"] is True
    money = {ticker: sum(traded(ticker, n) for n in range(last + 1)) for ticker in CLOSES if ticker != "IBOV"}
    assert shown["traded"] == sorted(money, key=money.get, reverse=True)


def test_it_is_stored_executed() -> None:
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"execute_result", "display_data"}
    assert sum("image/png" in output.data for output in outputs) == 3
