"""The console command `b3lake`: its subcommands, and how each of them ends."""

import difflib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

from b3lake.lake.errors import B3LakeError, UsageError
from b3lake.lake.leave import leave
from b3lake.texts.told import told

EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Command:
    """A subcommand: the module whose `main(arguments, program)` gives its exit code, imported only when asked for."""

    module: str
    description: str
    after_interrupt: str = "run it again"


COMMANDS = {
    "fetch": Command(
        "b3lake.ingest.commands.fetch",
        "fetch quotes and write them to the lake",
        "run it again and it goes on where it was",
    ),
    "verify": Command("b3lake.ingest.commands.verify", "compare Yahoo's quotes with B3's own; writes nothing"),
    "doctor": Command(
        "b3lake.ingest.commands.doctor",
        "say what is wrong with the lake's quotes, and repair it with --fix",
        "run it again and it goes on where it was",
    ),
    "ask": Command("b3lake.ask.command", "ask the lake in SQL"),
    "report": Command("b3lake.report.command", "write the page about the lake"),
    "preflight": Command("b3lake.preflight", "ask an AWS account what it allows, before deploying into it"),
    "tour": Command("b3lake.tour.command", "walk the lake's stages, and show each one's evidence"),
    "export": Command("b3lake.analysis.export", "write a table as one Parquet, CSV or DuckDB file"),
    "restore": Command("b3lake.restore.command", "bring the lake back to what it was at a moment"),
    "cost": Command("b3lake.cost.command", "compute what a lake costs in a month; asks nothing of AWS"),
}


def usage() -> str:
    """The list of subcommands."""
    lines = [f"  {name:<10} {told(command.description)}" for name, command in COMMANDS.items()]
    return "\n".join(
        [told("usage: b3lake COMMAND [options]"), "", *lines, "", told("b3lake COMMAND --help says more.")]
    )


def run_command(name: str, arguments: Sequence[str], program: str = "") -> int:
    """Carry out one subcommand; its exit code. Whatever ends it early is one sentence on standard error.

    `program` is what the command is called in messages, by default `b3lake NAME`.
    """
    command, program = COMMANDS[name], program or f"b3lake {name}"
    try:
        return int(import_module(command.module).main(arguments, program))
    except B3LakeError as error:
        return _fail(program, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail(program, f"interrupted; {command.after_interrupt}.", EXIT_INTERRUPTED)


def _fail(program: str, sentence: str, exit_code: int) -> int:
    print(f"{program}: {told(sentence)}", file=sys.stderr)
    return exit_code


def _choose(name: str) -> str:
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        advice = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(COMMANDS)}."
        raise UsageError(f"there is no command {name!r}: {advice}")
    return name


def main() -> NoReturn:
    """Run the subcommand that the command line names, and end the process with its exit code."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(usage())
        leave(0)
    try:
        name = _choose(arguments[0])
    except UsageError as error:
        leave(_fail("b3lake", str(error), error.exit_code))
    leave(run_command(name, arguments[1:]))
