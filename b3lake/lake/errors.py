"""The root of every error that ends a command with one sentence for a person."""

import re

_PASSWORD = re.compile(r"://[^/@\s]+@")


def without_passwords(text: str) -> str:
    """`text` with the name and password of every address in it masked."""
    return _PASSWORD.sub("://…@", text)


class B3LakeError(Exception):
    """Something cannot be done; the text is one sentence that says why and what to do next."""

    exit_code = 1

    def __str__(self) -> str:
        return without_passwords(super().__str__())


class UsageError(B3LakeError):
    """The request itself is wrong: nothing was tried."""

    exit_code = 2


class AwsError(B3LakeError):
    """The bucket or the catalog refuses: credentials, permissions, or a lake that is not there."""


class RefusedObjectError(AwsError):
    """S3 has an object and does not give it out; the text says why."""
