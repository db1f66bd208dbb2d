"""The indexes whose members the lake keeps, and their members in place of an index in a list of tickers.

>>> index_code("@ibov")
'IBOV'
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from b3lake.lake.errors import B3LakeError
from b3lake.lake.tickers import normalise

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


def spelled(name: str) -> str:
    """A name of a list of tickers as the lake spells it, `@IBOV` too. Raises ValueError for what can be neither."""
    return MEMBERS_MARK + index_code(name) if name.strip().startswith(MEMBERS_MARK) else normalise(name)


def newest_members(portfolios: pa.Table, index: str) -> list[str]:
    """The members of `index` in its newest portfolio (PORTFOLIOS_SCHEMA), sorted.

    Raises B3LakeError when there is none.
    """
    of_index = portfolios.filter(pc.field("index") == index)
    if not of_index.num_rows:
        raise B3LakeError(
            f"The lake has no portfolio of {index} yet, so nobody knows what {MEMBERS_MARK}{index} is: "
            "fetch other tickers once, which brings it, or list its members."
        )
    newest = of_index.filter(pc.field("day") == pc.max(of_index["day"]))
    return sorted(newest["ticker"].to_pylist())


def expand_members(names: Iterable[str], portfolios: pa.Table) -> tuple[str, ...]:
    """`names` with the members of its newest portfolio in place of each `@INDEX`, each ticker once.

    Raises B3LakeError when an index has no portfolio, and ValueError for an index that the lake does not keep.
    """
    expanded: dict[str, None] = {}
    for name in names:
        is_index = name.startswith(MEMBERS_MARK)
        expanded |= dict.fromkeys(newest_members(portfolios, index_code(name)) if is_index else [name])
    return tuple(expanded)
