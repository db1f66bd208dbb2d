"""The page on a telephone, with hostile texts, with little or nothing to show, and in an old browser."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ask.browser import Page, chromium
from tests.ask.page_data import invent_history, write_invented

pytestmark = pytest.mark.slow

HOSTILE = [
    "<script>window.hacked=1</script>",
    "</script><img src=x onerror=window.hacked=1>",
    "<b>BOLD3</b>",
    '"onclick="window.hacked=1',
    "%00%zz",
]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile"), width=390, height=844, telephone=True) as page:
        yield page


@pytest.fixture
def page(tab: Page) -> Iterator[Page]:
    yield tab
    tab.run("localStorage.clear()")
    assert tab.complaints() == []


def write(folder: Path, html: str) -> Path:
    path = folder / "page.html"
    path.write_text(html, "utf-8")
    return path


def is_seen(page: Page, selector: str) -> bool:
    return page.run("return document.querySelector(arguments[0]).offsetParent !== null", selector)


def touch(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    def send(kind: str, *points: tuple[float, float]) -> None:
        event = {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
        page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    send("touchStart", start)
    for step in range(1, 9):
        send("touchMove", *[tuple(a + (b - a) * step / 8 for a, b in zip(start, end, strict=True))])
        time.sleep(0.02)
    send("touchEnd")


def test_a_telephone_shows_the_list_then_the_ticker(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, write_invented(invent_history(["PETR4", "VALE3"], 70))))
    assert is_seen(page, "#overview")
    assert not is_seen(page, "#detail")
    assert page.run("return typeof window.Plotly") == "undefined", "no chart is read before one is asked for"
    assert page.run("return document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out sideways"
    page.one("tr[data-ticker=VALE3]").click()
    page.wait_for_chart("VALE3")
    assert not is_seen(page, "#overview")
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    page.one("#back").click()
    page.wait(lambda: is_seen(page, "#overview"))
    assert not is_seen(page, "#detail")


def test_a_telephone_sorts_with_a_list(page: Page, tmp_path: Path) -> None:
    history = invent_history(["ABEV3", "PETR4", "VALE3"], 30)
    page.open(write(tmp_path, write_invented(history)))
    page.one("#sorter option[value=valueDown]").click()
    typical = (history["high_price"] + history["low_price"] + history["close_price"]) / 3
    last = history.assign(value=typical * history["total_volume"]).groupby("ticker").tail(1)
    expected = last.sort_values("value", ascending=False)["ticker"].tolist()
    assert page.tickers() == expected


def test_a_finger_scrolls_the_page_over_the_chart_and_reads_it_sideways(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, write_invented(invent_history(["PETR4"], 70))), "#PETR4")
    page.wait_for_chart("PETR4")
    page.run("document.getElementById('chart').scrollIntoView()")
    newest = page.text("#readout")
    top = round(page.run("return document.getElementById('chart').getBoundingClientRect().top"))
    touch(page, (300, top + 50), (60, top + 54))
    assert page.text("#readout") != newest
    before = page.run("return scrollY")
    touch(page, (150, top + 50), (150, top + 300))
    page.wait(lambda: page.run("return scrollY") < before - 100)


def test_text_from_data_stays_text(page: Page, tmp_path: Path) -> None:
    history = invent_history(HOSTILE, 6)
    path = write(tmp_path, write_invented(history, source="<img src=x onerror=window.hacked=1>"))
    page.open(path)
    assert sorted(page.tickers()) == sorted(HOSTILE)
    for ticker in HOSTILE:
        page.run("document.querySelectorAll('#overview tbody tr')[arguments[0]].click()", page.tickers().index(ticker))
        page.wait_for_chart(ticker)
        assert page.text("#ticker") == ticker
        page.run("location.hash = ''")
        page.wait(lambda: is_seen(page, "#overview"))
    assert page.run("return window.hacked === undefined && document.images.length === 0")
    assert page.run("return document.querySelectorAll('script').length") == 4, "three of the page, and plotly.js"
    assert "<img src=x onerror=window.hacked=1>" in page.text("#state")


def test_invented_quotes_are_said_loudly(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, write_invented(invent_history(["PETR4"], 3), source="synthetic")))
    assert is_seen(page, "#synthetic")
    assert page.text("#synthetic strong") == "Dados sintéticos"
    assert page.run("return document.getElementById('synthetic').getBoundingClientRect().top") == 0


def test_an_empty_lake_says_what_to_do(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, write_invented(invent_history(["PETR4"], 2)[:0], language="en")))
    assert page.text("#empty h2") == "The lake is still empty"
    assert page.text("#empty pre") == "make ingest\nmake report"
    assert not is_seen(page, "#content")


def test_one_ticker_with_one_session(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, write_invented(invent_history(["PETR4"], 1))), "#PETR4")
    page.wait_for_chart("PETR4")
    assert page.text("#change") == "\u2013"
    assert page.texts("#overview tbody td")[2:5] == ["\u2013"] * 3
    assert page.run("return document.getElementById('from').disabled") is True


def test_gaps_are_listed(page: Page, tmp_path: Path) -> None:
    history = invent_history(["PETR4", "VALE3"], 10)
    days = sorted(history["trade_date"].unique())
    lone = (history["ticker"] == "VALE3") & (history["trade_date"] == days[4])
    page.open(write(tmp_path, write_invented(history[~lone & (history["trade_date"] != days[7])])))
    gaps = "return document.querySelector('#state div:nth-child(3) dd').innerText.split('\\n')"
    assert page.run(gaps) == ["2 no total", "1 sem nenhum ativo, 1 de um só ativo"]
    assert page.texts("#gaps li") == [f"Todos os ativos: {days[7]:%d/%m/%Y}", f"VALE3: {days[4]:%d/%m/%Y}"]


def test_a_browser_that_cannot_unpack_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, write_invented(invent_history(["PETR4"], 3)))
    with chromium(tmp_path / "profile") as page:
        source = {"source": "delete window.DecompressionStream"}
        page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
        page.open(path)
        page.wait(lambda: is_seen(page, "#old"))
        assert "atualize-o" in page.text("#old")
