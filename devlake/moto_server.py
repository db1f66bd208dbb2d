"""moto's server as a process of its own, for what the AWS emulator lacks and for benchmarks."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devlake import paths
from devlake.child_process import Child, demand_ready
from devlake.loopback import ADDRESS, free_port

START_SECONDS = 60.0


@contextmanager
def moto_server(folder: Path, *, seconds: float = 3600, **settings: str) -> Iterator[str]:
    """A moto server, whose log is in `folder`, for the length of a `with` block; gives the URL.

    `settings` are environment variables of its own. Raises DevLakeError when it does not start.
    """
    port, log = free_port(), folder / "moto.log"
    url = f"http://{ADDRESS}:{port}"

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()  # noqa: S310 - a loopback address
        except (urllib.error.URLError, OSError):
            return False
        return True

    command: list[str | Path] = [paths.tool("tech", "moto_server"), "-H", ADDRESS, "-p", str(port)]
    with Child(command, environment=os.environ | settings, log=log, seconds=seconds) as child:
        demand_ready(child, "moto", answers, seconds=START_SECONDS, log=log)
        yield url
