"""Who is asked for what the lake keeps beside the quotes: the central bank, B3's indexes, B3's file of a day."""

import datetime as dt
from dataclasses import dataclass

from b3lake.ingest.sources.b3_index import IndexPortfolios
from b3lake.ingest.sources.b3_site import FILE_BACK_OFF, files_on_site, read_from_site
from b3lake.ingest.sources.bcb import CentralBank
from b3lake.ingest.sources.cotahist import Quotes
from b3lake.ingest.sources.http_get import BackOff


@dataclass(frozen=True)
class MarketFile:
    """B3's site at `base_url`, for a day of the whole market."""

    base_url: str
    back_off: BackOff = FILE_BACK_OFF

    def quotes(self, day: dt.date, today: dt.date) -> Quotes:
        """Every quote of the cash market on `day`. Raises DownloadError, and NotPublishedError."""
        (file,) = files_on_site([day], today)
        return read_from_site(file, self.base_url, today, back_off=self.back_off).quotes


@dataclass(frozen=True)
class BesideSources:
    """Who is asked (None: nobody), and what their rows are called in the tables' metadata.

    `market_file` is for runs whose own quotes are not B3's whole days.
    """

    bank: CentralBank | None = None
    bank_label: str = ""
    indexes: IndexPortfolios | None = None
    indexes_label: str = ""
    market_file: MarketFile | None = None
    market_label: str = ""
