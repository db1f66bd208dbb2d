"""The views of a ticker in a real Chromium: prices, comparison, falls, months, and what is downloaded of them."""

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from selenium.webdriver.common.keys import Keys

from b3lake.report.read_lake import EVENTS, INSTRUMENTS, RATES
from tests.ask.browser import Page, chromium
from tests.ask.page_data import CALENDAR, invent_history, write_invented

pytestmark = pytest.mark.slow

SESSIONS = CALENDAR[-1600:]
TICKERS = ["HGLG11", "IBOV", "PETR4", "VALE3"]
OPENED_MS = 3000
DASH = "\u2013"
PNG = b"\x89PNG\r\n\x1a\n"
NAMES = [
    {"ticker": "PETR4", "name": "PETROBRAS", "kind": "share", "spec": "PN      N2"},
    {"ticker": "VALE3", "name": "VALE", "kind": "share", "spec": "ON      NM"},
    {"ticker": "HGLG11", "name": "FII HGLG PÁTRIA", "kind": "FII", "spec": "CI"},
]


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Six years of four tickers; VALE3 was not quoted for two years of them."""
    rows = invent_history(TICKERS, len(SESSIONS))
    pause = (rows["ticker"] == "VALE3") & rows["trade_date"].between(SESSIONS[300], SESSIONS[800])
    return rows[~pause]


@pytest.fixture(scope="module")
def file(history: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    jcp = {"ticker": "PETR4", "ex_date": SESSIONS[28], "kind": "jcp", "value": 0.31, "payment_date": SESSIONS[40]}
    html = write_invented(
        history,
        source="synthetic",
        lake_tickers=420,
        instruments=pa.Table.from_pylist(NAMES, INSTRUMENTS),
        events=pa.Table.from_pylist([jcp], EVENTS),
        rates=pa.Table.from_pylist([{"day": day, "value": 0.04} for day in SESSIONS], RATES),
    )
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(html, "utf-8")
    return path


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(tab: Page, file: Path) -> Iterator[Page]:
    tab.open(file, "#PETR4")
    tab.wait_for_chart("PETR4")
    yield tab
    tab.run("localStorage.clear()")
    assert tab.complaints() == []


def click(page: Page, selector: str) -> None:
    page.run("document.querySelector(arguments[0]).click()", selector)


def view(page: Page, name: str) -> None:
    click(page, f"#views [data-name={name}]")
    if name != "months":
        page.wait(lambda: page.run("return document.getElementById('chart').dataset.view") == name)


def traces(page: Page) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in page.run("return document.getElementById('chart').data")}


def all_of_it(page: Page) -> dict[str, dict[str, Any]]:
    """The traces once the whole history is drawn."""
    click(page, "[data-span=all]")
    page.wait(lambda: page.run("return document.getElementById('chart').layout.xaxis.range[0]") == -0.5)
    return traces(page)


def of(history: pd.DataFrame, ticker: str) -> pd.DataFrame:
    return history[history["ticker"] == ticker].reset_index(drop=True)


def saved(page: Page, button: str, folder: Path) -> Path:
    """The file that the browser downloads at a click on `button`."""
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    click(page, button)
    page.wait(lambda: [each for each in folder.iterdir() if not each.name.endswith((".crdownload", ".tmp"))])
    [path] = folder.iterdir()
    page.wait(lambda: path.stat().st_size > 0)
    return path


def test_as_traded_or_adjusted(page: Page, history: pd.DataFrame) -> None:
    click(page, "#adjusting [data-name=traded]")
    rows = of(history, "PETR4")
    weeks = all_of_it(page)["candles"]
    assert max(weeks["high"]) == rows["high_price"].max()
    click(page, "#adjusting [data-name=adjusted]")
    page.wait(lambda: max(traces(page)["candles"]["high"]) != rows["high_price"].max())
    assert max(traces(page)["candles"]["high"]) == pytest.approx((rows["high_price"] * rows["adj_factor"]).max())


def test_too_many_days_are_drawn_as_weeks(page: Page, history: pd.DataFrame) -> None:
    assert len(traces(page)["candles"]["x"]) < 140, "half a year of days"
    candles = all_of_it(page)["candles"]
    weeks = pd.to_datetime(of(history, "PETR4")["trade_date"]).dt.to_period("W").nunique()
    assert len(candles["x"]) == weeks < 520
    assert page.text("#seen") == "1.600 pregões, em semanas"
    assert page.text("#readout").startswith("Semana de ")


def test_logarithmic_scale(page: Page) -> None:
    click(page, "#looks [data-name=log]")
    page.wait(lambda: page.run("return document.getElementById('chart').layout.yaxis.type") == "log")
    click(page, "#looks [data-name=log]")
    page.wait(lambda: page.run("return document.getElementById('chart').layout.yaxis.type") == "linear")


def test_dividends_and_splits_are_marked_and_told(page: Page, history: pd.DataFrame) -> None:
    marks = all_of_it(page)["events"]
    rows = of(history, "PETR4")
    happens = rows.index[(rows["dividends"] > 0) | (rows["stock_splits"] > 0)].tolist()
    assert marks["x"] == happens
    assert [marks["text"][happens.index(at)] for at in (28, 50, 57)] == ["J", "S", "D"]
    page.run("document.getElementById('from-day').value = arguments[0]", f"{SESSIONS[20]}")
    page.run("document.getElementById('from-day').dispatchEvent(new Event('change'))")
    page.run("document.getElementById('to-day').value = arguments[0]", f"{SESSIONS[28]}")
    page.run("document.getElementById('to-day').dispatchEvent(new Event('change'))")
    assert "JCP R$ 0,3100 (pago em " in page.text("#readout")
    page.run("document.getElementById('to-day').value = arguments[0]", f"{SESSIONS[50]}")
    page.run("document.getElementById('to-day').dispatchEvent(new Event('change'))")
    assert "Desdobramento 1:2" in page.text("#readout")
    click(page, "#looks [data-name=marks]")
    page.wait(lambda: traces(page)["events"]["x"] == [])


def test_averages_are_chosen(page: Page) -> None:
    def shown() -> list[str]:
        return [name for name in traces(page) if name.startswith("average")]

    assert shown() == ["average20", "average200"]
    click(page, "#averages [data-name='5']")
    click(page, "#averages [data-name='200']")
    page.wait(lambda: shown() == ["average5", "average20"])


def test_a_pause_of_years_is_not_joined(page: Page, history: pd.DataFrame) -> None:
    click(page, "tr[data-ticker=VALE3] a")
    page.wait_for_chart("VALE3")
    line = all_of_it(page)["average20"]
    candles = traces(page)["candles"]
    assert [x for x in candles["x"] if 300 <= x <= 800] == [], "the pause is as wide as it was long"
    hole = next(at for at, x in enumerate(line["x"]) if x > 800)
    assert line["y"][hole] is None
    assert line["y"][hole + 1 : hole + 20] == [None] * 19, "an average begins anew"
    view(page, "compare")
    line = traces(page)["VALE3"]
    assert line["y"][next(at for at, x in enumerate(line["x"]) if x > 800)] is None


def test_comparison_with_index_cdi_and_another(page: Page, history: pd.DataFrame) -> None:
    view(page, "compare")
    assert [name.rstrip("\u00d7") for name in page.texts("#compared span")] == ["PETR4", "IBOV", "CDI"]
    day = SESSIONS[1000]
    page.run("document.getElementById('from-day').value = arguments[0]", f"{day}")
    page.run("document.getElementById('from-day').dispatchEvent(new Event('change'))")
    page.wait(lambda: traces(page)["CDI"]["x"][0] == 1000)
    page.run("const s = document.getElementById('adder'); s.value = 'HGLG11'; s.dispatchEvent(new Event('change'))")
    page.wait(lambda: list(traces(page)) == ["PETR4", "IBOV", "CDI", "HGLG11"])
    lines = traces(page)
    for ticker in ("PETR4", "IBOV", "HGLG11"):
        closes = of(history, ticker)["adj_close_price"].iloc[1000:]
        assert lines[ticker]["y"] == pytest.approx((closes / closes.iloc[0] - 1).tolist())
    assert lines["CDI"]["y"] == pytest.approx([1.0004**days - 1 for days in range(600)])
    click(page, "#compared button[aria-label='Tirar CDI da comparação']")
    page.wait(lambda: list(traces(page)) == ["PETR4", "IBOV", "HGLG11"])
    assert page.text("#readout").startswith(f"{day:%d/%m/%Y} {DASH} {SESSIONS[-1]:%d/%m/%Y}")


def test_falls_from_the_peak(page: Page, history: pd.DataFrame) -> None:
    view(page, "drawdown")
    closes = of(history, "PETR4")["adj_close_price"]
    falls = closes / closes.cummax() - 1
    drawn = all_of_it(page)
    assert drawn["falls"]["y"] == pytest.approx(falls.tolist())
    assert drawn["deepest"]["x"] == [int(falls.idxmin())]
    said = page.run("return document.getElementById('chart').layout.annotations[0].text")
    assert f"a {SESSIONS[int(falls.idxmin())]:%d/%m/%Y}" in said


def test_months_by_year(page: Page, history: pd.DataFrame) -> None:
    view(page, "months")
    rows = of(history, "PETR4")
    ends = rows.groupby(pd.to_datetime(rows["trade_date"]).dt.to_period("M"))["adj_close_price"].last()
    change = 100 * ends.pct_change()
    first = page.texts("#months tbody tr:first-child > *")
    assert first[0] == "2024"
    january = f"{abs(change['2024-01']):.1f}".replace(".", ",")
    assert first[1].lstrip("+\u2212") == january
    assert first[3:13] == [""] * 10, "months to come"
    assert page.run("return document.getElementById('frame').offsetParent") is None
    click(page, "tr[data-ticker=VALE3] a")
    page.wait(lambda: page.text("#ticker") == "VALE3")
    after = SESSIONS[801]
    rows = "[...document.querySelectorAll('#months tbody tr')]"
    cells = page.run(f"return {rows}.map((row) => [...row.children].map((cell) => cell.textContent))")
    year = next(row for row in cells if row[0] == f"{after.year}")
    assert year[after.month] == "", "no return is said of the month after the pause"
    assert year[after.month + 1] != ""


def test_names_and_kinds_find_a_ticker(page: Page) -> None:
    assert page.text("#who") == "PETROBRAS · PN · Ação"
    by = {"petrobras": ["PETR4"], "patria fii": ["HGLG11"], "vale3": ["VALE3"], "ibovespa": ["IBOV"], "": TICKERS}
    for wanted, found in by.items():
        page.run("document.getElementById('filter').value = arguments[0]", wanted)
        page.run("document.getElementById('filter').dispatchEvent(new Event('input'))")
        assert page.tickers() == found
    assert page.texts("#kind option") == ["Todos os tipos", "Índice", "Ação", "FII"]
    page.one("#kind option[value=FII]").click()
    assert page.tickers() == ["HGLG11"]


def test_it_says_how_much_of_the_lake_it_shows(page: Page, history: pd.DataFrame) -> None:
    assert page.text("#part").startswith("Mostra 4 dos 420 ativos do data lake.")
    assert "4 de 420 ativos" in page.text("#state")


def test_the_index_is_in_points_and_has_no_value_traded(page: Page) -> None:
    click(page, "tr[data-ticker=IBOV] a")
    page.wait_for_chart("IBOV")
    assert page.text("#price").endswith(" pts")
    assert page.texts("tr[data-ticker=IBOV] td")[5] == DASH
    assert "R$" not in page.text("#figures")


def test_what_is_seen_is_saved_as_csv(page: Page, history: pd.DataFrame, tmp_path: Path) -> None:
    click(page, "[data-span=month]")
    page.wait(lambda: len(traces(page)["candles"]["x"]) < 30)
    path = saved(page, "#save-table", tmp_path)
    assert path.name == f"PETR4-precos-2024-01-15-{SESSIONS[-1]}.csv"
    table = list(csv.DictReader(path.read_text("utf-8-sig").splitlines(), delimiter=";"))
    rows = of(history, "PETR4")
    rows = rows[rows["trade_date"] >= dt.date(2024, 1, 15)]
    assert [row["data"] for row in table] == [f"{day}" for day in rows["trade_date"]]
    assert [float(row["fechamento"].replace(",", ".")) for row in table] == pytest.approx(
        rows["adj_close_price"].tolist(), abs=1e-4
    )


@pytest.mark.parametrize("name", ["price", "compare", "drawdown", "months"])
def test_every_view_is_saved_as_picture_and_table(page: Page, tmp_path: Path, name: str) -> None:
    view(page, name)
    pictures, tables = tmp_path / "png", tmp_path / "csv"
    pictures.mkdir()
    tables.mkdir()
    picture = saved(page, "#save-picture", pictures)
    page.wait(lambda: picture.stat().st_size > 5000)
    assert picture.read_bytes().startswith(PNG)
    lines = saved(page, "#save-table", tables).read_text("utf-8-sig").splitlines()
    assert len(lines) > 5
    assert len({line.count(";") for line in lines}) == 1


def test_by_keyboard(page: Page) -> None:
    page.run("document.body.focus()")
    page.one("body").send_keys("/")
    assert page.run("return document.activeElement.id") == "filter"
    page.one("#frame").send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert f"{SESSIONS[-3]:%d/%m/%Y}" in page.text("#readout")
    page.one("#frame").send_keys(Keys.SHIFT, Keys.ARROW_LEFT)
    assert f"{SESSIONS[-13]:%d/%m/%Y}" in page.text("#readout")
    page.one("#frame").send_keys(Keys.NULL, Keys.END)
    assert f"{SESSIONS[-1]:%d/%m/%Y}" in page.text("#readout")


def test_ten_years_of_fifty_tickers_open_within_three_seconds(tab: Page, tmp_path: Path) -> None:
    rows = invent_history([f"TICK{number}" for number in range(50)], 2500)
    path = tmp_path / "page.html"
    path.write_text(write_invented(rows), "utf-8")
    tab.open(path)
    tab.wait(lambda: tab.run("return document.body.dataset.opened"))
    assert len(tab.tickers()) == 50
    assert float(tab.run("return document.body.dataset.opened")) < OPENED_MS
