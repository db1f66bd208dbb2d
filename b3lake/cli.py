"""The console command `b3lake`: each subcommand is a module with a `main`, imported only when it is asked for."""

import sys
from importlib import import_module
from typing import NoReturn

from b3lake.lake.leave import leave

COMMANDS = {
    "fetch": ("b3lake.ingest.command", "fetch quotes and write them to the lake"),
    "ask": ("b3lake.ask.command", "ask the lake in SQL"),
    "report": ("b3lake.report.command", "write the page about the lake"),
    "preflight": ("b3lake.preflight", "ask an AWS account what it allows, before anything is deployed into it"),
}
USAGE_ERROR = 2


def usage() -> str:
    """The list of subcommands."""
    lines = [f"  {name:<10} {what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(["usage: b3lake COMMAND [options]", "", *lines, "", "b3lake COMMAND --help says more."])


def main() -> NoReturn:
    """Run the subcommand that the command line names, and end the process with its exit code."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(usage())
        leave(0)
    if arguments[0] not in COMMANDS:
        print(f"b3lake: there is no command {arguments[0]!r}.\n{usage()}", file=sys.stderr)
        leave(USAGE_ERROR)
    module, _ = COMMANDS[arguments[0]]
    leave(import_module(module).main(arguments[1:]))
