"""Where the sources answer, and what their rows are called."""

from pathlib import Path

import pytest

from b3lake.ingest.sources.b3 import B3Source
from b3lake.ingest.sources.settings import read_source_settings
from b3lake.ingest.sources.yahoo import YahooSource
from b3lake.ingest.sources.yahoo_session import open_yahoo_session
from b3lake.lake.errors import UsageError


def test_without_settings_the_sources_are_the_official_ones() -> None:
    settings = read_source_settings({})
    assert settings.yahoo() == YahooSource("https://query2.finance.yahoo.com", "yahoo")
    assert settings.b3() == B3Source("https://bvmf.bmfbovespa.com.br", None, "b3")
    assert settings.source("yahoo", None) == settings.yahoo()
    assert settings.source("b3", Path("files")) == B3Source(files=Path("files"))


def test_rows_from_elsewhere_are_called_after_their_host() -> None:
    environ = {"B3LAKE_YAHOO_URL": "http://127.0.0.1:8900/", "B3LAKE_B3_URL": "https://mirror.example.com/b3"}
    settings = read_source_settings(environ)
    assert settings.yahoo() == YahooSource("http://127.0.0.1:8900", "127.0.0.1")
    assert settings.b3() == B3Source("https://mirror.example.com/b3", None, "mirror.example.com")
    assert settings.b3(Path("files")).label == "b3", "nothing of them comes from the mirror"


def test_a_label_is_taken_for_whatever_source() -> None:
    settings = read_source_settings({"B3LAKE_SOURCE_LABEL": "synthetic", "B3LAKE_YAHOO_URL": "http://localhost:1"})
    assert (settings.yahoo().label, settings.b3().label) == ("synthetic", "synthetic")


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "https://a:b",
        "https://a?x=1",
        "https://[::1",
        "http://example.com",
    ],
)
def test_what_is_no_safe_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^B3LAKE_B3_URL="):
        read_source_settings({"B3LAKE_B3_URL": text})


def test_a_session_for_elsewhere_asks_nobody_but_for_yahoo() -> None:
    session = open_yahoo_session("http://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"yfinance asks example\.com"):
        session.get("https://example.com/v8/finance/chart/PETR4.SA")
    with pytest.raises(ValueError, match=r"yfinance asks notyahoo\.com"):
        session.get("https://notyahoo.com/")
