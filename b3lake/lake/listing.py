"""Lists a bucket with boto3: under its true keys, whatever S3 took as one.

    >>> [listed.key for listed in list_exactly(s3, "bucket", "raw/b3/")]

The object library is ten times as fast. But it stops at a key with `//`, `.`, `..` or a control character, and gives
out `data.parquet/` as `data.parquet`, which is another object.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.errors import AwsError


class Listed(NamedTuple):
    """An object as a listing has it: its key, its ETag without quotes, and when it was written (aware)."""

    key: str
    etag: str
    modified: datetime


def list_exactly(
    s3: Any, bucket: str, prefix: str, after: str = "", end: str | None = None, *, setting: str = ""
) -> Iterator[Listed]:
    """The objects whose keys begin with `prefix`, in order, behind the key `after` and before the key `end`.

    `s3` is a boto3 client; `setting` names the bucket's. Raises AwsError, also for an answer that is no listing.
    """
    pages = iter(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after))
    while True:
        try:
            page = next(pages, None)
        except Exception as error:  # botocore raises many unrelated classes here
            raise as_aws_error(error, f"bucket {bucket}", setting) from error
        if page is None:
            return
        if "IsTruncated" not in page:  # every listing says so; an error or a page in its place does not
            raise AwsError(
                f"S3 gave something else than a listing of s3://{bucket}/{prefix}: run again, and ask whoever serves "
                "S3 when it happens again."
            )
        for item in page.get("Contents", []):
            if end is not None and item["Key"] >= end:
                return
            yield Listed(item["Key"], item["ETag"].strip('"'), item["LastModified"])
