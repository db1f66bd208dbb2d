"""Which lake to ask: read from the environment once, checked, and passed on as a value."""

from collections.abc import Mapping
from dataclasses import dataclass

from b3lake.lake.errors import UsageError
from b3lake.lake.names import DEFAULT_ENV, ENV_PATTERN, Names


@dataclass(frozen=True)
class Settings:
    """One deployment of the lake: its environment, and where an AWS emulator answers (None: the real one)."""

    env: str = DEFAULT_ENV
    endpoint_url: str | None = None

    @property
    def names(self) -> Names:
        """What this deployment's resources are called."""
        return Names(self.env)

    @property
    def database(self) -> str:
        return self.names.database

    @property
    def workgroup(self) -> str:
        return self.names.workgroup


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `LAKE_ENV` (default `dev`) and `AWS_ENDPOINT_URL`; raises UsageError for an impossible name."""
    env = environ.get("LAKE_ENV") or DEFAULT_ENV
    if not ENV_PATTERN.fullmatch(env):
        raise UsageError(f"LAKE_ENV is {env!r}: it is 2 to 12 lower-case letters and digits, such as dev.")
    return Settings(env, environ.get("AWS_ENDPOINT_URL") or None)
