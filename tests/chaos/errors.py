"""What a torture run ends with when the lake did not stand it."""


class TortureError(Exception):
    """The lake is not what it must be; the text says where."""
