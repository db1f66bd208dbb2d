"""Runs ministack with what its Glue catalog lacks for a lake of many partitions: `python -m devlake.emulator_catalog`.

- BatchDeletePartition, which it does not have: no partition could be taken out of a catalog on this machine.
- BatchCreatePartition with a set of the values that are there. Its own compares each new partition with all of them,
  so that 22,000 partitions take minutes; the answers are the same. What a partition says like the one before it, as
  its columns, is in memory once for both: of its 6 kB most.
- Events of S3 at the pace of a large ingestion (devlake/emulator_events.py).
- Questions about tables of many objects (devlake/emulator_athena.py).
- The bytes of a kept lake's objects in files alone (devlake/emulator_files.py).
- The first answer for a request that is sent again (devlake/emulator_retries.py).
- A refusal for whatever a browser sends (devlake/emulator_guard.py), and for whoever has not its key
  (devlake/emulator_signature.py).
- Usual requests in half the processor time (devlake/emulator_http.py).
- Files that SQL cannot reach (devlake/emulator_sql.py).
- What it has saved, whole or not at all (devlake/emulator_state.py).
- A second address to listen at, for containers (devlake/emulator_address.py).

It is run from the checkout's folder by the virtualenv of the emulator, which has nothing else of this project: so it
imports the standard library, ministack and what does the same.
"""

import json
import threading
import time
from typing import Any

from ministack import app
from ministack.services import glue

from devlake import (
    emulator_address,
    emulator_athena,
    emulator_events,
    emulator_files,
    emulator_http,
    emulator_sql,
    emulator_state,
)
from devlake.emulator_guard import for_programs_only
from devlake.emulator_retries import answering_retries
from devlake.emulator_signature import for_owners_of_the_key

_CALL = "AWSGlue.BatchDeletePartition"
_serve_others = glue._handle_request_sync
_update_others = glue._batch_update_partition

_lock = threading.Lock()
_known: dict[tuple[str, ...], "_KnownValues"] = {}


class _KnownValues:
    """The values of the partitions in one of ministack's lists, which grows at its end or is replaced by another."""

    def __init__(self, partitions: list[dict[str, Any]]) -> None:
        self.partitions = partitions
        self.values: set[tuple[str, ...]] = set()
        self._seen = 0

    def look_again(self) -> None:
        """Read the partitions that were added since the last look, by whichever call."""
        added = self.partitions[self._seen :]
        # To ministack one without values is the same as no other.
        self.values.update(tuple(one["Values"]) for one in added if "Values" in one)
        self._seen = len(self.partitions)


def _known_values(asked: dict[str, Any]) -> _KnownValues:
    """The values in the table that a call is about."""
    table = f"{asked.get('DatabaseName')}/{asked.get('TableName')}"
    partitions = glue._partitions.setdefault(table, [])
    where = (glue.get_account_id(), glue.get_region(), table)
    known = _known.get(where)
    if known is None or known.partitions is not partitions:
        known = _known[where] = _KnownValues(partitions)
    known.look_again()
    return known


def batch_create_partition(asked: dict[str, Any]) -> Any:
    """Add the partitions; one error for each whose values are there."""
    errors = []
    with _lock:
        known = _known_values(asked)
        for one in asked.get("PartitionInputList", []):
            values = one.get("Values", [])
            if tuple(values) in known.values:
                errors.append(_error(values, "AlreadyExistsException", "Partition already exists"))
                continue
            kept = {"DatabaseName": asked.get("DatabaseName"), "TableName": asked.get("TableName")}
            kept |= {"CreationTime": int(time.time()), "CatalogId": glue.get_account_id()}
            known.partitions.append(_sharing(one, known.partitions) | kept)
            known.look_again()
    return glue.json_response({"Errors": errors})


def _sharing(one: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    """The same partition, which shares with the last of `others` what is equal in how they are stored."""
    if "StorageDescriptor" not in one or not others:
        return one
    there = others[-1].get("StorageDescriptor", {})
    stored = {name: there[name] if there.get(name) == what else what for name, what in one["StorageDescriptor"].items()}
    return one | {"StorageDescriptor": stored}


def batch_update_partition(asked: dict[str, Any]) -> Any:
    """ministack's own, which may give a partition other values in its place in the list."""
    with _lock:
        _known.clear()
        return _update_others(asked)


def batch_delete_partition(asked: dict[str, Any]) -> Any:
    """Delete the partitions; one error for each that is not there, as Glue has it."""
    errors = []
    with _lock:
        there = set(_known_values(asked).values)
        for entry in asked["PartitionsToDelete"]:
            values = tuple(entry["Values"])
            if values in there:
                there.remove(values)
                table = {"DatabaseName": asked["DatabaseName"], "TableName": asked["TableName"]}
                glue._delete_partition(table | {"PartitionValues": entry["Values"]})
            else:
                errors.append(_error(entry["Values"], "EntityNotFoundException", "Partition not found"))
    return glue.json_response({"Errors": errors})


def _error(values: list[str], code: str, message: str) -> dict[str, Any]:
    return {"PartitionValues": values, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": message}}


def _serve(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
    if headers.get("x-amz-target") == _CALL:
        return batch_delete_partition(json.loads(body))
    return _serve_others(method, path, headers, body, query)


def install() -> None:
    """Put these calls in the place of ministack's."""
    glue._batch_create_partition = batch_create_partition
    glue._batch_update_partition = batch_update_partition
    glue._handle_request_sync = _serve
    emulator_address.install()
    emulator_http.install()
    emulator_events.install()
    emulator_athena.install()
    emulator_files.install()
    emulator_sql.install()
    emulator_state.install()
    app.app = for_programs_only(for_owners_of_the_key(answering_retries(app.app)))


if __name__ == "__main__":
    install()
    app.main()
