"""Every source of the lake in one fake: Yahoo, B3's site and its indexes, the central bank. All of it is invented.

with serving(FakeSources()) as url:
    ...                       # B3LAKE_YAHOO_URL, B3LAKE_B3_URL, B3LAKE_B3_LISTED_URL, B3LAKE_BCB_URL are all this url
"""

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property

from b3lake.ingest.options import DEFAULT_TICKERS
from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.indexes import INDEXES
from b3lake.lake.tickers import INDEX_SYMBOL
from devlake.fake_b3 import FakeB3, invented_records
from devlake.fake_b3_index import FakeIndexes, invented
from devlake.fake_bcb import FakeCentralBank
from devlake.fake_http import Reply, Request, Service
from devlake.fake_yahoo import FakeYahoo
from devlake.invented_events import with_events

SHARES = tuple(ticker for ticker in (*DEFAULT_TICKERS, "MGLU3") if ticker != INDEX_SYMBOL)
"""Who is in B3's files, and in its indexes."""
FILE_DAYS = 14
"""So many days up to today have a file."""


def today() -> dt.date:
    """Today in Brazil."""
    return dt.datetime.now(B3_ZONE).date()


@dataclass
class FakeSources:
    """The services as they are on the day `today`, told apart by their paths."""

    today: dt.date = field(default_factory=today)
    yahoo: FakeYahoo = field(default_factory=lambda: FakeYahoo(others=with_events))

    def answer(self, request: Request) -> Reply:
        return self._service(request.path).answer(request)

    def _service(self, path: str) -> Service:
        if path.startswith("/dados/"):
            return self._bank
        if path.startswith(("/InstDados/", "/indexProxy/", "/listedCompaniesProxy/")):
            return self._b3
        return self.yahoo

    @cached_property
    def _bank(self) -> FakeCentralBank:
        return FakeCentralBank(self.today)

    @cached_property
    def _b3(self) -> FakeB3:
        members = {index: invented(SHARES, self.today) for index in INDEXES}
        records = invented_records(SHARES, self.today - dt.timedelta(days=FILE_DAYS), self.today)
        return FakeB3(records, self.today, indexes=FakeIndexes(self.today, members))
