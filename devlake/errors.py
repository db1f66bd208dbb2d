"""The errors that the local run raises."""

from b3lake.lake.errors import B3LakeError


class DevLakeError(B3LakeError):
    """The local run cannot go on; its text is one sentence that says what to do next."""


class DamagedLakeError(DevLakeError):
    """A file in which a kept lake is described cannot be read."""
