"""The rule by which bars become refined rows, as a value: what a run computes, and what tells that it has changed."""

from dataclasses import dataclass

import pyarrow as pa

from b3lake.lake.schemas import MOVING_AVERAGE_DATES, REFINED_SCHEMA, glue_types, history_schema
from b3lake.refine.fingerprint import tag_of

EXPRESSIONS = 2
"""Raised by who changes an expression of transform.py so that the same bars give other values in the same columns.
Other columns and another moving average are seen without it."""


@dataclass(frozen=True)
class Rule:
    """The refined columns, and how many trade dates the moving average takes in."""

    schema: pa.Schema = REFINED_SCHEMA
    dates: int = MOVING_AVERAGE_DATES

    @property
    def tag(self) -> int:
        """64 bits that stand for the rule: part of what every refined object was computed from."""
        return tag_of(f"{EXPRESSIONS} {self.dates} {glue_types(self.schema)}")

    @property
    def rows(self) -> pa.Schema:
        """Refined rows as they are handed about: with their partition and their object's tag."""
        return pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("tag", pa.int64()), *self.schema])

    @property
    def history(self) -> pa.Schema:
        """A row of the history."""
        return history_schema(self.schema)


CURRENT_RULE = Rule()
