"""The errors that the local run raises."""


class LocalError(Exception):
    """The local run cannot go on; its text is one sentence that says what to do next."""
