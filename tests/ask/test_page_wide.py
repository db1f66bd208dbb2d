"""The page in a real Chromium, on a wide screen."""

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.ask.browser import Page, chromium
from tests.ask.page_data import CALENDAR, invent_history, write_invented

pytestmark = pytest.mark.slow

TICKERS = ["ABEV3", "HAPV3", "IBOV", "PETR4", "VALE3"]
MINUS, DASH = "\u2212", "\u2013"


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """150 sessions of five tickers; HAPV3 has the last three only, so that it has no average."""
    rows = invent_history(TICKERS, 150)
    young = (rows["ticker"] == "HAPV3") & (rows["trade_date"] < sorted(rows["trade_date"].unique())[-3])
    return rows[~young]


@pytest.fixture(scope="module")
def file(history: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(write_invented(history), "utf-8")
    return path


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(tab: Page, file: Path) -> Iterator[Page]:
    tab.open(file)
    yield tab
    tab.run("localStorage.clear()")
    assert tab.complaints() == []


@pytest.fixture
def charted(page: Page) -> Page:
    page.wait_for_chart("ABEV3")
    return page


def last_rows(history: pd.DataFrame) -> pd.DataFrame:
    """The last row of each ticker with what the overview says of it; adjusted, as the closes before it are."""
    by_ticker = history.groupby("ticker")
    average = by_ticker["adj_close_price"].transform(lambda prices: prices.rolling(5).mean())
    typical = (history["high_price"] + history["low_price"] + history["close_price"]) / 3
    rows = history.assign(
        delta=by_ticker["adj_close_price"].diff(),
        change=by_ticker["adj_close_price"].pct_change(),
        distance=history["adj_close_price"] / average - 1,
        value=(typical * history["total_volume"]).where(history["ticker"] != "IBOV"),
    )
    return rows.groupby("ticker").tail(1).set_index("ticker")


def brazilian(value: float, *, sign: bool = False) -> str:
    text = f"{abs(value):,.2f}".translate(str.maketrans(",.", ".,"))
    plus = "+" if sign and round(value, 2) > 0 else ""
    return (MINUS if round(value, 2) < 0 else plus) + text


def test_overview_shows_the_last_row_of_each_ticker(page: Page, history: pd.DataFrame) -> None:
    last = last_rows(history).loc["PETR4"]
    cells = page.texts("tr[data-ticker=PETR4] td")
    arrow = "▲ " if last["delta"] > 0 else "▼ "
    assert cells[:5] == [
        "PETR4",
        brazilian(last["close_price"]),
        brazilian(last["delta"], sign=True),
        f"{arrow}{brazilian(100 * last['change'], sign=True)}%",
        f"{brazilian(100 * last['distance'], sign=True)}%",
    ]
    value = last["value"]
    unit, divisor = ("bi", 1e9) if value >= 999_950_000 else ("mi", 1e6)
    assert cells[5] == f"R$ {value / divisor:.1f}\u00a0{unit}".replace(".", ",")
    assert page.run("return document.querySelectorAll('tr[data-ticker=PETR4] svg path').length") == 1


@pytest.mark.parametrize("column", ["close", "delta", "change", "distance", "value"])
def test_a_click_on_a_heading_sorts(page: Page, history: pd.DataFrame, column: str) -> None:
    names = {"close": "close_price"}
    values = last_rows(history)[names.get(column, column)]
    falling = values.sort_values(ascending=False, na_position="last").index.tolist()
    rising = values.sort_values(na_position="last").index.tolist()
    page.one(f"th [data-column={column}]").click()
    assert page.tickers() == falling
    page.one(f"th [data-column={column}]").click()
    assert page.tickers() == rising
    assert page.run("return document.querySelector('th[aria-sort]').textContent") == page.text(
        f"[data-column={column}]"
    )


def test_names_sort_too(page: Page) -> None:
    assert page.tickers() == TICKERS
    page.one("th [data-column=ticker]").click()
    assert page.tickers() == TICKERS[::-1]


def test_filter_keeps_what_matches(page: Page) -> None:
    page.one("#filter").send_keys(" v3 ")
    assert page.tickers() == ["ABEV3", "HAPV3"]
    assert page.text("#count") == "2 de 5"
    page.one("#filter").send_keys("x")
    assert page.tickers() == []
    assert page.text("#nothing") == "Nenhum ativo contém “v3 x”."
    page.one("#filter").send_keys(Keys.CONTROL, "a", Keys.BACKSPACE)
    assert page.tickers() == TICKERS


def test_choosing_a_ticker_draws_its_rows(page: Page, history: pd.DataFrame) -> None:
    page.one("tr[data-ticker=VALE3] td.close").click()
    page.wait_for_chart("VALE3")
    rows = history[history["ticker"] == "VALE3"]
    page.one("[data-span=all]").click()
    page.wait(lambda: len(page.run("return document.getElementById('chart').data[0].x")) == 150)
    traces = {trace["name"]: trace for trace in page.run("return document.getElementById('chart').data")}
    for name, column in {
        "open": "open_price",
        "high": "high_price",
        "low": "low_price",
        "close": "close_price",
    }.items():
        assert traces["candles"][name] == pytest.approx((rows[column] * rows["adj_factor"]).tolist())
    mean = rows["adj_close_price"].rolling(20).mean()
    assert traces["average20"]["y"][:19] == [None] * 19
    assert traces["average20"]["y"][19:] == pytest.approx(mean.tolist()[19:])
    typical = (rows["high_price"] + rows["low_price"] + rows["close_price"]) / 3
    assert traces["amount"]["y"] == pytest.approx((typical * rows["total_volume"]).tolist())
    assert traces["below"]["y"] == [None, *map(pytest.approx, rows["adj_close_price"].pct_change().tolist()[1:])]
    assert page.text("#ticker") == "VALE3"
    assert page.text("#price") == f"R$ {brazilian(rows['close_price'].iloc[-1])}"
    assert page.run("return location.hash") == "#VALE3"
    assert page.run("return document.querySelector('[aria-current=true]').dataset.ticker") == "VALE3"
    page.driver.back()
    page.wait(lambda: page.run("return location.hash") == "")


def test_an_index_is_in_points(page: Page, history: pd.DataFrame) -> None:
    page.one("tr[data-ticker=IBOV] a").click()
    page.wait_for_chart("IBOV")
    assert page.text("#price") == f"{brazilian(last_rows(history).loc['IBOV', 'close_price'])} pts"


def test_a_ticker_without_an_average_has_a_chart(page: Page) -> None:
    page.one("tr[data-ticker=HAPV3] a").click()
    page.wait_for_chart("HAPV3")
    figures = dict(zip(page.texts("#figures dt"), page.texts("#figures dd"), strict=True))
    assert (figures["No ano"], figures["12 meses"]) == (DASH, DASH)
    assert page.texts("tr[data-ticker=HAPV3] td")[4] == DASH
    traces = {trace["name"]: trace for trace in page.run("return document.getElementById('chart').data")}
    assert traces["average20"]["y"] == [None, None, None]


def shown_range(page: Page) -> list[float]:
    return page.run("return document.getElementById('chart').layout.xaxis.range")


def up_to(day: str) -> int:
    """The position of the last session up to `day`, among the 150 of the page."""
    return sum(f"{session}" <= day for session in CALENDAR[-150:]) - 1


HALF, MONTH = up_to("2023-08-15"), up_to("2024-01-15")  # before the newest session, 2024-02-15


def day(history: pd.DataFrame, position: int) -> str:
    return f"{sorted(history['trade_date'].unique())[position]:%d/%m/%Y}"


def test_range_buttons(charted: Page, history: pd.DataFrame) -> None:
    page = charted
    assert shown_range(page) == [HALF - 0.5, 149.5]  # half a year at first
    page.one("[data-span=month]").click()
    page.wait(lambda: shown_range(page) == [MONTH - 0.5, 149.5])
    assert page.text("#seen") == f"{150 - MONTH} pregões"
    assert page.run("return document.getElementById('from-day').value") == f"{CALENDAR[-150:][MONTH]}"
    low, high = page.run("return document.getElementById('chart').layout.yaxis.range")
    rows = history[history["ticker"] == "ABEV3"]
    average = rows["adj_close_price"].rolling(20).mean().tail(150 - MONTH)
    lows = (rows["low_price"] * rows["adj_factor"]).tail(150 - MONTH)
    highs = (rows["high_price"] * rows["adj_factor"]).tail(150 - MONTH)
    least, most = min(lows.min(), average.min()), max(highs.max(), average.max())
    assert least - 1 < low < least
    assert most < high < most + 1
    spans = page.run("return [...document.querySelectorAll('#spans button')].map((e) => e.dataset.span)")
    assert spans == ["month", "quarter", "half", "ytd", "all"], "no year: the lake has less than one"
    page.one("[data-span=all]").click()
    page.wait(lambda: shown_range(page) == [-0.5, 149.5])
    assert page.run("return document.querySelector('#spans [aria-pressed=true]').dataset.span") == "all"


def test_slider_moves_by_single_sessions(charted: Page, history: pd.DataFrame) -> None:
    page = charted
    page.one("#from").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    page.one("#to").send_keys(Keys.ARROW_LEFT)
    page.wait(lambda: shown_range(page) == [HALF + 1.5, 148.5])
    assert page.run("return document.getElementById('to').getAttribute('aria-valuetext')") == day(history, -2)
    page.one("#to").send_keys(Keys.HOME)  # to the left of the other end: it stops there
    page.wait(lambda: shown_range(page) == [HALF + 1.5, HALF + 2.5])
    page.one("#from").send_keys(Keys.END)
    page.wait(lambda: shown_range(page) == [HALF + 1.5, HALF + 2.5])
    assert page.run("return document.getElementById('from').value") == f"{HALF + 2}"


def test_dragging_zooms_and_a_double_click_shows_all(charted: Page) -> None:
    page = charted
    frame = page.one("#frame")
    ActionChains(page.driver).move_to_element_with_offset(frame, -100, -60).click_and_hold().move_by_offset(
        100, 0
    ).move_by_offset(100, 0).release().perform()
    page.wait(lambda: shown_range(page) != [HALF - 0.5, 149.5])
    start, end = shown_range(page)
    assert HALF - 0.5 < start < end < 149.5
    assert start % 1 == end % 1 == 0.5
    time.sleep(0.4)  # plotly.js takes a click within 300 ms of another for a double one
    ActionChains(page.driver).move_to_element_with_offset(frame, 0, -60).double_click().perform()
    page.wait(lambda: shown_range(page) == [-0.5, 149.5])


def test_pointing_reads_a_session(charted: Page, history: pd.DataFrame) -> None:
    page = charted
    page.one("[data-span=month]").click()
    page.wait(lambda: shown_range(page) == [MONTH - 0.5, 149.5])
    frame = page.one("#frame")
    left, right, count = 18, 62, 150 - MONTH
    at = MONTH + count // 2
    middle = left + (frame.rect["width"] - left - right) * (count // 2 + 0.5) / count - frame.rect["width"] / 2
    ActionChains(page.driver).move_to_element_with_offset(frame, round(middle), -60).perform()
    rows = history[history["ticker"] == "ABEV3"]
    row = rows.iloc[at]
    readout = page.text("#readout")
    assert day(history, at - 150) in readout
    assert f"Fec {brazilian(row['adj_close_price'])}" in readout
    assert f"Var {brazilian(100 * rows['adj_close_price'].pct_change().iloc[at], sign=True)}%" in readout
    assert readout.endswith(f"MM20 {brazilian(rows['adj_close_price'].rolling(20).mean().iloc[at])}MM200 {DASH}")


def test_language_switch(charted: Page, history: pd.DataFrame) -> None:
    page = charted
    page.one("[data-language=en]").click()
    last = last_rows(history).loc["PETR4"]
    assert page.text("h1") == "B3 quotes lake"
    assert page.texts("tr[data-ticker=PETR4] td")[1] == f"{last['close_price']:,.2f}"
    assert page.run("return document.documentElement.lang") == "en"
    newest: dt.date = history["trade_date"].max()
    assert page.text("#day") == f"{newest:%b %d, %Y}"
    assert page.run("return document.getElementById('chart').layout.annotations[1].text") == "Daily change"
    page.driver.refresh()
    page.wait_for_chart("ABEV3")
    assert page.text("h1") == "B3 quotes lake", "the choice is remembered"
    page.one("[data-language=pt]").click()
    assert page.text("h1") == "Data lake de cotações da B3"


def test_dark_mode_follows_the_system_and_the_button(charted: Page) -> None:
    page = charted

    def background() -> str:
        return page.run("return getComputedStyle(document.documentElement).backgroundColor")

    def candles() -> str:
        return page.run("return document.getElementById('chart').data[0].increasing.line.color")

    light, light_candles = background(), candles()
    page.prefer("dark")
    page.wait(lambda: candles() != light_candles)
    dark = background()
    assert dark != light
    page.one("#theme").click()
    page.wait(lambda: candles() == light_candles)
    assert background() == light
    page.prefer("light")
    assert background() == light


def test_state_of_the_lake(page: Page, history: pd.DataFrame) -> None:
    names, values = (
        page.texts("#state dt"),
        page.run("return [...document.querySelectorAll('#state dd')].map((e) => e.firstChild.textContent)"),
    )
    state = dict(zip(names, values, strict=True))
    assert state["Pregões"] == "150"
    assert state["Nesta página"] == "5 ativos, todos"
    assert state["Lacunas"] == "Nenhuma"
    assert state["Atualidade"] == "Em dia"
    assert state["Fonte"] == "yahoo"
    assert page.run("return document.getElementById('synthetic').hidden") is True


def test_nothing_is_fetched(page: Page) -> None:
    assert page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)") == []
