"""The HTTP session that yfinance asks Yahoo with, or another server in Yahoo's place."""

from typing import Any
from urllib.parse import urlsplit

from curl_cffi import requests

YAHOO_URL = "https://query2.finance.yahoo.com"


def open_yahoo_session(base_url: str) -> requests.Session[Any]:
    """A session as yfinance makes it; with another `base_url` than Yahoo's it asks nobody else."""
    return requests.Session(impersonate="chrome") if base_url == YAHOO_URL else _ElsewhereSession(base_url)


class _ElsewhereSession(requests.Session[Any]):
    """Asks `base_url` whatever yfinance asks any host of Yahoo's: charts, cookies, crumbs, consent.

    yfinance takes no address, but it takes a session. The paths that it asks for differ from host to host, so one
    server can answer for all of them.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__(impersonate="chrome")
        self._base_url = base_url

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
        """As a session's `request`, at the other address. Raises ValueError for a host that is not Yahoo's."""
        parts = urlsplit(url)
        if not f".{parts.hostname}".endswith(".yahoo.com"):
            raise ValueError(f"yfinance asks {parts.hostname}, which {self._base_url} cannot answer for")
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return super().request(method, self._base_url + path, *args, **kwargs)
