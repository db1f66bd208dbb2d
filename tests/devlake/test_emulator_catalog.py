"""The AWS emulator takes partitions out of its catalog, which ministack alone does not."""

import pytest
from botocore.exceptions import ClientError

from devlake.emulator import Emulator

pytestmark = pytest.mark.slow


def test_partitions_are_deleted_and_missing_ones_told(emulator: Emulator) -> None:
    glue = emulator.client("glue")
    glue.create_database(DatabaseInput={"Name": "batches"})
    where = {"DatabaseName": "batches", "TableName": "quotes"}
    table = {"Name": "quotes", "PartitionKeys": [{"Name": "dt", "Type": "date"}], "StorageDescriptor": {}}
    glue.create_table(DatabaseName="batches", TableInput=table)
    inputs = [{"Values": [day], "StorageDescriptor": {}} for day in ("2024-01-02", "2024-01-03")]
    glue.batch_create_partition(**where, PartitionInputList=inputs)
    wanted = [{"Values": ["2024-01-02"]}, {"Values": ["2024-01-09"]}]
    answer = glue.batch_delete_partition(**where, PartitionsToDelete=wanted)
    (error,) = answer["Errors"]
    assert (error["PartitionValues"], error["ErrorDetail"]["ErrorCode"]) == (["2024-01-09"], "EntityNotFoundException")
    assert [one["Values"] for one in glue.get_partitions(**where)["Partitions"]] == [["2024-01-03"]]


def test_other_calls_are_ministacks_own(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        emulator.client("glue").get_database(Name="missing")
