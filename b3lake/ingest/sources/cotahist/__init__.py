"""Reads COTAHIST, B3's own record of every trade day: fixed-width records of 245 bytes.

>>> day = read_file(Path("COTAHIST_D03022022.TXT.zip"))
>>> day.quotes["ticker"][0], day.quotes["close"][0]
(b'AAPL34', 45.3)
"""

from b3lake.ingest.sources.cotahist.layout import (
    CASH_MARKET,
    FRACTIONAL_MARKET,
    QUOTE_TYPE,
    Cotahist,
    CotahistError,
    Header,
    Period,
    Quotes,
    RefusedRecord,
    as_date,
    as_number,
)
from b3lake.ingest.sources.cotahist.reader import read_file, read_header

__all__ = [
    "CASH_MARKET",
    "FRACTIONAL_MARKET",
    "QUOTE_TYPE",
    "Cotahist",
    "CotahistError",
    "Header",
    "Period",
    "Quotes",
    "RefusedRecord",
    "as_date",
    "as_number",
    "read_file",
    "read_header",
]
