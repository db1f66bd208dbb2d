"""No sentence shows a password."""

import pytest

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.errors import AwsError, B3LakeError, UsageError, without_passwords

WHO = "me:" + "sesame"  # apart: no password in an address is in this repository


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"http://{WHO}@127.0.0.1:1/x", "http://…@127.0.0.1:1/x"),
        (f"https://sesame@example.com and http://{WHO}@c", "https://…@example.com and http://…@c"),
        ("http://127.0.0.1:1/a@b", "http://127.0.0.1:1/a@b"),
        ("write to a@b.example", "write to a@b.example"),
    ],
)
def test_name_and_password_of_an_address_are_masked(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert str(UsageError(text)) == shown


def test_a_wrong_request_ends_with_another_code_than_what_went_wrong() -> None:
    """2 is the exit code of Python's own parsers of arguments, too."""
    assert [(kind("x").exit_code) for kind in (B3LakeError, UsageError, AwsError)] == [1, 2, 1]


def test_an_error_of_a_library_is_masked_in_its_sentence() -> None:
    said = str(as_aws_error(OSError(f"no way to http://{WHO}@127.0.0.1:1/"), "bucket b"))
    assert "sesame" not in said
    assert "http://…@127.0.0.1:1/" in said
