"""Which lake to ask: read from the environment once, checked, and passed on as a value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from b3lake.ask.errors import QueryError

QUOTES = "b3_daily_quotes"
REFINED = "b3_daily_quotes_refined"
COMPACT = "b3_daily_quotes_compact"

_ENV_NAME = re.compile(r"[a-z][a-z0-9]{1,11}")


@dataclass(frozen=True)
class Settings:
    """One deployment of the lake: its environment, and where an embedded AWS answers (None: the real one)."""

    env: str = "dev"
    endpoint_url: str | None = None

    @property
    def database(self) -> str:
        return f"tech_challenge2_{self.env}"

    @property
    def workgroup(self) -> str:
        return f"tech_challenge2_{self.env}_wg"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `LAKE_ENV` (default `dev`) and `AWS_ENDPOINT_URL`; raises QueryError for an impossible name."""
    env = environ.get("LAKE_ENV") or "dev"
    if not _ENV_NAME.fullmatch(env):
        raise QueryError(f"LAKE_ENV is {env!r}: it is 2 to 12 lower-case letters and digits, such as dev.")
    return Settings(env, environ.get("AWS_ENDPOINT_URL") or None)
