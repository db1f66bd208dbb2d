"""Sentences for AWS's answers: from texts as botocore and obstore give them, shortened."""

import subprocess
import sys

import pytest

from b3lake.lake.aws_errors import as_aws_error, aws_sentence, ends_the_run, refusal
from b3lake.lake.words import first_line

RENEW = "in a lab, start it again and copy its credentials; elsewhere renew yours, and run again."
CLIENT = "An error occurred ({}) when calling the GetTable operation: {}"
OBSTORE = (
    "Generic S3 error: Error performing GET http://x/b in 7ms - Server returned non-2xx status code: {}: {}\n\nDebug"
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            CLIENT.format("ExpiredTokenException", "The security token included in the request is expired"),
            f"The AWS credentials have expired: {RENEW}",
        ),
        (
            OBSTORE.format("403 Forbidden", "<Error><Code>InvalidAccessKeyId</Code>"),
            f"The AWS credentials are not accepted: {RENEW}",
        ),
        (
            "Unable to locate credentials",
            "No AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and run "
            "again.",
        ),
        ("You must specify a region.", "No AWS region was found: set AWS_DEFAULT_REGION to the lake's."),
        (
            OBSTORE.format("403 Forbidden", "<Error><Code>AccessDenied</Code>"),
            "AWS denies access to the lake: ask for the permissions that template.yaml and terraform/ grant.",
        ),
        (
            OBSTORE.format("404 Not Found", "<Error><Code>NoSuchBucket</Code>"),
            "The lake does not exist: deploy the stack, or set HERE.",
        ),
        (
            CLIENT.format("EntityNotFoundException", "Database x not found."),
            "The lake does not exist: deploy the stack, or set HERE.",
        ),
        (OBSTORE.format("404 Not Found", "<Error><Code>NoSuchKey</Code><Message>The key does not exist."), ""),
        (CLIENT.format("InvalidRequestException", "line 1:15: Table x.y does not exist"), ""),
        ("HTTP error: error sending request", ""),
    ],
)
def test_what_is_known_is_said_in_a_sentence(text: str, sentence: str) -> None:
    assert aws_sentence(RuntimeError(text), "the lake", "HERE") == sentence
    assert ends_the_run(RuntimeError(text)) == bool(sentence)


EXPIRED = f"The AWS credentials have expired: {RENEW}"
NOT_ACCEPTED = f"The AWS credentials are not accepted: {RENEW}"
NO_CREDENTIALS = (
    "No AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and run again."
)
DENIES = "AWS denies access to bucket b: ask for the permissions that template.yaml and terraform/ grant."
NOT_THERE = "Bucket b does not exist: deploy the stack, or correct its name."
NO_REGION = "No AWS region was found: set AWS_DEFAULT_REGION to the lake's."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ExpiredToken", EXPIRED),
        ("The SSO token has expired.", EXPIRED),
        ("TokenRefreshRequired", EXPIRED),
        ("InvalidAccessKeyId", NOT_ACCEPTED),
        ("UnrecognizedClientException", NOT_ACCEPTED),
        ("InvalidClientTokenId", NOT_ACCEPTED),
        ("SignatureDoesNotMatch", NOT_ACCEPTED),
        ("InvalidToken", NOT_ACCEPTED),
        ("IncompleteSignature", NOT_ACCEPTED),
        (
            "RequestTimeTooSkewed",
            "The clock of this machine is wrong and AWS refuses its requests: set it and run again.",
        ),
        ("Unable to locate credentials", NO_CREDENTIALS),
        ("None from session.get_credentials", NO_CREDENTIALS),
        ("NoCredentials", NO_CREDENTIALS),
        ("ProfileNotFound x.\nmore", "ProfileNotFound x: `aws configure list-profiles` lists those that can."),
        ("ConfigParseError x.", "ConfigParseError x: correct that file, or name another one."),
        ("InvalidRegion x", "InvalidRegion x: set AWS_DEFAULT_REGION to the lake's."),
        (
            "Invalid endpoint: x",
            "Invalid endpoint: x: write endpoint_url in the AWS config file like http://127.0.0.1:4566.",
        ),
        ("NoRegion", NO_REGION),
        ("You must specify a region.", NO_REGION),
        ("AccessDenied", DENIES),
        ("PermissionError", DENIES),
        ("Access denied", DENIES),
        ("is not authorized to perform", DENIES),
        ("403 Forbidden", DENIES),
        ("status: 403", DENIES),
        ("NoSuchBucket", NOT_THERE),
        ("The specified bucket does not exist", NOT_THERE),
        ("EntityNotFound", NOT_THERE),
    ],
)
def test_each_mark_of_an_error_has_its_sentence(text: str, sentence: str) -> None:
    assert aws_sentence(RuntimeError(text), "bucket b") == sentence
    assert ends_the_run(RuntimeError(text))


def test_an_error_is_known_by_its_name_too() -> None:
    assert aws_sentence(PermissionError(), "bucket b") == DENIES


def test_a_long_error_is_cut() -> None:
    said = str(as_aws_error(OSError("x" * 300), "bucket b"))
    assert said == f"Bucket b could not be reached (OSError: {'x' * 231}): run again when it answers."
    assert refusal(RuntimeError(f"status code: 400 Bad Request: <Code>{'y' * 300}</Code>")) == (
        f"S3 refuses it ({'y' * 160})"
    )


@pytest.mark.parametrize(
    ("code", "is_of_the_object"),
    [
        *((code, True) for code in (400, 401, 403, 405, 406, 407, 409, 410, 412, 416, 420, 428)),
        *((code, False) for code in (200, 302, 402, 404, 408, 429, 430, 500, 503)),
    ],
)
def test_of_which_statuses_an_object_is_refused(code: int, is_of_the_object: bool) -> None:
    assert refusal(RuntimeError(OBSTORE.format(f"{code} Some-thing odd", ""))) == (
        f"S3 refuses it ({code} Some-thing odd)" if is_of_the_object else ""
    )


@pytest.mark.parametrize("mark", ["SlowDown", "RequestTimeout", "ThrottlingException", "TooManyRequestsException"])
def test_what_every_request_would_meet_is_no_refusal(mark: str) -> None:
    assert refusal(RuntimeError(OBSTORE.format("400 Bad Request", f"<Error><Code>{mark}</Code>"))) == ""


def test_why_an_object_is_refused_in_whole_sentences() -> None:
    assert refusal(RuntimeError("<Code>InvalidObjectState</Code>")) == (
        "it is archived, and S3 gives it out only after it was restored"
    )
    assert refusal(RuntimeError("Server-Side Encryption: the key is missing")) == (
        "it is encrypted with a key that its writer kept (SSE-C)"
    )
    assert refusal(RuntimeError("x\n\nencryption")) == ""


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (
            "403 Forbidden",
            "<Error><Code>InvalidObjectState</Code>",
            "it is archived, and S3 gives it out only after it",
        ),
        ("403 Forbidden", "<Error><Code>AccessDenied</Code>", "S3 denies access to it"),
        ("403 Forbidden", "", "S3 refuses it (403 Forbidden)"),
        (
            "400 Bad Request",
            "<Error><Code>KMS.Off</Code><Message>Key off.</Message>",
            "S3 refuses it (KMS.Off: Key off)",
        ),
        ("400 Bad Request", "<Error><Code>ExpiredToken</Code>", ""),
        ("403 Forbidden", "<Error><Code>InvalidAccessKeyId</Code>", ""),
        ("403 Forbidden", "<Error><Code>RequestTimeTooSkewed</Code>", ""),
        ("400 Bad Request", "<Error><Code>SlowDown</Code>", ""),
        ("404 Not Found", "<Error><Code>NoSuchBucket</Code>", ""),
        ("500 Internal Server Error", "<Error><Code>InternalError</Code>", ""),
    ],
)
def test_one_object_is_refused_or_every_request(status: str, body: str, why: str) -> None:
    text = OBSTORE.format(status, f'<?xml version="1.0"?>\n{body}')
    assert refusal(RuntimeError(text)).startswith(why)
    assert bool(refusal(RuntimeError(text))) == bool(why)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "OSError"),
        ("\n \n", "OSError"),
        ("reading:\n  it is broken", "reading"),
        (
            OBSTORE.format("403 Forbidden", ""),
            "Generic S3 error: Error performing GET http://x/b in 7ms - Server returned "
            "non-2xx status code: 403 Forbidden",
        ),
        (
            OBSTORE.format("400 Bad Request", '<?xml version="1.0"?>\n<Error><Code>A</Code><Message>b.</Message>'),
            "A: b.",
        ),
        ("a\x1b[31mb", "a\\x1b[31mb"),
    ],
)
def test_no_line_ends_after_its_colon(text: str, line: str) -> None:
    assert first_line(OSError(text)) == line


def test_what_is_not_known_keeps_its_first_line() -> None:
    assert str(as_aws_error(OSError("no route\nand more"), "bucket b")) == (
        "Bucket b could not be reached (OSError: no route): run again when it answers."
    )
    assert str(as_aws_error(OSError(), "s3://b/raw")) == (
        "s3://b/raw could not be reached (OSError): run again when it answers."
    )


def test_where_no_setting_names_it_the_name_is_to_be_corrected() -> None:
    assert str(as_aws_error(RuntimeError("NoSuchBucket"), "s3://b/raw")) == (
        "s3://b/raw does not exist: deploy the stack, or correct its name."
    )


def test_executors_import_it_without_the_libraries_that_it_knows() -> None:
    heavy = "import sys, b3lake.lake.aws_errors; print(sorted({'boto3', 'obstore', 'awswrangler'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", heavy], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"
