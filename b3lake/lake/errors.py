"""The root of every error that ends a command with one sentence for a person."""


class B3LakeError(Exception):
    """Something cannot be done; the text is one sentence that says why and what to do next."""

    exit_code = 1


class UsageError(B3LakeError):
    """The request itself is wrong: nothing was tried."""

    exit_code = 2


class AwsError(B3LakeError):
    """The bucket or the catalog refuses: credentials, permissions, or a lake that is not there."""


class RefusedObjectError(AwsError):
    """S3 has an object and does not give it out; the text says why."""
