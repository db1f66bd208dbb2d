"""Finds out when a table's objects in S3 were written, which no column says."""

import datetime as dt

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from b3lake.lake.settings import Settings


def newest_object_time(settings: Settings, table: str, folder: str = "") -> dt.datetime | None:
    """When the newest object of `table`, or of a folder of it, was written (UTC).

    None when it has none, and when these credentials may ask Athena but not list the bucket: the page is worth having
    without it.
    """
    try:
        glue = boto3.client("glue", endpoint_url=settings.endpoint_url)
        found = glue.get_table(DatabaseName=settings.database, Name=table)["Table"]
        bucket, _, prefix = found["StorageDescriptor"]["Location"].removeprefix("s3://").partition("/")
        s3 = boto3.client("s3", endpoint_url=settings.endpoint_url)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/{folder}")
        times = (item["LastModified"] for page in pages for item in page.get("Contents", []))
        return max(times, default=None)
    except (ClientError, BotoCoreError):
        return None
