"""Serves usual HTTP requests in half the processor time; hypercorn, the server of ministack, has all others.

The answer to a usual request leaves in one piece. At the first request on a connection that is anything else, hypercorn
takes the connection over, beginning with that request, so that what is wrong is refused as ever.

It runs in the virtualenv of the emulator: the standard library and what ministack serves with.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from hypercorn.asyncio import run
from hypercorn.utils import parse_socket_addr

from devlake.emulator_messages import END_OF_HEAD, Answer, usual
from devlake.emulator_retries import Message, Receive

_LOOK_SECONDS = 0.5
"""How often a long answer looks whether its client is still there."""
_HandOver = run.TCPServer
_idle: "WeakSet[asyncio.StreamWriter]" = WeakSet()
"""The connections that wait for a request."""
_watched: "WeakSet[Any]" = WeakSet()


class Connection:
    """One client's connection, in the place of hypercorn's: awaited, it serves it to its end."""

    def __init__(  # noqa: PLR0917 - as hypercorn makes its own
        self,
        app: Callable[..., Coroutine[Any, Any, None]],
        loop: asyncio.AbstractEventLoop,
        config: Any,
        context: Any,
        state: Any,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._app, self._loop, self._config, self._context, self._state = app, loop, config, context, state
        self._reader, self._writer = reader, writer

    def __await__(self) -> Generator[Any, None, None]:
        return self._serve().__await__()

    async def _serve(self) -> None:
        _close_idle_ones_with(self._context, self._loop)
        address = self._writer.get_extra_info("socket")
        try:
            client = parse_socket_addr(address.family, address.getpeername())
            server = parse_socket_addr(address.family, address.getsockname())
            while not self._context.terminated.is_set():
                head = await self._next_head()
                request = usual(head) if head.endswith(END_OF_HEAD) else None
                if request is None:
                    await self._hand_over(head)
                    return
                body = await self._reader.readexactly(request.length)
                scope = request.scope() | {"client": client, "server": server, "state": self._state.copy()}
                answer = Answer(self._writer, request.method)
                await self._ask(scope, body, answer)
                if not await answer.end():
                    return
        except (OSError, asyncio.IncompleteReadError):  # the client has gone
            return
        finally:
            with suppress(OSError, RuntimeError):
                self._writer.close()

    async def _next_head(self) -> bytes:
        """The next request's head; what there is of it where it has no end, or is too long."""
        _idle.add(self._writer)
        try:
            return await self._reader.readuntil(END_OF_HEAD)
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError as error:
            return await self._reader.readexactly(error.consumed)
        finally:
            _idle.discard(self._writer)

    async def _hand_over(self, head: bytes) -> None:
        reader = Again(head, self._reader)
        await _HandOver(self._app, self._loop, self._config, self._context, self._state, reader, self._writer)

    async def _ask(self, scope: Message, body: bytes, answer: Answer) -> None:
        """Have the emulator answer, in a task of its own: what it notes of a request is not for the next."""
        try:
            await self._loop.create_task(self._app(scope, self._giving(body), answer.send, None, None))
        except Exception:  # noqa: BLE001 - as hypercorn does: whatever went wrong, the client is told
            await self._config.log.exception("Error in ASGI Framework")

    def _giving(self, body: bytes) -> Receive:
        """A `receive` that gives the whole body, and then that the client has gone, once it has."""
        coming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if coming:
                return coming.pop()
            while not self._reader.at_eof():
                await asyncio.sleep(_LOOK_SECONDS)
            return {"type": "http.disconnect"}

        return receive


class Again:
    """A reader that gives `read` bytes once more before what else comes."""

    def __init__(self, read: bytes, reader: asyncio.StreamReader) -> None:
        self._read, self._reader = read, reader

    def at_eof(self) -> bool:
        return not self._read and self._reader.at_eof()

    async def read(self, most: int) -> bytes:
        given, self._read = self._read[:most], self._read[most:]
        return given or await self._reader.read(most)


def _close_idle_ones_with(context: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Have the connections that wait for a request closed when the server ends: it waits some seconds for them else."""
    if context in _watched:
        return
    _watched.add(context)

    async def watch() -> None:
        await context.terminated.wait()
        for writer in list(_idle):
            writer.close()

    context.closes_idle_ones = loop.create_task(watch())  # which keeps the task


def install() -> None:
    """Put this in the place of hypercorn's."""
    run.TCPServer = Connection
