"""The unit in which a column of an answer is, by its name: for headings that people read.

>>> unit_of("return_pct"), unit_of("adj_close_price"), unit_of("sessions")
('%', 'R$', '')
"""

import re

PER_CENT, REAIS, SHARES = "%", "R$", "shares"
REAIS_OR_POINTS = "R$, points"
"""Where an index is beside shares: it has points, and no price."""

_UNITS = (
    (PER_CENT, r".+_pct|weight"),
    (REAIS, r"open|high|low|close|.+_(price|close|brl)|close_ma_\d+|close_delta|dividends|turnover"),
    (SHARES, r".+_shares|volume|total_volume|quantity"),
)
"""Unit to the names of its columns, in the lake's tables and in its questions."""


def unit_of(column: str) -> str:
    """The unit of a column of that name, "" where none is known or needed."""
    return next((unit for unit, names in _UNITS if re.fullmatch(names, column)), "")
