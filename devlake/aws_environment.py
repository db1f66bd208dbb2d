"""The environment of programs that shall talk to an AWS on this machine, and to no other."""

import os
import secrets

REGION = "us-east-1"
ACCESS_KEY = "test"
PROCESS_KEY = secrets.token_urlsafe(32)
"""The secret access key of the AWS emulators that are made for this process alone."""


def without_aws_settings() -> dict[str, str]:
    """This process's environment without anything that says which AWS to talk to, and as whom."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def aws_environment(*, access_key: str = ACCESS_KEY, secret_key: str, **endpoints: str) -> dict[str, str]:
    """This process's environment, with `endpoints` (AWS_ENDPOINT_URL=…, AWS_ENDPOINT_URL_S3=…) and these keys."""
    return without_aws_settings() | {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        **endpoints,
    }
