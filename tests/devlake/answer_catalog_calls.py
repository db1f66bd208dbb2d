"""Answers Glue calls as ministack does, or as the AWS emulator of this project does: run by the emulator's virtualenv.

`python -m tests.devlake.answer_catalog_calls own|emulator` reads a line of JSON, a list of [operation, arguments], and
writes a line with the list of [status, document], each time from an empty catalog.
"""

import json
import sys
from typing import Any

from ministack.services import glue

from devlake import emulator_catalog

CLOCK = {"CreationTime", "LastAccessTime", "CreateTime", "UpdateTime"}


def call(operation: str, arguments: dict[str, Any]) -> tuple[int, Any]:
    headers = {"x-amz-target": f"AWSGlue.{operation}"}
    status, _, body = glue._handle_request_sync("POST", "/", headers, json.dumps(arguments).encode(), {})
    return status, without_times(json.loads(body))


def delete_one_by_one(arguments: dict[str, Any]) -> tuple[int, Any]:
    """BatchDeletePartition, which ministack lacks, in calls that it has."""
    errors = []
    for entry in arguments["PartitionsToDelete"]:
        one = arguments | {"PartitionValues": entry["Values"]}
        if call("GetPartition", one)[0] == 200:
            call("DeletePartition", one)
        else:
            why = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition not found"}
            errors.append({"PartitionValues": entry["Values"], "ErrorDetail": why})
    return 200, {"Errors": errors}


def without_times(document: Any) -> Any:
    """The document without what the clock decides."""
    if isinstance(document, dict):
        return {name: without_times(value) for name, value in document.items() if name not in CLOCK}
    return [without_times(one) for one in document] if isinstance(document, list) else document


def main() -> None:
    own = sys.argv[1] == "own"
    if not own:
        emulator_catalog.install()
    for line in sys.stdin:
        glue.reset()
        answers = [
            delete_one_by_one(arguments) if own and operation == "BatchDeletePartition" else call(operation, arguments)
            for operation, arguments in json.loads(line)
        ]
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
