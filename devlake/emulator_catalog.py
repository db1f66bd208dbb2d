"""Runs ministack with the one Glue call that this project makes and it lacks: BatchDeletePartition.

Without it no partition could be taken out of a catalog on this machine: the refine job would fail as soon as a raw
object is gone. It is run by the AWS emulator's own virtualenv, which has nothing else of this project.
"""

import json
from typing import Any

from ministack import app
from ministack.services import glue

_CALL = "AWSGlue.BatchDeletePartition"
_serve_others = glue._handle_request_sync


def _serve(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
    if headers.get("x-amz-target") != _CALL:
        return _serve_others(method, path, headers, body, query)
    return glue.json_response({"Errors": _delete(json.loads(body))})


def _delete(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Delete the partitions; one error for each that is not there, as Glue has it."""
    errors = []
    for entry in asked["PartitionsToDelete"]:
        one = {"DatabaseName": asked["DatabaseName"], "TableName": asked["TableName"]}
        one["PartitionValues"] = entry["Values"]
        status = glue._get_partition(one)[0]
        if status == 200:
            glue._delete_partition(one)
        else:
            why = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition not found"}
            errors.append({"PartitionValues": entry["Values"], "ErrorDetail": why})
    return errors


if __name__ == "__main__":
    glue._handle_request_sync = _serve
    app.main()
