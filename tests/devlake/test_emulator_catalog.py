"""The emulator's catalog answers as ministack's own does, and takes partitions away, which that does not."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from devlake import paths
from devlake.emulator import Emulator, running
from tests.devlake.emulator_memory import memory

Call = tuple[str, dict[str, Any]]
TABLES = [{"DatabaseName": "lake", "TableName": "quotes"}, {"DatabaseName": "lake", "TableName": "refined"}]


class Catalog:
    """A process that answers lists of calls, each from an empty catalog."""

    def __init__(self, kind: str) -> None:
        command = [paths.tool("ministack", "python"), "-m", "tests.devlake.answer_catalog_calls", kind]
        self.process = subprocess.Popen(
            command, cwd=paths.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def answer(self, calls: list[Call]) -> list[Any]:
        self.process.stdin.write(json.dumps(calls) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def catalogs() -> Iterator[tuple[Catalog, Catalog]]:
    """ministack's own, and the emulator's."""
    with ExitStack() as stack:
        own, emulator = Catalog("own"), Catalog("emulator")
        for one in (own, emulator):
            stack.enter_context(one.process)
            stack.callback(one.process.kill)
        yield own, emulator


def create(table: dict[str, str]) -> list[Call]:
    keys = [{"Name": "dt", "Type": "date"}, {"Name": "ticker", "Type": "string"}]
    return [
        ("CreateTable", {"DatabaseName": "lake", "TableInput": {"Name": table["TableName"], "PartitionKeys": keys}})
    ]


BEGIN: list[Call] = [("CreateDatabase", {"DatabaseInput": {"Name": "lake"}}), *create(TABLES[0]), *create(TABLES[1])]
END: list[Call] = [("GetPartitions", table) for table in TABLES]

# Few, so that they often repeat; "" and none at all are taken by ministack.
values = st.lists(st.sampled_from(["2024-01-02", "2024-01-03", "PETR4", ""]), max_size=2)
tables = st.sampled_from(TABLES)
columns = st.sampled_from([[], [{"Name": "close", "Type": "double"}], [{"Name": "close", "Type": "bigint"}]])
descriptors = st.fixed_dictionaries(
    {"Location": st.sampled_from(["s3://a/", "s3://b/"])},
    optional={"Columns": columns, "SerdeInfo": st.just({"Parameters": {"a": "b"}})},
)
partitions = st.fixed_dictionaries(
    {}, optional={"StorageDescriptor": descriptors, "Values": values, "Parameters": st.just({"a": "b"})}
)


def on_table(operation: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Call]:
    return st.tuples(st.just(operation), st.builds(dict.__or__, tables, st.fixed_dictionaries(arguments)))


calls = st.one_of(
    on_table("BatchCreatePartition", PartitionInputList=st.lists(partitions, max_size=5)),
    on_table("BatchCreatePartition", PartitionInputList=st.lists(partitions, max_size=5)),
    on_table("CreatePartition", PartitionInput=partitions),
    on_table("DeletePartition", PartitionValues=values),
    on_table(
        "BatchDeletePartition",
        PartitionsToDelete=st.lists(st.fixed_dictionaries({"Values": values}), min_size=1, max_size=4),
    ),
    on_table(
        "BatchUpdatePartition",
        Entries=st.lists(
            st.fixed_dictionaries({"PartitionValueList": values, "PartitionInput": partitions}), max_size=3
        ),
    ),
    on_table("GetPartition", PartitionValues=values),
    on_table("BatchGetPartition", PartitionsToGet=st.lists(st.fixed_dictionaries({"Values": values}), max_size=3)),
    tables.map(lambda table: ("DeleteTable", {"DatabaseName": "lake", "Name": table["TableName"]})),
    tables.map(lambda table: ("BatchDeleteTable", {"DatabaseName": "lake", "TablesToDelete": [table["TableName"]]})),
    tables.map(lambda table: create(table)[0]),
    st.just(("DeleteDatabase", {"Name": "lake"})),
    st.just(BEGIN[0]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(calls, min_size=1, max_size=12))
def test_every_call_is_answered_as_by_ministack(catalogs: tuple[Catalog, Catalog], asked: list[Call]) -> None:
    own, emulator = catalogs
    whole = [*BEGIN, *asked, *END]
    for call, answer, wanted in zip(whole, emulator.answer(whole), own.answer(whole), strict=True):
        assert answer == wanted, call


def test_the_cases_that_matter_are_not_left_to_chance(catalogs: tuple[Catalog, Catalog]) -> None:
    own, emulator = catalogs
    table, day, next_day = TABLES[0], {"Values": ["2024-01-02", "PETR4"]}, {"Values": ["2024-01-03", "PETR4"]}
    other = {"Values": ["2024-01-04", "PETR4"]}
    renamed = {"PartitionValueList": day["Values"], "PartitionInput": {"Values": ["x", "y"]}}
    add_two: Call = ("BatchCreatePartition", table | {"PartitionInputList": [day, next_day]})
    whole = [
        *BEGIN,
        add_two,
        ("BatchCreatePartition", table | {"PartitionInputList": [day, other, other]}),
        ("DeletePartition", table | {"PartitionValues": day["Values"]}),
        add_two,
        ("BatchDeletePartition", table | {"PartitionsToDelete": [day, day, next_day]}),
        add_two,
        ("BatchUpdatePartition", table | {"Entries": [renamed]}),
        add_two,
        ("CreatePartition", table | {"PartitionInput": {"Values": ["z", "z"]}}),
        ("BatchCreatePartition", table | {"PartitionInputList": [{"Values": ["z", "z"]}]}),
        ("DeleteTable", {"DatabaseName": "lake", "Name": "quotes"}),
        *create(table),
        add_two,
        ("DeleteDatabase", {"Name": "lake"}),
        *BEGIN,
        add_two,
        *END,
    ]
    answers = emulator.answer(whole)
    assert answers == own.answer(whole)
    refused = [
        [error["PartitionValues"][0] for error in document["Errors"]]
        for (operation, _), (_, document) in zip(whole, answers, strict=True)
        if operation.startswith("Batch")
    ]
    assert refused == [
        [],
        ["2024-01-02", "2024-01-04"],
        ["2024-01-03"],
        ["2024-01-02"],
        [],
        [],
        ["2024-01-03"],
        ["z"],
        [],
        [],
    ]
    assert [one["Values"][0] for one in answers[-2][1]["Partitions"]] == ["2024-01-02", "2024-01-03"]


@pytest.mark.slow
def test_partitions_are_deleted_and_missing_ones_told(emulator: Emulator) -> None:
    glue = emulator.client("glue")
    glue.create_database(DatabaseInput={"Name": "batches"})
    where = {"DatabaseName": "batches", "TableName": "quotes"}
    table = {"Name": "quotes", "PartitionKeys": [{"Name": "dt", "Type": "date"}], "StorageDescriptor": {}}
    glue.create_table(DatabaseName="batches", TableInput=table)
    inputs = [{"Values": [day], "StorageDescriptor": {}} for day in ("2024-01-02", "2024-01-03")]
    glue.batch_create_partition(**where, PartitionInputList=inputs)
    (again,) = glue.batch_create_partition(**where, PartitionInputList=inputs[1:])["Errors"]
    assert (again["PartitionValues"], again["ErrorDetail"]["ErrorCode"]) == (["2024-01-03"], "AlreadyExistsException")
    wanted = [{"Values": ["2024-01-02"]}, {"Values": ["2024-01-09"]}]
    answer = glue.batch_delete_partition(**where, PartitionsToDelete=wanted)
    (error,) = answer["Errors"]
    assert (error["PartitionValues"], error["ErrorDetail"]["ErrorCode"]) == (["2024-01-09"], "EntityNotFoundException")
    assert [one["Values"] for one in glue.get_partitions(**where)["Partitions"]] == [["2024-01-03"]]


@pytest.mark.slow
def test_other_calls_are_ministacks_own(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        emulator.client("glue").get_database(Name="missing")


@pytest.mark.slow
def test_what_partitions_have_in_common_is_in_memory_once() -> None:
    columns = [{"Name": f"column_{number}", "Type": "double", "Comment": "one of many"} for number in range(40)]
    with running() as aws:
        glue = aws.client("glue")
        glue.create_database(DatabaseInput={"Name": "common"})
        glue.create_table(DatabaseName="common", TableInput={"Name": "many", "PartitionKeys": [{"Name": "number"}]})
        before = memory(aws)
        for first in range(0, MANY, 100):
            stored = {"Columns": columns, "SerdeInfo": {"Parameters": {"a": "b"}}}
            added = [
                {"Values": [str(number)], "StorageDescriptor": stored | {"Location": f"s3://many/{number}/"}}
                for number in range(first, first + 100)
            ]
            answer = glue.batch_create_partition(DatabaseName="common", TableName="many", PartitionInputList=added)
            assert answer["Errors"] == []
        assert memory(aws) - before < MANY * OF_ONE_BYTES
        last = glue.get_partition(DatabaseName="common", TableName="many", PartitionValues=[str(MANY - 1)])["Partition"]
        assert last["StorageDescriptor"]["Columns"] == columns
        assert last["StorageDescriptor"]["Location"] == f"s3://many/{MANY - 1}/"


MANY = 8_000
OF_ONE_BYTES = 5_000
"""Of a partition with its columns, without which it has a fifth of it."""
