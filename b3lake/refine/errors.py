"""The error that ends a run of the refine job."""

from b3lake.lake.errors import B3LakeError
from b3lake.lake.words import first_line


class RefineError(B3LakeError):
    """The run cannot go on; the message says what is wrong, where, and what to do."""


def last_words(error: BaseException) -> str:
    """Why Spark gave up, in one line: what Python raised in an executor, or what its last task failed of, or all it
    says."""
    text = str(error)
    _, traced, trace = text.rpartition("Traceback (most recent call last):\n")
    if traced:
        return next((line for line in trace.splitlines() if line[:1].strip()), first_line(error))
    *_, failure = text.partition("\n\tat ")[0].partition("most recent failure: ")[2].partition("): ")
    return failure or first_line(error)
