"""The error that ends a run of the refine job."""

from b3lake.lake.errors import B3LakeError


class RefineError(B3LakeError):
    """The run cannot go on; the message says what is wrong, where, and what to do."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or the error's name where it has no text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
