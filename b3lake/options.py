"""Parses the options of a command: from the command line, else from the environment.

>>> parser = Parser("b3lake fetch", "Fetch quotes.")
>>> parser.add_setting("--sessions", "SESSIONS", "how many", default="7")
>>> parser.read(["--sessions", "3"], {}).text("sessions")
'3'
>>> parser.read([], {"SESSIONS": "5"}).text("sessions")
'5'
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from b3lake.lake.errors import UsageError
from b3lake.texts.told import told


@dataclass(frozen=True)
class Given:
    """The options of one call; `settings` has those that may come from the environment, stripped."""

    options: argparse.Namespace
    settings: Mapping[str, str]

    def text(self, name: str) -> str:
        """A setting's text, "" where neither option, variable nor default says anything."""
        return self.settings[name]

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """A setting's text, which must be one of `choices`. Raises UsageError."""
        text = self.settings[name]
        if text not in choices:
            raise UsageError(f"{name.upper()}={text} is not known: choose one of {', '.join(choices)}.")
        return text

    def flag(self, name: str) -> bool:
        """Whether a plain option was given."""
        return bool(getattr(self.options, name))


def whole(text: str) -> int:
    """A number of up to nine digits, for `type=` of an option. Raises argparse's own error for anything else."""
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of up to nine digits")
    return int(text)


class _ToldHelp(argparse.HelpFormatter):
    """Help in the language of the terminal."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, told("usage: ") if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        super().start_section(heading and told(heading))

    def add_text(self, text: str | None) -> None:
        super().add_text(text and told(text))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return told(action.help or "")


class Parser(argparse.ArgumentParser):
    """A command line whose options may have an environment variable; wrong usage raises UsageError."""

    def __init__(self, program: str, description: str, epilog: str | None = None) -> None:
        super().__init__(prog=program, description=description, epilog=epilog, formatter_class=_ToldHelp)
        self.settings: dict[str, tuple[str, str]] = {}

    def add_setting(self, flag: str, variable: str, help: str, default: str = "") -> None:  # noqa: A002
        """Add an option that takes a value; without it the environment's `variable` counts, and then `default`."""
        known = f"{variable}; default {default}" if default else variable
        name = self.add_argument(flag, help=f"{told(help)} [{told(known)}]".replace("%", "%%")).dest
        self.settings[name] = (variable, default)

    def read(self, arguments: Sequence[str], environ: Mapping[str, str]) -> Given:
        """Parse one call. Raises UsageError; exits 0 on `--help`, as argparse does."""
        options = self.parse_args(arguments)
        settings = {}
        for name, (variable, default) in self.settings.items():
            given: Any = getattr(options, name)
            settings[name] = str(given if given is not None else environ.get(variable) or default).strip()
        return Given(options, settings)

    def print_help(self, file: Any = None) -> None:
        """Print the help. Raises OSError where it cannot be written, which argparse would keep to itself."""
        print(self.format_help(), end="", file=file or sys.stdout)

    def error(self, message: str) -> NoReturn:
        """Turn argparse's complaint into one sentence."""
        raise UsageError(f"{message}; --help lists the options.")
