"""The AWS session of a run: one, since each reads botocore's large data files anew."""

import boto3

DEFAULT_REGION = "us-east-1"


def open_session() -> boto3.Session:
    """A session with the credentials that boto3 finds (environment, profile, instance role), and a region."""
    session = boto3.Session()
    return session if session.region_name else boto3.Session(region_name=DEFAULT_REGION)
