"""The one error that asking the lake raises."""


class QueryError(Exception):
    """A question that has no answer; the text is one sentence for a person, with what to do next."""
