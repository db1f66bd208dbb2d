"""A data lake of daily quotes of the Brazilian stock exchange (B3): what is installed, from the source to SQL.

>>> import b3lake
>>> lake = b3lake.open_lake()
>>> lake.history("PETR4", since="2016-01-01")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from b3lake.analysis.lake import AnalysisLake, open_lake

__all__ = ["AnalysisLake", "open_lake"]


def __getattr__(name: str) -> Any:
    """Import what an analyst uses only when it is used: the other commands need none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from b3lake.analysis import lake  # noqa: PLC0415 - pandas takes a second

    return getattr(lake, name)
