"""Credentials for obstore, from boto3's chain."""

from datetime import timedelta

import boto3
from obstore.auth.boto3 import Boto3CredentialProvider

CREDENTIALS_TTL = timedelta(minutes=5)
"""For so long obstore keeps what boto3 gave it. Its own default of half an hour takes no account of when keys end, and
those of a role may be over sooner. boto3 renews a role's keys ten minutes before that: asking it often is enough."""


def object_credentials(session: boto3.Session | None = None) -> Boto3CredentialProvider:
    """The provider that obstore asks for credentials of `session`, by default boto3's own.

    Raises ValueError when there are none.
    """
    return Boto3CredentialProvider(session, ttl=CREDENTIALS_TTL)
