"""Every command under every generic kind of bad input: broken surroundings, and values that no option takes."""

import contextlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from b3lake.cli import COMMANDS, run_command
from devlake.fake_http import serving
from devlake.fake_sources import FakeSources
from devlake.ingest_quotes import fake_origin

USUAL: dict[str, tuple[str, ...]] = {
    "fetch": ("--tickers", "PETR4", "--sessions", "1"),
    "verify": ("--tickers", "PETR4", "--start-date", "2024-01-02", "--end-date", "2024-01-02"),
    "doctor": (),
    "ask": ("latest_close",),
    "report": ("--output", "page.html"),
    "preflight": (),
    "tour": (),
    "export": ("quotes.parquet", "--ticker", "PETR4"),
    "restore": ("--as-of", "2024-01-02T12:00:00Z"),
    "cost": (),
}
"""Arguments with which each command works, given a lake."""
OF_NO_LAKE = frozenset({"verify", "cost"})
"""Commands that ask nothing of AWS, and so do their work whatever it is."""
SECRET = "sesame"
BROKEN_FILE = "[default\nregion = \x00 us-east-1\n"

SURROUNDINGS: dict[str, dict[str, str]] = {
    "an AWS profile that does not exist": {"AWS_PROFILE": "no-such-profile"},
    "an AWS config file that is none": {"AWS_CONFIG_FILE": "{folder}/broken"},
    "an AWS credentials file that is none": {"AWS_SHARED_CREDENTIALS_FILE": "{folder}/broken"},
    "a region that is none": {"AWS_DEFAULT_REGION": "no region!", "AWS_REGION": "no region!"},
    "an endpoint without a scheme": {"AWS_ENDPOINT_URL": "nowhere"},
    "an endpoint without a host": {"AWS_ENDPOINT_URL": "http://"},
    "an endpoint of another protocol": {"AWS_ENDPOINT_URL": "ftp://127.0.0.1"},
    "an endpoint with half an address": {"AWS_ENDPOINT_URL": "http://[::1"},
    "an endpoint with a port that is none": {"AWS_ENDPOINT_URL": "http://127.0.0.1:99999"},
    "an endpoint with a password, and nobody there": {"AWS_ENDPOINT_URL": f"http://me:{SECRET}@127.0.0.1:1"},
    "no credentials": {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    "an environment that is none": {"LAKE_ENV": "Dev; DROP"},
}
VALUES: dict[str, str] = {
    "5,000 digits": "9" * 5000,
    "10 to the 20th": "1" + "0" * 20,
    "a day of the year 22024": "22024-01-02",
    "a day of the year 1": "0001-01-02",
    "nothing": "",
    "text of no alphabet": "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") + "'\"; \\ %s {0}",
}


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    error: str


def options_with_value(command: str) -> list[str]:
    """The options of a command that take a value, as its help has them."""
    with contextlib.redirect_stdout(io.StringIO()) as help_text, pytest.raises(SystemExit):
        run_command(command, ["--help"])
    return sorted(set(re.findall(r"^  (?:-\w, )?(--[\w-]+) [A-Z{]", help_text.getvalue(), re.M)))


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """An environment in which nothing real is reached: sources on this machine, and an AWS where nobody answers."""
    (folder / "broken").write_text(BROKEN_FILE)
    with serving(FakeSources()) as url, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        for name, value in fake_origin(url).settings().items():
            patch.setenv(name, value)
        yield patch


def run(command: str, arguments: list[str], environment: Mapping[str, str], folder: Path) -> Outcome:
    """Run a command in this process. Whatever it raises is raised."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            if value:
                patch.setenv(name, value.format(folder=folder))
            else:
                patch.delenv(name, raising=False)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        out, error = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            code = run_command(command, arguments)
    return Outcome(code, out.getvalue(), error.getvalue())


def cases() -> Iterator[tuple[str, str, list[str], dict[str, str]]]:
    """Every command under every kind: the command, what is given, its arguments, its environment."""
    for command in COMMANDS:
        usual = list(USUAL[command])
        for kind, environment in SURROUNDINGS.items():
            yield command, kind, usual, environment
        for option in options_with_value(command):
            for kind, value in VALUES.items():
                yield command, f"{option} of {kind}", [*usual, f"{option}={value}"], {}
