"""Tables that somebody dropped are there again, as the template has them."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from b3lake.lake.keys import raw_key
from devlake.deploy_stack import NAMES, deploy_stack
from devlake.emulator import running
from devlake.mend_catalog import mend_catalog

pytestmark = pytest.mark.slow
_DEFINITION = ("Description", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")


def _tables(glue: Any) -> dict[str, dict[str, Any]]:
    found = glue.get_tables(DatabaseName=NAMES.database)["TableList"]
    return {one["Name"]: {name: one[name] for name in _DEFINITION} for one in found}


def _partitions(glue: Any) -> dict[tuple[str, ...], str]:
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=NAMES.database, TableName="b3_daily_quotes")
    return {tuple(one["Values"]): one["StorageDescriptor"]["Location"] for page in pages for one in page["Partitions"]}


def test_dropped_tables_are_made_again(tmp_path: Path) -> None:
    with running() as aws:
        bucket = deploy_stack(aws, tmp_path)["RawBucketName"]
        glue, s3 = aws.client("glue"), aws.client("s3")
        before = _tables(glue)
        assert len(before) == 7
        assert mend_catalog(aws, bucket) == []
        days = [dt.date(2024, 1, 2) + dt.timedelta(days=number) for number in range(120)]
        for key in [*(raw_key(day, "PETR4") for day in days), "raw/b3/no partition"]:
            s3.put_object(Bucket=bucket, Key=key, Body=b"")
        folder = f"s3://{bucket}/raw/b3/dt="
        registered = {(str(day), "PETR4"): f"{folder}{day}/ticker=PETR4/" for day in days}

        glue.delete_table(DatabaseName=NAMES.database, Name="b3_daily_quotes")
        glue.delete_table(DatabaseName=NAMES.database, Name="br_rates")
        assert mend_catalog(aws, bucket) == ["b3_daily_quotes", "br_rates"]
        assert _tables(glue) == before
        assert _partitions(glue) == registered

        glue.delete_database(Name=NAMES.database)
        assert mend_catalog(aws, bucket) == sorted([*before, NAMES.database])
        assert _tables(glue) == before
        assert _partitions(glue) == registered
