"""Values of the column `source`: where a row's numbers are from."""

YAHOO = "yahoo"
B3 = "b3"
"""The exchange's own record, final when it was published."""

CENTRAL_BANK = "bcb"
"""Brazil's central bank, which tells rates."""
SYNTHETIC = "synthetic"
"""Prices that a program invented."""

_REAL = frozenset({YAHOO, B3, CENTRAL_BANK})


def is_synthetic(label: str | None) -> bool:
    """Whether a row with this label is invented, as far as one can tell: only three labels say that it is not.

    A lake holds only such rows, or none of them.
    """
    return label not in _REAL
