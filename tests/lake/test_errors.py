"""No sentence shows a password."""

import pytest

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.errors import UsageError, without_passwords

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


def test_an_error_of_a_library_is_masked_in_its_sentence() -> None:
    said = str(as_aws_error(OSError(f"no way to http://{WHO}@127.0.0.1:1/"), "bucket b"))
    assert "sesame" not in said
    assert "http://…@127.0.0.1:1/" in said
