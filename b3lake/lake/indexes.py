"""The indexes whose members the lake keeps.

>>> index_code("@ibov")
'IBOV'
"""

INDEXES = {
    "IBOV": "Ibovespa",
    "IBXX": "IBrX-100",
    "SMLL": "Small Cap",
    "IDIV": "Dividendos",
    "IFIX": "Fundos Imobiliários",
}
"""B3's code of an index to its name."""

MEMBERS_MARK = "@"
"""In a list of tickers, `@IBOV` means the members of IBOV."""


def index_code(text: str) -> str:
    """The code of an index that is written as in a list of tickers, with or without its mark.

    Raises ValueError for one that the lake does not keep.
    """
    code = text.strip().removeprefix(MEMBERS_MARK).upper()
    if code not in INDEXES:
        known = ", ".join(MEMBERS_MARK + name for name in INDEXES)
        raise ValueError(f"{text.strip()!r} is no index of this lake: its indexes are {known}")
    return code
