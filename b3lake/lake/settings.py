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
        """The names of this deployment's resources."""
        return Names(self.env)

    @property
    def database(self) -> str:
        return self.names.database

    @property
    def workgroup(self) -> str:
        return self.names.workgroup


@dataclass(frozen=True)
class LakePlace:
    """Where the ingestion writes: the raw bucket (None: the one that the account has by its name) and the database."""

    env: str
    bucket: str | None
    database: str


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `LAKE_ENV` (default `dev`) and `AWS_ENDPOINT_URL`; raises UsageError for an impossible name."""
    return Settings(read_env(environ), environ.get("AWS_ENDPOINT_URL") or None)


def read_place(environ: Mapping[str, str], bucket: str = "", database: str = "") -> LakePlace:
    """The place that `LAKE_ENV` names, but for a `bucket` or `database` that was given; raises UsageError."""
    env = read_env(environ)
    return LakePlace(env, bucket or None, database or Names(env).database)


def read_env(environ: Mapping[str, str]) -> str:
    """The environment that `LAKE_ENV` names (default `dev`). Raises UsageError for an impossible name."""
    env = environ.get("LAKE_ENV") or DEFAULT_ENV
    if not ENV_PATTERN.fullmatch(env):
        raise UsageError(f"LAKE_ENV is {env!r}: it is 2 to 12 lower-case letters and digits, such as dev.")
    return env
