"""The guard before the emulator refuses an address whose time is over by itself, whatever the emulator would do."""

import datetime as dt
import json
import subprocess
from pathlib import Path

import boto3
import pytest
from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from devlake import emulator, paths
from devlake.aws_environment import ACCESS_KEY, REGION

SECRET = "k" * 43
URL = "http://127.0.0.1:1"
# Asks for each address of an app that serves everybody.
PROGRAM = """
import asyncio, json, sys
from urllib.parse import unquote, urlsplit
from devlake.emulator_signature import for_owners_of_the_key

async def serves_everybody(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})

async def ask(address):
    place, told = urlsplit(address), []
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        told.append(message)
    scope = {"type": "http", "method": "GET", "path": unquote(place.path), "raw_path": place.path.encode(),
             "query_string": place.query.encode(), "headers": [(b"host", place.netloc.encode())]}
    await for_owners_of_the_key(serves_everybody)(scope, receive, send)
    return [told[0]["status"], told[1]["body"].decode()]

print(json.dumps([asyncio.run(ask(address)) for address in json.loads(sys.argv[1])]))
"""


@pytest.mark.slow
def test_an_address_whose_time_is_over_is_refused_by_the_guard_itself(tmp_path: Path) -> None:
    environment = emulator._environment(1, tmp_path, None, SECRET, "", enforce_iam=False)
    addresses = [_signed(since=0), _signed(since=3000), _signed_of_old(3600), _signed(since=3601), _signed_of_old(-1)]
    asked = subprocess.run(
        [paths.tool("ministack", "python"), "-c", PROGRAM, json.dumps(addresses)],
        env=environment | {"PYTHONPATH": str(paths.ROOT)},
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *good, over, over_of_old = json.loads(asked.stdout.splitlines()[-1])
    assert good == [[200, "served"]] * 3
    error = "<ErrorResponse><Error><Code>{}</Code><Message>Request has expired</Message></Error></ErrorResponse>"
    assert over == [403, error.format("AccessDenied")]
    assert over_of_old == [403, error.format("SignatureDoesNotMatch")]


def _signed(*, since: int) -> str:
    """An address of SigV4 that is good for an hour and was signed `since` seconds ago; botocore signs at once alone."""
    signer = S3SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET), "s3", REGION, expires=3600)
    request = AWSRequest("GET", f"{URL}/lent/a%20b")
    at = dt.datetime.now(dt.timezone.utc) - dt.timedelta(seconds=since)
    request.context["timestamp"] = at.strftime(SIGV4_TIMESTAMP)
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return f"{request.url}&X-Amz-Signature={signer.signature(text, request)}"


def _signed_of_old(seconds: int) -> str:
    """An address of S3's first manner that is good for `seconds`."""
    s3 = boto3.client(
        "s3",
        endpoint_url=URL,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        config=Config(signature_version="s3"),
    )
    return str(s3.generate_presigned_url("get_object", {"Bucket": "lent", "Key": "a b"}, ExpiresIn=seconds))
