"""The errors that asking the lake raises, and an engine's message as their one line."""

from b3lake.lake.errors import B3LakeError


class QueryError(B3LakeError):
    """A question that has no answer; the text is one sentence for a person, with what to do next."""


class NoSuchTable(QueryError):  # noqa: N818 - as Athena calls it
    """The question names a table that the catalog has not."""


def one_line(message: str) -> str:
    """`message` as one line. Engines draw the faulty place on lines of its own: the drawing is left out."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith("LINE ") and set(line) != {"^"}]
    return " ".join(kept or ["Athena refused the query and gave no reason."])
