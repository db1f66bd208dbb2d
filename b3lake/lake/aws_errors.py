"""What AWS answers, in one sentence for a person. Pure: botocore and obstore errors are told apart by their text."""

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
    ("nosuchbucket",): "{Place} does not exist: deploy the stack, or name another with RAW_BUCKET.",
    (
        "unable to locate credentials",
        "none from session.get_credentials",
        "nocredentials",
    ): "No AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and run again.",
    (
        "accessdenied",
        "access denied",
        "not authorized",
        "403 forbidden",
        "status: 403",
    ): "AWS denies access to {place}: ask for the permissions that template.yaml and terraform/ grant.",
    ("entitynotfound", "does not exist"): "{Place} does not exist: deploy the stack, or set GLUE_DATABASE.",
}
"""Marks in the lower-cased text of an error, most telling first, and what to say."""


def as_aws_error(error: BaseException, place: str) -> AwsError:
    """`error` of botocore or obstore while working on `place` (`bucket X`, `Glue database Y`), for a person."""
    text = f"{type(error).__name__} {error}"
    upper = place[:1].upper() + place[1:]
    sentence = _sentence(error)
    if sentence:
        return AwsError(sentence.format(place=place, Place=upper))
    first = text.strip().splitlines()[0][:240]
    return AwsError(f"{upper} could not be reached ({first}): run again when it answers.")


def ends_the_run(error: BaseException) -> bool:
    """Whether every further request would meet the same `error`: then nothing more is tried."""
    return bool(_sentence(error))


def _sentence(error: BaseException) -> str:
    flat = f"{type(error).__name__} {error}".lower()
    return next((sentence for marks, sentence in _SENTENCES.items() if any(mark in flat for mark in marks)), "")
