"""The root of every error that ends a command with one sentence for a person."""

import re

_LONG_WORD = re.compile(r"\S{400,}")
_PASSWORD = re.compile(r"://[^/@\s]+@")


def without_passwords(text: str) -> str:
    """`text` with the name and password of every address in it masked."""
    return _PASSWORD.sub("://…@", text)


def for_a_terminal(sentence: str) -> str:
    """`sentence` without passwords, and of a word that would fill the screen its beginning alone."""
    return _LONG_WORD.sub(lambda word: f"{word[0][:40]}…", without_passwords(sentence))


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
