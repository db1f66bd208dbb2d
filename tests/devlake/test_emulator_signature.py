"""Whoever has the lake's key is served by the AWS emulator; a web page and another user of the machine are not."""

import base64
import io
import json
import multiprocessing
import os
import pwd
import stat
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from devlake import local_lake
from devlake.aws_environment import ACCESS_KEY, REGION
from devlake.emulator import ACCOUNT_ID, Emulator
from tests.devlake.raw_requests import raw_request, send

pytestmark = pytest.mark.slow

CALLS = {
    "s3": ("create_bucket", {"Bucket": "of-a-stranger"}),
    "athena": ("create_work_group", {"Name": "of_a_stranger"}),
    "lambda": ("list_functions", {}),
    "sqs": ("create_queue", {"QueueName": "of-a-stranger"}),
    "sts": ("get_caller_identity", {}),
    "cloudformation": ("list_stacks", {}),
}
STRANGERS = {
    "nobody's": {"config": Config(signature_version=UNSIGNED)},
    "another secret": {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": "test"},
    "no secret to speak of": {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": "x"},
    "the account's number": {"aws_access_key_id": ACCOUNT_ID, "aws_secret_access_key": "test"},
    "a key that nobody gave out": {"aws_access_key_id": "AKIA" + "X" * 16, "aws_secret_access_key": "test"},
}
REFUSALS = {
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "MissingAuthenticationToken",
}


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("stranger", STRANGERS)
def test_who_has_not_the_key_is_refused(emulator: Emulator, service: str, stranger: str) -> None:
    client: Any = boto3.client(  # type: ignore[call-overload]
        service, endpoint_url=emulator.endpoint_url, region_name=REGION, **STRANGERS[stranger]
    )
    call, arguments = CALLS[service]
    with pytest.raises(ClientError) as caught:
        getattr(client, call)(**arguments)
    assert caught.value.response["Error"]["Code"] in REFUSALS
    assert "of-a-stranger" not in [one["Name"] for one in emulator.client("s3").list_buckets()["Buckets"]]


@pytest.mark.parametrize("service", CALLS)
def test_the_key_opens_every_service(emulator: Emulator, service: str) -> None:
    call, arguments = CALLS[service]
    own = {name: f"{text}-not" if isinstance(text, str) else text for name, text in arguments.items()}
    getattr(emulator.client(service), call)(**own)


def test_what_was_signed_cannot_be_changed(emulator: Emulator) -> None:
    names = {"X-Amz-Target": "AmazonAthena.ListWorkGroups", "Content-Type": "application/x-amz-json-1.1"}
    request = raw_request(emulator.endpoint_url, b"{}", headers=names, secret=emulator.key)
    changed = [
        request.replace(b"ListWorkGroups", b"ListDataCatalogs"),
        request.replace(b"\r\n\r\n{}", b"\r\n\r\n[]"),
        request.replace(b"Signature=", b"Signature=\xff"),
        request.replace(b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA1"),
    ]
    assert [send(emulator.endpoint_url, one) for one in [request, *changed]] == [200, 403, 403, 403, 403]


@pytest.mark.parametrize(("version", "last"), [("s3v4", "&X-Amz-Signature"), ("s3", "&Expires")])
def test_an_address_that_was_signed_is_good_for_its_object_and_its_time(
    emulator: Emulator, version: str, last: str
) -> None:
    s3 = emulator.client("s3")
    lender = boto3.client("s3", endpoint_url=emulator.endpoint_url, config=Config(signature_version=version))
    s3.create_bucket(Bucket="lent")
    s3.put_object(Bucket="lent", Key="a b", Body=b"one")
    s3.put_object(Bucket="lent", Key="c", Body=b"two")
    good = lender.generate_presigned_url("get_object", {"Bucket": "lent", "Key": "a b"})
    over = lender.generate_presigned_url("get_object", {"Bucket": "lent", "Key": "a b"}, ExpiresIn=1)
    assert [urllib.request.urlopen(one, timeout=10).read() for one in (good, over)] == [b"one", b"one"]
    time.sleep(2.5)
    for bad in (good.replace("a%20b", "c"), over, good.partition(last)[0], good.partition("?")[0]):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(bad, timeout=10)


def test_a_lambda_function_has_a_key(emulator: Emulator) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("f.py", "import boto3\ndef run(*_):\n    return boto3.client('s3').list_buckets()['Owner']\n")
    function = emulator.client("lambda")
    function.create_function(
        FunctionName="asks",
        Runtime="python3.11",
        Role=f"arn:aws:iam::{ACCOUNT_ID}:role/x",
        Handler="f.run",
        Code={"ZipFile": code.getvalue()},
    )
    answer = function.invoke(FunctionName="asks")
    assert "ID" in json.loads(answer["Payload"].read()), "the function's own request was refused"


def test_it_listens_on_one_port_of_this_machine_alone(emulator: Emulator) -> None:
    family = psutil.Process(emulator.supervisor_pid).children(recursive=True)
    sockets = [one for process in family for one in process.net_connections()]
    listening = {one.laddr for one in sockets if one.status == psutil.CONN_LISTEN}
    assert [f"http://{place.ip}:{place.port}" for place in listening] == [emulator.endpoint_url]


@pytest.fixture
def kept_lake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A kept lake in a folder that everybody may look into, as one in a home folder often is."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        for name, file in [("FOLDER", "."), ("_RECORD", "lake.json"), ("_PORT", "port"), ("KEY", "key")]:
            monkeypatch.setattr(local_lake, name, folder / file)
        aws = local_lake.start_lake()
        try:
            yield aws
        finally:
            local_lake.stop_lake()


def _as_nobody(files: list[Path], url: str, requests: list[bytes], told: Any) -> None:
    """Become another user, try to read the files and to send the requests, and tell what came of each."""
    os.setgroups([])
    nobody = pwd.getpwnam("nobody")
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    for file in files:
        try:
            told.put(file.read_bytes())
        except PermissionError:
            told.put("denied")
    for request in requests:
        told.put(send(url, request))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a child as another user")
def test_another_user_of_the_machine_is_refused_and_cannot_read_the_key(kept_lake: Emulator) -> None:
    url = kept_lake.endpoint_url
    function = json.dumps({"FunctionName": "theirs", "Runtime": "python3.11", "Handler": "f.run", "Role": "arn:x"})
    requests = [
        raw_request(url + place, body, headers={"Content-Type": "application/json"}, service=service, secret=secret)
        for place, service, body in [
            ("/2015-03-31/functions", "lambda", function.encode()),
            ("/_ministack/reset", "s3", b""),
            ("/", "athena", b"{}"),
        ]
        for secret in ("", "test")
    ]
    emulators = psutil.Process(kept_lake.supervisor_pid).children(recursive=True)
    files = [local_lake.KEY, *(file for one in emulators if (file := Path(f"/proc/{one.pid}/environ")).exists())]
    fork = multiprocessing.get_context("fork")  # the interpreter itself may be where nobody else may look
    told = fork.SimpleQueue()
    other = fork.Process(target=_as_nobody, args=(files, url, requests, told))
    other.start()
    other.join(60)
    assert other.exitcode == 0
    assert [told.get() for _ in [*files, *requests]] == ["denied"] * len(files) + [403] * len(requests)
    assert kept_lake.client("lambda").list_functions()["Functions"] == []


def test_the_key_is_for_its_owner_alone_and_another_each_time(kept_lake: Emulator) -> None:
    assert stat.S_IMODE(local_lake.KEY.stat().st_mode) == 0o600
    assert local_lake.KEY.read_text() == kept_lake.key
    found = local_lake.find_lake()
    assert found == kept_lake
    assert kept_lake.key not in repr(found)
    assert kept_lake.key.encode() not in kept_lake.log.read_bytes()
    supervisor = psutil.Process(kept_lake.supervisor_pid)
    family = [supervisor, *supervisor.children(recursive=True)]
    assert [one for one in family if kept_lake.key in " ".join(one.cmdline())] == []
    local_lake.stop_lake()
    other = local_lake.start_lake().key
    assert [len(base64.urlsafe_b64decode(f"{key}=")) for key in (kept_lake.key, other)] == [32, 32]
    assert sum(one == its for one, its in zip(kept_lake.key, other, strict=True)) < 12, "most of it is always the same"
