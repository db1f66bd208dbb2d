"""How much memory an AWS emulator has."""

import psutil

from devlake.emulator import Emulator


def memory(aws: Emulator) -> int:
    """Bytes that its processes have now."""
    return sum(one.memory_info().rss for one in psutil.Process(aws.supervisor_pid).children(recursive=True))
