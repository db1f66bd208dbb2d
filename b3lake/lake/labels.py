"""Values of the column `source`: where a row's numbers are from."""

YAHOO = "yahoo"
B3 = "b3"
"""The exchange's own record, final when it was published."""

SYNTHETIC = "synthetic"
"""Prices that a program invented."""

_QUOTES = frozenset({YAHOO, B3})


def is_synthetic(label: str | None) -> bool:
    """Whether a row with this label is no quote of the exchange, as far as one can tell: only two labels say so.

    A lake holds only such rows, or none of them.
    """
    return label not in _QUOTES
