"""Lets the AWS emulator listen at a second address of this machine: a container does not reach 127.0.0.1.

    LAKE_BIND=172.17.0.1 python -m devlake.emulator_catalog

It listens on the same port at both, guarded alike. It runs in the virtualenv of the emulator: the standard library and
what ministack serves with.
"""

from hypercorn.config import Config, Sockets

from devlake.emulator_guard import second_address


def install() -> None:
    """Add the second address, if there is one, to whatever the server binds to."""
    address = second_address()
    if not address:
        return
    create_sockets = Config.create_sockets

    def create_both(config: Config) -> Sockets:
        port = config.bind[0].rpartition(":")[2]
        config.bind = [*config.bind, f"{address}:{port}"]
        return create_sockets(config)

    Config.create_sockets = create_both
