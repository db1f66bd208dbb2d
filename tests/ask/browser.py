"""A real headless Chromium, and what the tests of the page do in it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
WAIT_SECONDS = 20


class Page:
    """One tab of a Chromium on one page."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, path: Path, fragment: str = "") -> "Page":
        self.driver.get("about:blank")  # another fragment alone would not load the file anew
        self.driver.get(path.as_uri() + fragment)
        return self

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        return self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)

    def text(self, selector: str) -> str:
        [text] = self.texts(selector)
        return text

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], object]) -> None:
        WebDriverWait(self.driver, WAIT_SECONDS, 0.05).until(lambda _: condition())

    def wait_for_chart(self, ticker: str) -> None:
        self.wait(lambda: self.run("return document.getElementById('chart').dataset.drawn") == ticker)

    def tickers(self) -> list[str]:
        return self.texts("#overview tbody td.ticker a")

    def complaints(self) -> list[str]:
        """The messages in the browser's console: errors, refusals of the content policy, warnings."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def prefer(self, scheme: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


@contextmanager
def chromium(folder: Path, *, width: int = 1400, height: int = 1000, telephone: bool = False) -> Iterator[Page]:
    """A Chromium with a new profile in `folder`; the test is skipped where it is not installed."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("needs Chromium: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = browser
    for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if telephone:
        screen = {"width": width, "height": height, "pixelRatio": 2.0, "touch": True}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": screen})
    opened = webdriver.Chrome(options, Service(driver))
    try:
        page = Page(opened)
        page.prefer("light")
        yield page
    finally:
        opened.quit()
