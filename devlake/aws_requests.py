"""Says which AWS operation a request on the wire is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_CREDENTIAL = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
# What tells S3's operations on an object apart from the usual one of their method, in the query.
_OF_OBJECTS = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("PUT", "partNumber"): "UploadPart",
    ("GET", "uploadId"): "ListParts",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}
_USUAL_OF_OBJECTS = {
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
    "POST": "PostObject",
}
_OF_BUCKETS = {
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "versions"): "ListObjectVersions",
    ("GET", "uploads"): "ListMultipartUploads",
    ("POST", "delete"): "DeleteObjects",
}
_USUAL_OF_BUCKETS = {"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
# Parameters of an operation, not the name of something that the bucket has.
_PARAMETERS = {"prefix", "delimiter", "marker", "max-keys", "encoding-type", "x-id"}


@dataclass(frozen=True)
class AwsRequest:
    """A request: `service` as in its signature (s3, glue, …), `operation` as AWS's API names it, and S3's key.

    `prefix` is the one that a listing is asked for.
    """

    service: str
    operation: str
    bucket: str = ""
    key: str = ""
    body: bytes = b""
    prefix: str = ""

    @property
    def name(self) -> str:
        """Service and operation: `s3 ListObjectsV2`, `glue BatchCreatePartition`."""
        return f"{self.service} {self.operation}"


def read_aws_request(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> AwsRequest:
    """The request of this method, target (path and query) and headers (names in lower case).

    Who does not sign asks S3. Buckets stand in the path, as they do where the host is an address.
    """
    signed = _CREDENTIAL.search(headers.get("authorization", ""))
    service = signed[1] if signed else "s3"
    if "x-amz-target" in headers:
        return AwsRequest(service, headers["x-amz-target"].rpartition(".")[2], body=body)
    if service == "s3":
        return _of_s3(method, target, headers, body)
    action = parse_qs(body.decode("latin-1")).get("Action", [f"{method} {urlsplit(target).path}"])
    return AwsRequest(service, action[0], body=body)


def _of_s3(method: str, target: str, headers: Mapping[str, str], body: bytes) -> AwsRequest:
    parts = urlsplit(target)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    asked = parse_qs(parts.query, keep_blank_values=True)
    if key:
        named, usual = _OF_OBJECTS, _USUAL_OF_OBJECTS
    else:
        named, usual = _OF_BUCKETS, _USUAL_OF_BUCKETS
    operation = next((name for (verb, word), name in named.items() if verb == method and word in asked), "")
    if not operation and (extra := sorted(set(asked) - _PARAMETERS)):
        operation = f"{method} ?{extra[0]}"  # a configuration: ?lifecycle, ?tagging
    elif not operation:
        operation = usual.get(method, method) if bucket else "ListBuckets"
    if operation == "PutObject" and "x-amz-copy-source" in headers:
        operation = "CopyObject"
    return AwsRequest("s3", operation, bucket, key, body, asked.get("prefix", [""])[0])
