"""A request that a client sends again, because the answer did not reach it, gets the answer that it had: an ASGI app.

On a busy machine a connection can break between an answer and its reader. The clients of AWS then send the request
again under the same `amz-sdk-invocation-id`, and a creation that had gone well would be told that the thing is there.

It runs in the virtualenv of the emulator: the standard library alone.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

INVOCATION = b"amz-sdk-invocation-id"
KEPT_ANSWERS = 500


def answering_retries(app: App, kept: int = KEPT_ANSWERS) -> App:
    """`app`, which answers a POST of the same invocation as before as it did then; the last `kept` answers are known.

    A request whose client has gone is carried out to its end, so that the client's second one finds the answer. A
    failure (500 and above) is not kept: it is what a client tries again for.
    """
    answers: OrderedDict[bytes, asyncio.Task[list[Message]]] = OrderedDict()

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        invocation = dict(scope.get("headers", [])).get(INVOCATION) if scope.get("method") == "POST" else None
        if invocation is None:
            await app(scope, receive, send)
            return
        if invocation not in answers:
            request = await whole_request(receive)
            answers[invocation] = asyncio.create_task(whole_answer(app, scope, request))
            while len(answers) > kept:
                answers.popitem(last=False)
        task = answers[invocation]
        messages = await asyncio.shield(task)
        if messages[0]["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR and answers.get(invocation) is task:
            del answers[invocation]
        for message in messages:
            await send(message)

    return answer


async def whole_request(receive: Receive) -> Message:
    """The request's body, in one message."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return message | {"body": body}


async def whole_answer(app: App, scope: dict[str, Any], request: Message) -> list[Message]:
    messages: list[Message] = []

    async def receive() -> Message:
        return request

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return messages
