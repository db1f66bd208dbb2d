"""Says in one sentence for a person what AWS answers: for every stage, the refine job's executors too.

Errors of botocore, awswrangler and obstore are told apart by their text, so that none of these is imported here.
"""

from b3lake.lake.errors import AwsError

_RENEW = "in a lab, start it again and copy its credentials; elsewhere renew yours, and run again."
_SENTENCES = {
    ("expiredtoken", "token has expired", "tokenrefreshrequired"): f"The AWS credentials have expired: {_RENEW}",
    (
        "invalidaccesskeyid",
        "unrecognizedclient",
        "invalidclienttokenid",
        "signaturedoesnotmatch",
        "invalidtoken",
        "incompletesignature",
    ): f"The AWS credentials are not accepted: {_RENEW}",
    ("requesttimetooskewed",): "The clock of this machine is wrong and AWS refuses its requests: set it and run again.",
    (
        "unable to locate credentials",
        "none from session.get_credentials",
        "nocredentials",
    ): "No AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and run again.",
    ("noregion", "must specify a region"): "No AWS region was found: set AWS_DEFAULT_REGION to the lake's.",
    (
        "accessdenied",
        "access denied",
        "not authorized",
        "403 forbidden",
        "status: 403",
    ): "AWS denies access to {place}: ask for the permissions that template.yaml and terraform/ grant.",
    (
        "nosuchbucket",
        "bucket does not exist",
        "entitynotfound",
    ): "{Place} does not exist: deploy the stack, or {remedy}.",
}
"""Marks in the lower-cased text of an error, most telling first, and what to say."""


def aws_sentence(error: BaseException, place: str, setting: str = "") -> str:
    """Say for a person what `error` means, where that is known; else an empty text.

    `place` is what was worked on, such as `bucket X`, `Glue database Y` or an object's address; `setting` names it.
    """
    flat = _flat(error)
    found = next((sentence for marks, sentence in _SENTENCES.items() if any(mark in flat for mark in marks)), "")
    remedy = f"set {setting}" if setting else "correct its name"
    return found.format(place=place, Place=_at_start(place), remedy=remedy)


def as_aws_error(error: BaseException, place: str, setting: str = "") -> AwsError:
    """`error` of botocore, awswrangler or obstore, for a person; the arguments are those of `aws_sentence`."""
    said = f"{type(error).__name__}: {error}".strip(" :").splitlines()[0][:240]
    unknown = f"{_at_start(place)} could not be reached ({said}): run again when it answers."
    return AwsError(aws_sentence(error, place, setting) or unknown)


def ends_the_run(error: BaseException) -> bool:
    """Whether every further request would meet the same `error`: then nothing more is tried."""
    return any(mark in _flat(error) for marks in _SENTENCES for mark in marks)


def _flat(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".lower()


def _at_start(place: str) -> str:
    return place if "://" in place else place[:1].upper() + place[1:]
