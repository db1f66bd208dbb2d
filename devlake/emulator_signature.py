"""Serves whoever signs with the lake's key, and nobody else: an ASGI app before the emulator's own.

The emulator by itself carries out what anybody sends, signed or not. Here the signature of each request (SigV4, in its
header or, presigned, in its address) is verified as AWS does it. The secret is the lake's key, which
`devlake.emulator` puts into AWS_SECRET_ACCESS_KEY of the emulator's process; keys that the emulator's own IAM and STS
have given out are as good. Whether it is up may be asked without one.

It runs in the virtualenv of the emulator: the standard library and ministack alone.
"""

import json
import os
import re
from collections.abc import Mapping
from http import HTTPMethod, HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_evaluator, responses, sigv4

from devlake.emulator_retries import App, Message, Receive, Send, whole_request

HEALTH = "/_ministack/health"
_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = ("MissingAuthenticationToken", "This AWS emulator is for who has its key: sign with that of its lake.")
_OF_OLD_ADDRESSES = {"AWSAccessKeyId", "Signature", "Expires"}
_ACCOUNT = re.compile(r"\d{12}")
_OF_A_JSON_API = re.compile(r"/\d{4}-\d\d-\d\d/")
"""How the paths of Lambda and other REST services begin."""


def for_owners_of_the_key(app: App) -> App:
    """`app`, which sees no request that is not signed with a key of this emulator; those get 403."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif scope["type"] == "websocket":  # nothing of a lake is one
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif (scope["method"], scope["path"]) == (HTTPMethod.GET, HEALTH):
            await _reply(send, HTTPStatus.OK, b"{}", "application/json")
        else:
            request = await whole_request(receive)
            headers, query = _headers(scope), _query(scope)
            failure = _failure(scope, headers, query, request["body"])
            if failure:
                body, kind = _refusal(*failure, is_json=_speaks_json(scope, headers))
                await _reply(send, HTTPStatus.FORBIDDEN, body, kind)
            else:
                await app(scope, _given_again(request, receive), send)

    return answer


def _headers(scope: Message) -> dict[str, str]:
    """The headers by their names in lower case; one that came twice has both values, as it is signed."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _query(scope: Message) -> dict[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)


def _failure(
    scope: Message, headers: Mapping[str, str], query: Mapping[str, list[str]], body: bytes
) -> tuple[str, str] | None:
    """AWS's code and a message for a request that is not signed as it must be, or None."""
    if set(query) >= _OF_OLD_ADDRESSES:
        return _failure_of_old_address(scope, headers, query)
    presigned = "authorization" not in headers
    algorithm = query.get("X-Amz-Algorithm", [""])[0] if presigned else headers["authorization"].partition(" ")[0]
    if algorithm != _ALGORITHM:
        return _UNSIGNED
    signature = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        return signature
    token = query.get("X-Amz-Security-Token", [""])[0] if presigned else headers.get("x-amz-security-token", "")
    known = iam_evaluator.resolve_credential(signature.access_key_id, _account(signature.access_key_id), token)
    if isinstance(known, iam_evaluator.CredentialResolutionError):
        return known.code, known.message
    path = scope["raw_path"].decode("latin-1")
    try:
        late = _lateness(signature, query) if presigned else sigv4.request_time_failure(signature)
        wrong: tuple[str, str] | None = late or sigv4.header_signature_failure(
            signature, known.secret_access_key, scope["method"], path, query, headers, body, presigned=presigned
        )
    except (TypeError, ValueError):  # a signature or a time that is none
        return _UNSIGNED
    return wrong


def _failure_of_old_address(
    scope: Message, headers: Mapping[str, str], query: Mapping[str, list[str]]
) -> tuple[str, str] | None:
    """The same for an address that was signed in S3's first manner, as boto3 still does."""
    key, path = query["AWSAccessKeyId"][0], scope["raw_path"].decode("latin-1")
    request = iam_evaluator.SignedRequest(
        key, scope["method"], path, query, headers, presigned=True, sigv2=True, auth_path=path
    )
    checked = iam_evaluator._sigv2_check(request, _account(key))
    return (checked.code, checked.message) if isinstance(checked, iam_evaluator.AuthError) else None


def _account(access_key: str) -> str:
    """The account whose key it is: its own for what IAM or STS gave out; twelve digits are one themselves."""
    own = responses._account_from_sts_session(access_key) or iam_evaluator.find_iam_access_key_account(access_key)
    return own or (access_key if _ACCOUNT.fullmatch(access_key) else os.environ["MINISTACK_ACCOUNT_ID"])


def _lateness(signature: Any, query: Mapping[str, list[str]]) -> tuple[str, str] | None:
    expired = sigv4.presigned_request_is_expired(signature.amz_date, query.get("X-Amz-Expires", [""])[0])
    return ("AccessDenied", "Request has expired") if expired else None


def _speaks_json(scope: Message, headers: Mapping[str, str]) -> bool:
    of_json = "json" in headers.get("content-type", "") or "x-amz-target" in headers
    return of_json or bool(_OF_A_JSON_API.match(scope["path"]))


def _refusal(code: str, message: str, *, is_json: bool) -> tuple[bytes, str]:
    """The body and its content type: in JSON, or in the XML of S3 and of the query services."""
    if is_json:
        return json.dumps({"__type": code, "message": message}).encode(), "application/json"
    plain = re.sub("[<>&]", " ", message)
    error = f"<Error><Code>{code}</Code><Message>{plain}</Message></Error>"
    return f"<ErrorResponse>{error}</ErrorResponse>".encode(), "text/xml"


async def _reply(send: Send, status: HTTPStatus, body: bytes, kind: str) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _given_again(request: Message, receive: Receive) -> Receive:
    """A `receive` that gives the request that was read, and then what else comes."""
    coming = [request]

    async def again() -> Message:
        return coming.pop() if coming else await receive()

    return again
