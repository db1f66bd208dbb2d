"""The error that a chaos run ends with."""

from b3lake.lake.errors import B3LakeError


class ChaosError(B3LakeError):
    """The lake is not what it must be; the text says where."""
