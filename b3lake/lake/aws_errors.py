"""Says in one sentence for a person what AWS answers: for every stage, the refine job's executors too.

Errors of botocore, awswrangler and obstore are told apart by their text, so that none of these is imported here.
"""

import re

from b3lake.lake.errors import AwsError
from b3lake.lake.words import first_line

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
    ("profilenotfound",): "{error}: `aws configure list-profiles` lists those that can.",
    ("configparseerror",): "{error}: correct that file, or name another one.",
    ("invalidregion",): "{error}: set AWS_DEFAULT_REGION to the lake's.",
    ("invalid endpoint",): "{error}: write endpoint_url in the AWS config file like http://127.0.0.1:4566.",
    ("noregion", "must specify a region"): "No AWS region was found: set AWS_DEFAULT_REGION to the lake's.",
    (
        "accessdenied",
        "permissionerror",
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
    said = str(error).strip().partition("\n")[0].rstrip(".")
    return found.format(place=place, Place=_at_start(place), remedy=remedy, error=said)


def as_aws_error(error: BaseException, place: str, setting: str = "") -> AwsError:
    """`error` of botocore, awswrangler or obstore, for a person; the arguments are those of `aws_sentence`."""
    name, line = type(error).__name__, first_line(error)
    said = (name if line == name else f"{name}: {line}")[:240]
    unknown = f"{_at_start(place)} could not be reached ({said}): run again when it answers."
    return AwsError(aws_sentence(error, place, setting) or unknown)


_REFUSED = re.compile(r"status code: (40[0135679]|41\d|42[0-8]) ([A-Za-z -]+)")
DENIED = "S3 denies access to it"
_OF_ONE_OBJECT = {
    "invalidobjectstate": "it is archived, and S3 gives it out only after it was restored",
    "encryption": "it is encrypted with a key that its writer kept (SSE-C)",
    "<code>accessdenied": DENIED,
}
_OF_THE_REQUEST = ("<code>slowdown", "<code>requesttimeout", "throttl", "<code>toomanyrequests")


def refusal(error: BaseException) -> str:
    """Why S3 does not give out the one object that `error` is about; "" where every request would meet the same."""
    flat = _flat(error).partition("\n\n")[0]
    refused = _REFUSED.search(str(error))
    known = next((why for mark, why in _OF_ONE_OBJECT.items() if mark in flat), "")
    if not refused or known:
        return known
    others = [mark for marks, sentence in _SENTENCES.items() if "denies" not in sentence for mark in marks]
    if any(mark in flat for mark in (*others, *_OF_THE_REQUEST)):
        return ""
    line = first_line(error) if "<code>" in flat else f"{refused[1]} {refused[2].strip()}"
    return f"S3 refuses it ({line[:160].rstrip('.')})"


def ends_the_run(error: BaseException) -> bool:
    """Whether every further request would meet the same `error`: then nothing more is tried."""
    return any(mark in _flat(error) for marks in _SENTENCES for mark in marks)


def _flat(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".lower()


def _at_start(place: str) -> str:
    return place if "://" in place else place[:1].upper() + place[1:]
