"""The one error that asking the lake raises."""

from b3lake.lake.errors import B3LakeError


class QueryError(B3LakeError):
    """A question that has no answer; the text is one sentence for a person, with what to do next."""
