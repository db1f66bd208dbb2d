"""HTTP/1.1 messages as they come over a connection, read whole and kept to the byte."""

import asyncio
from dataclasses import dataclass

_END_OF_HEAD = b"\r\n\r\n"
_WITHOUT_BODY = {"204", "304"}


@dataclass(frozen=True)
class Message:
    """A request or a response: its first line, its headers (names in lower case), and all of its bytes."""

    first_line: str
    headers: dict[str, str]
    head: bytes
    body: bytes
    """The body as it is on the wire: with the sizes of its chunks, if it has any."""

    def without_header(self, name: str) -> "Message":
        """The same message without the header `name`, which is given in lower case."""
        lines = [line for line in self.head.split(b"\r\n") if line.split(b":")[0].lower() != name.encode()]
        kept = {header: value for header, value in self.headers.items() if header != name}
        return Message(self.first_line, kept, b"\r\n".join(lines), self.body)


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Message | None:
    """The next request of a client; None when it closed the connection.

    A client that waits for "100 Continue" before it sends the body is told so; the header by which it asked for that is
    taken out, for nobody else has to answer it.
    """
    head = await _read_head(reader)
    if head is None:
        return None
    if "expect" in head.headers:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = head.without_header("expect")
    if _has_length(head):
        return await _with_body(reader, head)
    return head


async def read_response(reader: asyncio.StreamReader, *, to_head: bool) -> Message | None:
    """The response to a request (with `to_head`, to a HEAD request); None when the server closed the connection."""
    head = await _read_head(reader)
    while head is not None and head.first_line.split()[1].startswith("1"):
        head = await _read_head(reader)
    if head is None or to_head or head.first_line.split()[1] in _WITHOUT_BODY:
        return head
    if _has_length(head):
        return await _with_body(reader, head)
    return Message(head.first_line, head.headers, head.head, await reader.read())  # to the end of the connection


async def _read_head(reader: asyncio.StreamReader) -> Message | None:
    try:
        head = await reader.readuntil(_END_OF_HEAD)
    except asyncio.IncompleteReadError:
        return None
    first_line, *lines = head.removesuffix(_END_OF_HEAD).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Message(first_line, {name.strip().lower(): value.strip() for name, _, value in pairs}, head, b"")


def _has_length(head: Message) -> bool:
    return "content-length" in head.headers or "transfer-encoding" in head.headers


async def _with_body(reader: asyncio.StreamReader, head: Message) -> Message:
    if "transfer-encoding" in head.headers:
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(head.headers["content-length"]))
    return Message(head.first_line, head.headers, head.head, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    read = []
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if not size:
            break
        read += [line, await reader.readexactly(size + 2)]
    read.append(line)
    while line != b"\r\n":  # trailers, and the empty line behind them
        line = await reader.readuntil(b"\r\n")
        read.append(line)
    return b"".join(read)
