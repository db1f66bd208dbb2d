"""Makes again the tables that somebody dropped from a deployed lake: to CloudFormation they are there."""

import json
from collections.abc import Iterator
from typing import Any

from b3lake.lake.keys import RAW_PREFIX, may_hold, parse_partition_key, partition_folder
from b3lake.lake.names import RAW_TABLE
from devlake.deploy_stack import NAMES, STACK
from devlake.emulator import Emulator

MENDING_STACK = f"{STACK}-catalog"
"""Lives for seconds: what it makes is retained."""
PARTITIONS_PER_CALL = 100
_DATABASE, _TABLE = "AWS::Glue::Database", "AWS::Glue::Table"


def mend_catalog(aws: Emulator, bucket: str) -> list[str]:
    """Make what the stack's catalog lacks as the template has it, and register the objects of bronze again.

    The tables (and database) that were made, sorted. The refine job's next run registers its own two by itself.
    """
    gone = _gone(aws)
    if gone:
        _make(aws, gone)
    if RAW_TABLE in gone.values():
        _register_bronze(aws, bucket)
    return sorted(gone.values())


def _gone(aws: Emulator) -> dict[str, str]:
    """Logical id to name of the stack's database and tables that the catalog has not."""
    glue = aws.client("glue")
    there = {(_DATABASE, one["Name"]) for one in glue.get_databases()["DatabaseList"]}
    if (_DATABASE, NAMES.database) in there:
        there |= {(_TABLE, one["Name"]) for one in glue.get_tables(DatabaseName=NAMES.database)["TableList"]}
    resources = aws.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    catalog = [one for one in resources if one["ResourceType"] in {_DATABASE, _TABLE}]
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in catalog
        if (one["ResourceType"], one["PhysicalResourceId"]) not in there
    }


def _make(aws: Emulator, gone: dict[str, str]) -> None:
    cloudformation = aws.client("cloudformation")
    template: dict[str, Any] = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    resources = {name: dict(template["Resources"][name]) | {"DeletionPolicy": "Retain"} for name in gone}
    for resource in resources.values():
        if resource["Type"] == _TABLE:  # its database need not be in this stack
            resource["Properties"] = dict(resource["Properties"]) | {"DatabaseName": NAMES.database}
            resource["DependsOn"] = [name for name, one in resources.items() if one["Type"] == _DATABASE]
    kept = {part: template[part] for part in ("Parameters", "Mappings", "Conditions") if part in template}
    cloudformation.create_stack(StackName=MENDING_STACK, TemplateBody=json.dumps(kept | {"Resources": resources}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=MENDING_STACK, WaiterConfig={"Delay": 1})
    cloudformation.delete_stack(StackName=MENDING_STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=MENDING_STACK, WaiterConfig={"Delay": 1})


def _register_bronze(aws: Emulator, bucket: str) -> None:
    glue = aws.client("glue")
    storage = glue.get_table(DatabaseName=NAMES.database, Name=RAW_TABLE)["Table"]["StorageDescriptor"]
    partitions = list(_bronze(aws, bucket, storage))
    for start in range(0, len(partitions), PARTITIONS_PER_CALL):
        some = partitions[start : start + PARTITIONS_PER_CALL]
        glue.batch_create_partition(DatabaseName=NAMES.database, TableName=RAW_TABLE, PartitionInputList=some)


def _bronze(aws: Emulator, bucket: str, storage: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for page in aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{RAW_PREFIX}/"):
        for item in page.get("Contents", []):
            parsed = parse_partition_key(RAW_PREFIX, item["Key"])
            if parsed and may_hold(*parsed):
                location = partition_folder(f"s3://{bucket}/{RAW_PREFIX}", *parsed)
                yield {"Values": [str(parsed[0]), parsed[1]], "StorageDescriptor": storage | {"Location": location}}
