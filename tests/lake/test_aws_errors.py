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
