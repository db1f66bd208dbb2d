"""Fixtures of the ingestion's tests: a stand-in that the real yfinance asks, and a bucket."""

from collections.abc import Iterator

import pytest
import yfinance
from ingest import yahoo

from local.fetch_from_standin import point_yfinance_at
from local.yahoo_standin import StandIn, serving


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A stand-in for Yahoo that this process's yfinance asks, and asks nobody else."""
    for module in (yfinance.base, yfinance.scrapers.history):
        monkeypatch.setattr(module, "_BASE_URL_", module._BASE_URL_)
    monkeypatch.setattr(yfinance.data.YfData, "_get_cookie_and_crumb", None)
    yfinance.data.YfData.cache_get.cache_clear()
    yahoo.prepare()
    served = StandIn()
    with serving(served) as url:
        point_yfinance_at(url)
        yield served
