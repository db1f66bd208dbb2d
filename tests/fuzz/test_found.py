"""Inputs that fuzzing found, each by itself."""

import io
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest

from b3lake.ingest.sources.cotahist import CotahistError, read_file
from devlake.cotahist_writer import quote, whole_file
from functions.start_glue_job.coalesce import start_for_messages
from functions.start_glue_job.refine_runs import Run


def _zip(method: int) -> bytearray:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as target:
        target.writestr("COTAHIST_A2024.TXT", whole_file([quote()] * 3))
    return bytearray(sink.getvalue())


def _encrypted() -> bytes:
    body = _zip(zipfile.ZIP_STORED)
    body[6] |= 1  # the flag of the member's own header, and that of the directory's entry
    body[body.index(b"PK\x01\x02") + 8] |= 1
    return bytes(body)


def _of_unknown_method() -> bytes:
    body = _zip(zipfile.ZIP_STORED)
    body[body.index(b"PK\x01\x02") + 10] = 77
    return bytes(body)


def _damaged(method: int) -> bytes:
    body = _zip(method)
    start = 30 + len("COTAHIST_A2024.TXT") + 12
    body[start : start + 24] = b"\xff" * 24
    return bytes(body)


@pytest.mark.parametrize(
    "body",
    [_encrypted(), _of_unknown_method(), *map(_damaged, (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))],
    ids=["encrypted", "unknown method", "damaged deflate", "damaged bzip2", "damaged LZMA"],
)
def test_a_broken_zip_is_refused_in_words(tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "COTAHIST_A2024.ZIP"
    file.write_bytes(body)
    with pytest.raises(CotahistError, match=r"^COTAHIST_A2024\.ZIP: .+; download it again\.$"):
        read_file(file)


class _Runs:
    def newest(self) -> list[Run]:
        return [Run(datetime(2024, 1, 3, tzinfo=timezone.utc), "SUCCEEDED")]

    def start(self) -> str:
        return "jr_1"


@pytest.mark.parametrize("body", ["[" * 100_000, "9" * 5_000], ids=["brackets", "digits"])
def test_a_body_that_json_gives_up_on_goes_back_alone(body: str) -> None:
    records = [{"messageId": "bad", "body": body}, {"messageId": "good", "body": '{"Records": []}'}]
    assert start_for_messages(records, _Runs(), "raw/b3/") == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
