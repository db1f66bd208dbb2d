"""AWS's list prices, from prices.toml beside this file."""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import tomllib


@dataclass(frozen=True)
class Price:
    """`usd` for `per` units of `service`.

    The list price begins `above` so many units a month. Of what remains, an account's allowance covers `free` units.
    """

    service: str
    unit: str
    unit_pt: str
    usd: float
    per: float = 1
    above: float = 0
    free: float = 0
    source: str = ""

    def of(self, quantity: float, *, allowance: bool) -> float:
        """USD for `quantity` units in a month, with or without the account's `allowance`."""
        return max(0.0, quantity - self.above - (self.free if allowance else 0)) * self.usd / self.per


@dataclass(frozen=True)
class Prices:
    """The list prices by name, and the month from which they are."""

    as_of: str
    by_name: dict[str, Price]

    def __getitem__(self, name: str) -> Price:
        return self.by_name[name]


@cache
def read_prices() -> Prices:
    """The prices of prices.toml."""
    tables = tomllib.loads((resources.files("b3lake.cost") / "prices.toml").read_text(encoding="utf-8"))
    as_of = tables.pop("as_of")
    return Prices(as_of, {name: Price(**table) for name, table in tables.items()})
