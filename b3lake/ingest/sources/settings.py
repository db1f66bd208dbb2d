"""Where the sources answer and what their rows are called: read from the environment once, and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from b3lake.ingest.sources import b3, yahoo
from b3lake.ingest.sources.b3_events import B3Events
from b3lake.ingest.sources.b3_index import BASE_URL as LISTED_URL
from b3lake.ingest.sources.b3_index import IndexPortfolios
from b3lake.ingest.sources.b3_site import B3_URL
from b3lake.ingest.sources.bcb import BASE_URL as BCB_URL
from b3lake.ingest.sources.bcb import CentralBank
from b3lake.ingest.sources.beside import BesideSources, MarketFile
from b3lake.ingest.sources.source import Source
from b3lake.ingest.sources.yahoo_session import YAHOO_URL
from b3lake.lake.errors import UsageError
from b3lake.lake.labels import CENTRAL_BANK, is_synthetic
from b3lake.lake.tickers import CASH

SOURCES = (yahoo.LABEL, b3.LABEL)
YAHOO_VARIABLE, B3_VARIABLE, LABEL_VARIABLE = "B3LAKE_YAHOO_URL", "B3LAKE_B3_URL", "B3LAKE_SOURCE_LABEL"
LISTED_VARIABLE, BCB_VARIABLE = "B3LAKE_B3_LISTED_URL", "B3LAKE_BCB_URL"

_HERE = ("127.0.0.1", "localhost", "::1")
_LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


@dataclass(frozen=True)
class SourceSettings:
    """The addresses of the sources, without a slash at their end; `label` "" leaves each source its own.

    `listed_url` is B3's service of listed companies: it tells of events and of the members of indexes.
    """

    yahoo_url: str = YAHOO_URL
    b3_url: str = B3_URL
    listed_url: str = LISTED_URL
    label: str = ""
    bcb_url: str = BCB_URL

    def yahoo(self) -> yahoo.YahooSource:
        """Yahoo, at its address."""
        return yahoo.YahooSource(self.yahoo_url, self._label(yahoo.LABEL, self.yahoo_url == YAHOO_URL, self.yahoo_url))

    def b3(self, files: Path | None = None, market: str = CASH) -> b3.B3Source:
        """B3, at its address; or its `files` here; one `market` of it."""
        official = self.b3_url == B3_URL or files is not None
        return b3.B3Source(self.b3_url, files, self._label(b3.LABEL, official, self.b3_url), market)

    def events(self, quotes_label: str) -> B3Events:
        """B3's service of listed companies, for quotes with that label.

        Raises UsageError when one of both is invented and the other is not.
        """
        label = self._label(b3.LABEL, self.listed_url == LISTED_URL, self.listed_url)
        if is_synthetic(label) != is_synthetic(quotes_label):
            raise UsageError(
                f"Quotes from {quotes_label} and events from {label} are not mixed: set {LISTED_VARIABLE} to the "
                "address that belongs to the quotes, or ask for no events with --b3-events none."
            )
        return B3Events(self.listed_url)

    def is_official(self, name: str) -> bool:
        """Whether the source that SOURCES calls `name` is asked at its own address."""
        return self.b3_url == B3_URL if name == b3.LABEL else self.yahoo_url == YAHOO_URL

    def beside(self, source: Source) -> BesideSources:
        """Who tells what is kept beside the quotes of `source`.

        Raises UsageError when one of them is invented and the quotes are not, or the other way.
        """
        labels = {
            BCB_VARIABLE: self._beside_label(CENTRAL_BANK, self.bcb_url == BCB_URL, self.bcb_url),
            LISTED_VARIABLE: self._beside_label(b3.LABEL, self.listed_url == LISTED_URL, self.listed_url),
        }
        gives_whole_days = isinstance(source, b3.B3Source)
        if not gives_whole_days:
            labels[B3_VARIABLE] = self._beside_label(b3.LABEL, self.b3_url == B3_URL, self.b3_url)
        for variable, label in labels.items():
            if is_synthetic(label) != is_synthetic(source.label):
                raise UsageError(
                    f"Quotes from {source.label} and what {label} tells beside them are not mixed: set {variable} to "
                    "the address that belongs to the quotes, or ask for nothing beside them with --beside none."
                )
        return BesideSources(
            CentralBank(self.bcb_url),
            labels[BCB_VARIABLE],
            IndexPortfolios(self.listed_url),
            labels[LISTED_VARIABLE],
            None if gives_whole_days else MarketFile(self.b3_url),
            labels.get(B3_VARIABLE, source.label),
        )

    def source(self, name: str, b3_files: Path | None, market: str = CASH) -> Source:
        """The source that SOURCES calls `name`; of B3 one `market`."""
        return self.b3(b3_files, market) if name == b3.LABEL else self.yahoo()

    def _label(self, own: str, official: bool, url: str) -> str:
        """Rows from elsewhere are never called Yahoo's or B3's unless somebody says so."""
        return self.label or (own if official else urlsplit(url).hostname or own)

    def _beside_label(self, own: str, official: bool, url: str) -> str:
        """As _label; but a label that calls the quotes real is not that of rates."""
        return own if self.label and not is_synthetic(self.label) else self._label(own, official, url)


def read_source_settings(environ: Mapping[str, str]) -> SourceSettings:
    """Settings from B3LAKE_YAHOO_URL, B3LAKE_B3_URL, B3LAKE_B3_LISTED_URL, B3LAKE_BCB_URL, B3LAKE_SOURCE_LABEL.

    Raises UsageError.
    """
    label = environ.get(LABEL_VARIABLE, "").strip()
    if label and not _LABEL.fullmatch(label):
        raise UsageError(
            f"{LABEL_VARIABLE}={label} is no label: up to 40 lower-case letters, digits, dots and hyphens."
        )
    b3_url = read_address(environ, B3_VARIABLE, B3_URL)
    return SourceSettings(
        read_address(environ, YAHOO_VARIABLE, YAHOO_URL),
        b3_url,
        # Who serves B3's files elsewhere serves the answers about companies too, or there are none.
        read_address(environ, LISTED_VARIABLE, LISTED_URL if b3_url == B3_URL else b3_url),
        label,
        read_address(environ, BCB_VARIABLE, BCB_URL),
    )


def read_address(environ: Mapping[str, str], variable: str, default: str) -> str:
    """The address that `variable` names, without a slash at its end, or `default`.

    Raises UsageError for anything but https, and http on this machine.
    """
    text = environ.get(variable, "").strip().rstrip("/") or default
    try:
        parts = urlsplit(text)
        _ = parts.port  # it is parsed only when it is asked for
    except ValueError as error:
        raise UsageError(f"{variable}={text} is not an address ({error}): write it like {default}.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{variable}={text} is not an address: write it like {default}.")
    if parts.scheme == "http" and parts.hostname not in _HERE:
        raise UsageError(
            f"{variable}={text} would be asked in the clear: only this machine is, anything else by https."
        )
    return text
