"""The rates that the lake keeps: their names, their codes at the central bank, and how large they may be.

    >>> SERIES["CDI"].code
    12

Source: the central bank's time series service (SGS), whose catalogue gives codes, units and first days.
"""

import datetime as dt
from dataclasses import dataclass

FIRST_MONTH = dt.date(1994, 7, 1)
"""The month of the first session in reais: the lake keeps no earlier rate."""


@dataclass(frozen=True)
class Series:
    """One series: `value` is in `unit`, and one outside `lowest` to `highest` is a mistake of whoever gave it."""

    name: str
    code: int
    unit: str
    first_day: dt.date
    lowest: float
    highest: float
    is_daily: bool = True

    def is_plausible(self, value: float) -> bool:
        """Whether `value` may be one of this series; false for infinities and NaN."""
        return self.lowest <= value <= self.highest


_ALL = (
    # 1994 and the crises of 1995 to 1999 stayed under 0.3 % a day; a yearly rate written as a daily one is above 1.
    Series("CDI", 12, "% a day", FIRST_MONTH, 0.0, 1.0),
    Series("SELIC", 11, "% a day", FIRST_MONTH, 0.0, 1.0),
    Series("SELIC_TARGET", 432, "% a year", dt.date(1999, 3, 5), 0.0, 60.0),
    # July 1994 had 6.84 %.
    Series("IPCA", 433, "% a month", FIRST_MONTH, -3.0, 10.0, is_daily=False),
)
SERIES = {series.name: series for series in _ALL}
"""Name to series."""
